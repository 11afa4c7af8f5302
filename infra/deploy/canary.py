"""Moves the traffic of a release to its new revisions: 10, 50, 100 %, with a look at their health in between.

    python -m infra.deploy.canary

Where one function is ill, all go back: a release is one thing. The services stay pinned by name, so that the
next deploy moves nobody by itself.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence

from infra.deploy import traffic
from infra.deploy.health import Health, complaint, health
from infra.deploy.traffic import Split

STEPS = (10, 50, 100)
WATCH_SECONDS = 600  # Monitoring lags by up to three minutes: shorter windows mislead

Move = Callable[[Split, int], None]
Measure = Callable[[str, str, int], Health]
Wait = Callable[[float], None]


def roll_out(splits: Sequence[Split], *, move: Move, measure: Measure, wait: Wait) -> list[str]:
    """Take every split to 100 %, or all of them back. Returns the complaints; none means it is done.

    An early end, by an error too, leaves everybody on the old revision.
    """
    arrived = False
    try:
        for percent in STEPS:
            for split in splits:
                move(split, percent)
            print(f"{percent} % for {WATCH_SECONDS} s", flush=True)
            wait(WATCH_SECONDS)
            complaints = _complaints(splits, measure)
            if complaints:
                return complaints
        arrived = True
        return []
    finally:
        if not arrived:
            _back(splits, move)


def _complaints(splits: Sequence[Split], measure: Measure) -> list[str]:
    found = []
    for split in splits:
        old, new = (measure(split.service, revision, WATCH_SECONDS) for revision in (split.old, split.new))
        fault = complaint(old, new)
        if fault:
            found.append(f"{split.service}: {fault}")
    return found


def _back(splits: Sequence[Split], move: Move) -> None:
    """Every service to its old revision; one that can't be moved doesn't keep the others."""
    stuck = []
    for split in splits:
        try:
            move(split, 0)
        except Exception as error:  # noqa: BLE001 - the others must go back whatever happens to this one
            stuck.append(f"{split.service} to {split.old}: {error}")
    for fault in stuck:
        print(f"NOT ROLLED BACK, do it by hand: {fault}", flush=True)


def main() -> int:
    """Roll out what `traffic hold` and the apply have prepared."""
    held = json.loads(traffic.HELD.read_text(encoding="utf-8"))
    splits = traffic.splits(held)
    print(traffic.described(splits), flush=True)
    complaints = roll_out(splits, move=traffic.move, measure=health, wait=time.sleep)
    for fault in complaints:
        print(f"rolled back: {fault}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
