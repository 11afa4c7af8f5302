"""Moves the traffic of a release to its new revisions: 10, 50, 100 %, with a look at their health in between.

    python -m infra.deploy.canary https://tickets.example.com

Where one function is ill, all go back: a release is one thing. The services stay pinned by name, so that the
next deploy moves nobody by itself. Before a revision gets any traffic it has started, has reached the database (its
startup probe) and, where people call it, was asked at an address of its own (tagged.py). At night, when nobody buys,
the canary's own requests show how it does (knocks.py).
"""

import json
import sys
from collections.abc import Callable, Sequence

from functions.manifest import manifest
from infra.deploy import tagged, traffic
from infra.deploy.health import Measure, complaint, measuring
from infra.deploy.knocks import knocking
from infra.deploy.traffic import Split

STEPS = (10, 50, 100)
WATCH_SECONDS = 600  # Monitoring lags by up to three minutes: shorter windows mislead

Move = Callable[[Split, int], None]
Wait = Callable[[float], None]


class NotMoved(RuntimeError):
    """The traffic of a service could not be moved."""


def roll_out(
    splits: Sequence[Split], *, move: Move, measuring: Callable[[], Measure], wait: Wait, public: frozenset[str]
) -> list[str]:
    """Take every split to 100 %, or all of them back. Returns the complaints; none means it is done.

    An early end, by an error too, leaves everybody on the old revision. The `public` services are not taken on unseen.
    """
    if not splits:
        return []
    arrived = False
    try:
        for percent in STEPS:
            _move(splits, percent, move)
            print(f"{percent} % for {WATCH_SECONDS} s", flush=True)
            wait(WATCH_SECONDS)
            complaints = _complaints(splits, measuring(), public)
            if complaints:
                return complaints
        arrived = True
        return []
    finally:
        if not arrived:
            _back(splits, move)


def _move(splits: Sequence[Split], percent: int, move: Move) -> None:
    stuck = traffic.each(lambda split: move(split, percent), splits)
    if stuck:
        raise NotMoved("; ".join(f"{split.service} to {percent} %: {error}" for split, error in stuck))


def _complaints(splits: Sequence[Split], measure: Measure, public: frozenset[str]) -> list[str]:
    found: dict[str, str] = {}

    def look(split: Split) -> None:
        old, new = (measure(split.service, revision, WATCH_SECONDS) for revision in (split.old, split.new))
        fault = complaint(old, new, is_public=split.service in public)
        if fault:
            found[split.service] = f"{split.service}: {fault}"

    unseen = traffic.each(look, splits)
    if unseen:
        raise unseen[0][1]
    return [found[service] for service in sorted(found)]


def _back(splits: Sequence[Split], move: Move) -> None:
    """Every service to its old revision; one that can't be moved doesn't keep the others."""
    for split, error in traffic.each(lambda split: move(split, 0), splits):
        print(f"NOT ROLLED BACK, do it by hand: {split.service} to {split.old}: {error}", flush=True)


def main() -> int:
    """Roll out what `traffic hold` and the apply have prepared."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    held = json.loads(traffic.HELD.read_text(encoding="utf-8"))
    try:
        splits = traffic.splits(held)
    except traffic.NotReady as fault:
        print(f"Nothing was moved: {fault}")
        return 1
    print(traffic.described(splits), flush=True)
    faults = tagged.faults(splits)
    if faults:
        print("\n".join(["Nobody was sent to the new revisions:", *faults]))
        return 1
    public = frozenset(traffic.service(name) for name, each in manifest().functions.items() if each.is_public)
    wait = knocking(sys.argv[1].rstrip("/"), [split.service for split in splits])
    complaints = roll_out(splits, move=traffic.move, measuring=measuring, wait=wait, public=public)
    for line in complaints:
        print(f"rolled back: {line}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
