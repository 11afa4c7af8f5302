"""Refuses a saved plan whose apply would move traffic.

    python -m infra.deploy.planned_traffic PLAN.json     after `traffic pin`, before the apply

Terraform's provider sends a service whole, with the traffic that it had when it was planned. Where that was moved
since, the apply would move it back; a service that was not pinned then would send everybody to its new revision.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.deploy import traffic

SERVICE = "google_cloud_run_v2_service"


def moved_by(planned: Mapping[str, Any], pinned: Mapping[str, str]) -> list[str]:
    """A line for each service to which the apply of this plan would give other traffic than it has been pinned to."""
    changes = [each["change"] for each in planned.get("resource_changes", []) if each["type"] == SERVICE]
    sent = {each["after"]["name"]: _shares(each["after"]) for each in changes if each["actions"] == ["update"]}
    return [
        f"{service} would get {shares or 'its latest revision'} and serves {pinned.get(service)}"
        for service, shares in sorted(sent.items())
        if shares != {pinned.get(service): 100}
    ]


def _shares(service: Mapping[str, Any]) -> dict[str, int]:
    """The percent of each revision that is named; a service that follows its latest revision names none."""
    targets = service.get("traffic") or []
    named = [target for target in targets if target["percent"] and target["revision"]]
    return {target["revision"].rpartition("/")[2]: target["percent"] for target in named}


def main() -> int:
    """1 where the plan has to be made again."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    planned = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    pinned = json.loads(traffic.PINNED.read_text(encoding="utf-8"))
    moved = moved_by(planned, pinned)
    if moved:
        print("Nothing was applied. All are pinned now: run the build `plan` of this commit again.")
        print("\n".join(moved))
    return 1 if moved else 0


if __name__ == "__main__":
    sys.exit(main())
