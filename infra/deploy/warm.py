"""Sets the minimum instances of functions before an on-sale, at once and without a new revision.

    python -m infra.deploy.warm reserve=6 checkout=4     minimum instances, over all revisions
    python -m infra.deploy.warm                          the minimum and maximum of each function

The next apply restores what Terraform says (`sizing` in terraform.tfvars, else the manifest); releases wait for the
sale anyway (freeze.py).
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence

from infra.deploy import traffic
from infra.deploy.gcloud import gcloud

MIN_SCALE = "run.googleapis.com/minScale"
MAX_SCALE = "run.googleapis.com/maxScale"


class InvalidScaling(RuntimeError):
    """This can't be kept warm; the message says why. Nothing was changed."""


def current_scaling() -> dict[str, tuple[int, int | None]]:
    """Each service's minimum and maximum instances; None where it has no maximum of its own."""
    found = {}
    for each in gcloud("run", "services", "list"):
        notes = each["metadata"].get("annotations", {})
        found[each["metadata"]["name"]] = (
            int(notes.get(MIN_SCALE, 0)),
            int(notes[MAX_SCALE]) if MAX_SCALE in notes else None,
        )
    return found


def parse_minimums(arguments: Sequence[str], there: Mapping[str, tuple[int, int | None]]) -> dict[str, int]:
    """The requested instances, by service. Raises InvalidScaling."""
    minimums = {}
    for argument in arguments:
        name, _, number = argument.partition("=")
        service = traffic.service_name(name)
        if service not in there:
            raise InvalidScaling(f"there is no function {name}")
        if not number.isdecimal():
            raise InvalidScaling(f"{argument!r} is not a name and a number, as reserve=6")
        most = there[service][1]
        if most is not None and int(number) > most:
            raise InvalidScaling(f"{name} may have {most} instances: raise max_instances first (sizing)")
        minimums[service] = int(number)
    return minimums


def warm(minimums: Mapping[str, int]) -> list[str]:
    """Set the minimum instances of each service, and return the failures: one does not stop the others."""
    failed = traffic.for_each(
        lambda name: gcloud("run", "services", "update", name, f"--min={minimums[name]}"), minimums
    )
    return [f"{name}: {fault}" for name, fault in failed]


def main() -> int:
    """Run the command; 1 if it failed for any function."""
    try:
        there = current_scaling()
        minimums = parse_minimums(sys.argv[1:], there)
    except (InvalidScaling, subprocess.CalledProcessError) as fault:
        print(f"Nothing was changed: {fault}")
        return 1
    failed = warm(minimums)
    for name, (least, most) in sorted(there.items()):
        if name in minimums or not minimums:
            print(f"{name}: {minimums.get(name, least)} warm (was {least}), {most or 'no limit'} at most")
    for line in failed:
        print(f"NOT WARM, do it by hand: {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
