"""Keeps instances of functions warm before an on-sale, at once and without a new revision.

    python -m infra.deploy.warm reserve=6 checkout=4     so many instances at least, over all revisions
    python -m infra.deploy.warm                          what each function keeps warm, and its most

The next apply gives back what Terraform says (`sizing` in terraform.tfvars, else the manifest); releases wait for the
sale anyway (freeze.py).
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence

from infra.deploy import traffic
from infra.deploy.gcloud import gcloud

LEAST = "run.googleapis.com/minScale"
MOST = "run.googleapis.com/maxScale"


class Refused(RuntimeError):
    """This can't be kept warm; the message says why. Nothing was changed."""


def scaled() -> dict[str, tuple[int, int | None]]:
    """Each service's least and most instances; None where it has no limit of its own."""
    found = {}
    for each in gcloud("run", "services", "list"):
        notes = each["metadata"].get("annotations", {})
        found[each["metadata"]["name"]] = int(notes.get(LEAST, 0)), int(notes[MOST]) if MOST in notes else None
    return found


def wanted(arguments: Sequence[str], there: Mapping[str, tuple[int, int | None]]) -> dict[str, int]:
    """The instances that are asked for, by service. Raises Refused."""
    asked = {}
    for argument in arguments:
        name, _, number = argument.partition("=")
        service = traffic.service(name)
        if service not in there:
            raise Refused(f"there is no function {name}")
        if not number.isdecimal():
            raise Refused(f"{argument!r} is not a name and a number, as reserve=6")
        most = there[service][1]
        if most is not None and int(number) > most:
            raise Refused(f"{name} may have {most} instances: raise max_instances first (sizing)")
        asked[service] = int(number)
    return asked


def warm(asked: Mapping[str, int]) -> list[str]:
    """Set the least instances of each service, and return what went wrong: one doesn't keep the others."""
    stuck = traffic.each(lambda name: gcloud("run", "services", "update", name, f"--min={asked[name]}"), asked)
    return [f"{name}: {fault}" for name, fault in stuck]


def main() -> int:
    """Do what is asked for; 1 where that didn't work out for every function."""
    try:
        there = scaled()
        asked = wanted(sys.argv[1:], there)
    except (Refused, subprocess.CalledProcessError) as fault:
        print(f"Nothing was changed: {fault}")
        return 1
    stuck = warm(asked)
    for name, (least, most) in sorted(there.items()):
        if name in asked or not asked:
            print(f"{name}: {asked.get(name, least)} warm (was {least}), {most or 'no limit'} at most")
    for line in stuck:
        print(f"NOT WARM, do it by hand: {line}")
    return 1 if stuck else 0


if __name__ == "__main__":
    sys.exit(main())
