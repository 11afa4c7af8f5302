"""`make infra-check`: proves infra/terraform without a cloud. Any error or warning ends it.

The environment variable TERRAFORM names the command, `terraform` by default; CHECKOV the scanner. Format,
validate, plan both environments, terraform test, tests/infra on the plans, checkov on the plans.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "infra" / "terraform"
ENVIRONMENTS = ("staging", "production", "vault")
EXAMPLES = "terraform.tfvars.example"
IMAGE = "asia-southeast2-docker.pkg.dev/example-karcis-{environment}/functions/karcis@sha256:" + "0" * 64
"""The image that a pipeline gives Terraform: no file holds it."""


class StepFailed(RuntimeError):
    """A step ended with an error or a warning; its output has been printed."""


def main() -> int:
    """Run every step; 1 where one fails."""
    terraform = shlex.split(os.environ.get("TERRAFORM", "terraform"))
    if shutil.which(terraform[0]) is None:
        print(
            f"There is no {terraform[0]}: install Terraform 1.9 or newer, or name one: make infra-check TERRAFORM=..."
        )
        return 1
    with tempfile.TemporaryDirectory() as plans:
        try:
            _prove(terraform, Path(plans))
        except StepFailed as fault:
            print(f"infra-check: {fault}")
            return 1
    print("infra-check: all proven")
    return 0


def _prove(terraform: Sequence[str], plans: Path) -> None:
    _step("fmt", [*terraform, f"-chdir={TERRAFORM}", "fmt", "-check", "-recursive"], warnings=True)
    _step("init", _in(terraform, TERRAFORM, "init"), warnings=True)
    _step("validate", _in(terraform, TERRAFORM, "validate"))
    for environment in ENVIRONMENTS:
        _plan(terraform, environment, plans)
    _step("terraform test", _in(terraform, TERRAFORM, "test"))
    pytest = [sys.executable, "-m", "pytest", "-q", "tests/infra"]
    planned = {"TERRAFORM_PLANS": str(plans), "TERRAFORM": shlex.join(terraform)}
    _step("tests/infra", pytest, surroundings=planned)
    _scan(plans)


def _plan(terraform: Sequence[str], environment: str, plans: Path) -> None:
    saved = plans / f"{environment}.plan"
    # An operator's own init stays as it is.
    apart = {"TF_DATA_DIR": str(TERRAFORM / "environments" / environment / ".terraform" / "infra-check")}
    with _as_committed(environment) as folder:
        _step(f"init {environment}", _in(terraform, folder, "init", "-reconfigure"), warnings=True, surroundings=apart)
        plan = _in(terraform, folder, "plan", f"-var-file={EXAMPLES}", f"-out={saved}")
        given = {"TF_VAR_image": IMAGE.format(environment=environment)}  # the vault has none, and asks for none
        _step(f"plan {environment}", plan, surroundings=apart | given)
        command = [*terraform, f"-chdir={folder}", "show", "-json", str(saved)]
        shown = _step(f"show {environment}", command, quiet=True, surroundings=apart)
    (plans / f"{environment}.json").write_text(shown, encoding="utf-8")


@contextmanager
def _as_committed(environment: str) -> Iterator[Path]:
    """A copy of the environment beside it, without its bucket of state and without an operator's terraform.tfvars.

    What is planned here begins with nothing, and is the example: Terraform would read those variables unasked.
    """
    environments = TERRAFORM / "environments"
    with tempfile.TemporaryDirectory(prefix="infra-check-", dir=environments) as folder:
        committed = environments / environment
        for file in (*committed.glob("*.tf"), committed / EXAMPLES, committed / ".terraform.lock.hcl"):
            shutil.copy(file, folder)
        Path(folder, "infra_check_override.tf").write_text('terraform {\n  backend "local" {}\n}\n', encoding="utf-8")
        yield Path(folder)


def _scan(plans: Path) -> None:
    """Checkov on what is planned: with the real values, and with the code's own skips and their reasons."""
    files = [argument for environment in ENVIRONMENTS for argument in ("-f", str(plans / f"{environment}.json"))]
    options = ["--framework", "terraform_plan", "--repo-root-for-plan-enrichment", str(TERRAFORM)]
    checkov = shlex.split(os.environ.get("CHECKOV", "checkov"))
    _step("checkov", [*checkov, *files, *options, "--compact", "--quiet", "--skip-download"])


def _in(terraform: Sequence[str], folder: Path, command: str, *options: str) -> list[str]:
    return [*terraform, f"-chdir={folder}", command, "-no-color", *options]


def _step(
    name: str,
    command: Sequence[str],
    *,
    warnings: bool = False,
    quiet: bool = False,
    surroundings: Mapping[str, str] | None = None,
) -> str:
    """Run one step, print its duration, and return its output. Raises StepFailed.

    `warnings` allows warnings, about the machine's set-up rather than our code. `quiet` is for steps whose output is
    data. `surroundings` are additional environment variables.
    """
    begun = time.monotonic()
    # Google's provider needs a token even for a plan that calls no API.
    variables = {"GOOGLE_OAUTH_ACCESS_TOKEN": "nobody", **os.environ, **(surroundings or {})}
    ran = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    print(f"  {name:<16} {time.monotonic() - begun:5.1f} s", flush=True)
    warned = "Warning:" in ran.stdout + ran.stderr and not (warnings or quiet)
    if ran.returncode or warned:
        print(ran.stdout[-20_000:], ran.stderr[-20_000:], sep="\n")
        raise StepFailed(f"{name} {'warns' if warned and not ran.returncode else 'failed'}")
    return ran.stdout


if __name__ == "__main__":
    sys.exit(main())
