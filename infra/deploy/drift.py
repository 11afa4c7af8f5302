"""Detects configuration drift: plans what was released last against the cloud. drift.yaml runs it every morning.

    python3 infra/deploy/drift.py FOLDER      the released files; ENVIRONMENT, STATE_BUCKET and TERRAFORM name the rest

It changes nothing and takes no lock, so that no release waits for it. It reports which resources differ, and no values.
infra/terraform/monitoring_metrics.tf counts the two log lines behind the alerts. Where it runs no package is installed,
so it needs only the standard library. Exit status 0: no difference; 2: some; 1: nobody could tell.
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
PREWARM = "google_workflows_workflow.prewarm"
"""The workflow that raises minimum instances while a sale opens: no drift (infra/terraform/prewarm.tf)."""
_DIFFERS = 2
"""The exit status of `terraform plan -detailed-exitcode` where it would change something."""


def changes(planned: dict[str, Any]) -> list[str]:
    """A line for each resource that an apply would change: its address and the actions."""
    found = planned.get("resource_changes", [])
    warmed = _warmed_instances(found)
    touched = [each for each in found if each["change"]["actions"] not in (["no-op"], ["read"])]
    return [
        f"{each['address']}: {', '.join(each['change']['actions'])}" for each in touched if not _is_warmed(each, warmed)
    ]


def _warmed_instances(found: list[dict[str, Any]]) -> dict[str, int]:
    """The minimum instances of each service while a sale opens."""
    workflows = [each["change"]["after"] for each in found if each["address"].endswith(PREWARM)]
    scaling = json.loads(workflows[0]["user_env_vars"]["SCALING"]) if workflows else {}
    return {service: number["on_sale"] for service, number in scaling.items()}


def _is_warmed(resource: dict[str, Any], warmed: dict[str, int]) -> bool:
    """True for a service that differs only by being warmed for a sale."""
    before, after = resource["change"].get("before") or {}, resource["change"].get("after") or {}
    differing = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    if differing != {"scaling"} or before.get("name") not in warmed or not before["scaling"] or not after["scaling"]:
        return False
    usual = after["scaling"][0]
    is_on_sale: bool = before["scaling"][0] == {**usual, "min_instance_count": warmed[before["name"]]}
    return is_on_sale


def check(root: Path, terraform: str, state_bucket: str, image: str) -> list[str]:
    """Plan the root; the resources that differ. Raises CalledProcessError where Terraform fails."""
    _run(
        root,
        [
            terraform,
            "init",
            "-input=false",
            "-no-color",
            "-lockfile=readonly",
            f"-backend-config=bucket={state_bucket}",
        ],
    )
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
