"""Detects configuration drift: plans what was released last against the cloud. drift.yaml runs it every morning.

    python3 infra/deploy/drift.py FOLDER      the released files; ENVIRONMENT, STATE_BUCKET and TERRAFORM name the rest

It changes nothing and takes no lock, so that no release waits for it. Of a difference it says which resources and no
values. The two lines that alerts are made of are counted by infra/terraform/monitoring_metrics.tf. Nothing of ours is
installed where it runs: the standard library does. Exit status 0: no difference; 2: some; 1: nobody could tell.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CHECKED = "drift: compared with what was released"
FOUND = "drift: the cloud is not what was released"
_SAVED = "drift.plan"
_DIFFERS = 2
"""What `terraform plan -detailed-exitcode` ends with where it would change something."""


def changes(planned: dict[str, Any]) -> list[str]:
    """A line for each resource that an apply would touch: its address and what would be done to it."""
    touched = [(each["address"], each["change"]["actions"]) for each in planned.get("resource_changes", [])]
    return [f"{address}: {', '.join(actions)}" for address, actions in touched if actions not in (["no-op"], ["read"])]


def check(root: Path, terraform: str, state_bucket: str, image: str) -> list[str]:
    """Plan the root; the resources that differ. Raises CalledProcessError where Terraform fails."""
    _run(root, [terraform, "init", "-input=false", "-no-color", f"-backend-config=bucket={state_bucket}"])
    options = [
        "-input=false",
        "-no-color",
        "-lock=false",
        "-detailed-exitcode",
        f"-var=image={image}",
        f"-out={_SAVED}",
    ]
    plan = [terraform, "plan", *options]
    ended = subprocess.run(plan, cwd=root, check=False, stdout=subprocess.DEVNULL).returncode
    if ended not in (0, _DIFFERS):
        raise subprocess.CalledProcessError(ended, plan)
    if ended == 0:
        return []
    return changes(json.loads(_run(root, [terraform, "show", "-json", _SAVED]))) or ["outputs only"]


def _run(root: Path, command: list[str]) -> str:
    return subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout


def main(arguments: list[str]) -> int:
    """Check the environment's root in the folder that is named."""
    image = Path(arguments[0], ".image").read_text(encoding="utf-8").strip()  # as it was planned
    root = Path(arguments[0], "infra", "terraform", "environments", os.environ["ENVIRONMENT"])
    terraform = str(Path(os.environ["TERRAFORM"]).absolute())
    try:
        found = check(root, terraform, os.environ["STATE_BUCKET"], image)
    except subprocess.CalledProcessError as fault:
        print(f"{fault.cmd[1]} ended with {fault.returncode}: nobody knows")
        return 1
    print(CHECKED)
    if found:
        print("\n".join([FOUND, *found]))
    return _DIFFERS if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
