"""Moves the traffic of a release to its new revisions: 10, 50, 100 %, with a health check after each step.

    python -m infra.deploy.canary https://tickets.example.com

Where one function is unhealthy, all are rolled back: a release is one thing. The services stay pinned by name, so that
the next deploy moves no traffic by itself. Before a revision gets traffic it has started, has reached the database (its
startup probe) and, if people call it, was checked at its tagged address (candidate_checks.py). At night, when nobody
buys, it is judged by synthetic requests and purchases (synthetic_requests.py).
"""

import json
import sys
from collections.abc import Callable, Sequence

from functions.manifest import manifest
from infra.deploy import candidate_checks, traffic
from infra.deploy.health import ReadHealth, monitoring_reader, regression
from infra.deploy.synthetic_requests import SELLING, wait_sending
from infra.deploy.traffic import RevisionChange

STEPS = (10, 50, 100)
WATCH_SECONDS = 600  # Monitoring lags by up to three minutes: shorter windows mislead

Move = Callable[[RevisionChange, int], None]
Wait = Callable[[float], None]


class NotMoved(RuntimeError):
    """The traffic of a service could not be moved."""


def roll_out(
    changes: Sequence[RevisionChange],
    *,
    move: Move,
    monitoring_reader: Callable[[], ReadHealth],
    wait: Wait,
    public: frozenset[str],
) -> list[str]:
    """Move every service to 100 %, or roll all of them back. Returns the regressions, none on success.

    An early end, by an error too, leaves all traffic on the old revisions. A `public` service needs requests before the
    next step, one that sells needs successes.
    """
    if not changes:
        return []
    arrived = False
    try:
        for percent in STEPS:
            _move(changes, percent, move)
            print(f"{percent} % for {WATCH_SECONDS} s", flush=True)
            wait(WATCH_SECONDS)
            regressions = _regressions(changes, monitoring_reader(), public)
            if regressions:
                return regressions
        arrived = True
        return []
    finally:
        if not arrived:
            _roll_back(changes, move)


def _move(changes: Sequence[RevisionChange], percent: int, move: Move) -> None:
    failed = traffic.for_each(lambda change: move(change, percent), changes)
    if failed:
        raise NotMoved("; ".join(f"{change.service} to {percent} %: {error}" for change, error in failed))


def _regressions(changes: Sequence[RevisionChange], read_health: ReadHealth, public: frozenset[str]) -> list[str]:
    found: dict[str, str] = {}

    def compare(change: RevisionChange) -> None:
        old, new = (read_health(change.service, revision, WATCH_SECONDS) for revision in (change.old, change.new))
        fault = regression(old, new, is_public=change.service in public, sells=change.service in SELLING)
        if fault:
            found[change.service] = f"{change.service}: {fault}"

    unseen = traffic.for_each(compare, changes)
    if unseen:
        raise unseen[0][1]
    return [found[service] for service in sorted(found)]


def _roll_back(changes: Sequence[RevisionChange], move: Move) -> None:
    """Give every service's traffic to its old revision; a failure does not stop the others."""
    for change, error in traffic.for_each(lambda change: move(change, 0), changes):
        print(f"NOT ROLLED BACK, do it by hand: {change.service} to {change.old}: {error}", flush=True)


def main() -> int:
    """Roll out what `traffic pin` and the apply have prepared."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    pinned = json.loads(traffic.PINNED.read_text(encoding="utf-8"))
    try:
        changes = traffic.pending_changes(pinned)
    except traffic.RevisionNotReady as fault:
        print(f"Nothing was moved: {fault}")
        return 1
    print(traffic.as_json(changes), flush=True)
    faults = candidate_checks.failures(changes)
    if faults:
        print("\n".join(["Nobody was sent to the new revisions:", *faults]))
        return 1
    public = frozenset(traffic.service_name(name) for name, each in manifest().functions.items() if each.is_public)
    wait = wait_sending(sys.argv[1].rstrip("/"), [change.service for change in changes])
    regressions = roll_out(changes, move=traffic.move, monitoring_reader=monitoring_reader, wait=wait, public=public)
    for line in regressions:
        print(f"rolled back: {line}")
    return 1 if regressions else 0


if __name__ == "__main__":
    sys.exit(main())
