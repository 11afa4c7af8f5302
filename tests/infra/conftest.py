"""The planned cloud, as `make infra-check` has planned it."""

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ("staging", "production")


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def plan(request: pytest.FixtureRequest) -> dict[str, Any]:
    folder = os.environ.get("TERRAFORM_PLANS")
    if folder is None:
        pytest.skip("needs Terraform's plans: make infra-check")
    return json.loads((Path(folder) / f"{request.param}.json").read_text(encoding="utf-8"))


@pytest.fixture
def outputs(plan: dict[str, Any]) -> dict[str, Any]:
    return {name: output.get("value") for name, output in plan["planned_values"]["outputs"].items()}


@pytest.fixture
def resources(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every planned resource's values by its address, without the module's name in front."""
    found: dict[str, dict[str, Any]] = {}
    waiting = [plan["planned_values"]["root_module"]]
    while waiting:
        module = waiting.pop()
        waiting += module.get("child_modules", [])
        for resource in module.get("resources", []):
            found[resource["address"].removeprefix("module.karcis.")] = resource["values"]
    return found


@pytest.fixture
def told(plan: dict[str, Any]) -> dict[str, dict[str, str | None]]:
    """Each function's environment; None where only the apply will know."""
    found = {}
    for change in plan["resource_changes"]:
        if change["type"] == "google_cloud_run_v2_service":
            planned = change["change"]["after"]["template"][0]["containers"][0]["env"]
            environment = {each["name"]: each.get("value") for each in planned}
            found[str(environment["FUNCTION"])] = environment
    return found


@pytest.fixture
def refused():
    """Terraform's errors for a manifest of tests/fixtures."""
    command = os.environ.get("TERRAFORM")
    if os.environ.get("TERRAFORM_PLANS") is None or command is None:
        pytest.skip("needs Terraform: make infra-check")
    folder = ROOT / "infra" / "terraform"

    def run(fixture: str) -> str:
        options = [f"-var-file={folder}/tests/example.auto.tfvars", f"-var=manifest_file=tests/fixtures/{fixture}"]
        answer = subprocess.run(
            [*shlex.split(command), f"-chdir={folder}", "plan", "-no-color", *options],
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        assert answer.returncode != 0
        words = (answer.stdout + answer.stderr).replace("│", " ").split()
        return " ".join(words)

    return run
