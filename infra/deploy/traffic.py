"""The traffic of a function's revisions, which is that of its Cloud Run service.

    python -m infra.deploy.traffic pin             before the apply: pin what serves now, and record it
    python -m infra.deploy.traffic latest          after an apply that can't wait for the canary: all to the newest
    python -m infra.deploy.traffic rollback        all to the revisions that `pin` has recorded
    python -m infra.deploy.traffic require-latest  before the database contracts: an error while an earlier one serves

Unpinned, a service routes to its latest revision, and a deploy would move everybody at once. `latest` takes names of
services, where not all are meant.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from functions.manifest import manifest
from infra.deploy.gcloud import gcloud

PINNED = Path(".release.json")
"""The revisions pinned by `pin`, for the canary of the same release and for the way back: service to revision."""
AT_ONCE = 8
"""The number of services moved at a time: a move takes half a minute, and one by one they took twenty minutes."""


@dataclass(frozen=True)
class RevisionChange:
    """The old and the new revision of a service in a rollout."""

    service: str
    old: str
    new: str


class TrafficSplit(RuntimeError):
    """A service's traffic is split already: an earlier release was left half-way. A person decides."""


class RevisionNotReady(RuntimeError):
    """A service's newest revision has not started: it can't reach what its probe asks for, or was not attested."""


class NotPinned(RuntimeError):
    """A service could not be pinned: an apply would move it at once. The others are pinned."""


class UnknownService(RuntimeError):
    """A service that isn't there was named."""


def service_name(name: str) -> str:
    """The Cloud Run service of a function."""
    return name.replace("_", "-")


def service_names() -> list[str]:
    """The Cloud Run services of all functions."""
    return [service_name(name) for name in manifest().functions]


def deployed() -> dict[str, Mapping[str, Any]]:
    """The status of each service there is, by name; a function that is new has none yet."""
    return {service["metadata"]["name"]: service["status"] for service in gcloud("run", "services", "list")}


def serving_revision(service: str, status: Mapping[str, Any]) -> str:
    """The revision that has all the traffic. Raises TrafficSplit where none has."""
    with_traffic = [target for target in status["traffic"] if target.get("percent")]
    if len(with_traffic) != 1:
        raise TrafficSplit(f"{service} is split: {status['traffic']}. Pin one revision by hand, then release again.")
    revision: str = with_traffic[0]["revisionName"]
    return revision


def latest_revision(service: str, status: Mapping[str, Any]) -> str:
    """The newest revision. Raises RevisionNotReady where it has not started."""
    revision: str = status["latestReadyRevisionName"]
    newest = status.get("latestCreatedRevisionName", revision)
    if newest != revision:
        raise RevisionNotReady(f"{newest} of {service} has not started: look at its log")
    return revision


def move(change: RevisionChange, percent: int) -> None:
    """Give the new revision `percent` of the traffic, and the old one the rest."""
    _route(change.service, {change.new: percent, change.old: 100 - percent})


def _route(service: str, shares: dict[str, int]) -> None:
    wanted = ",".join(f"{revision}={share}" for revision, share in shares.items() if share)
    gcloud("run", "services", "update-traffic", service, f"--to-revisions={wanted}")


def for_each(act: Callable[[Any], object], subjects: Iterable[Any]) -> list[tuple[Any, Exception]]:
    """Act on all subjects, some at a time. Returns those that failed: a failure does not stop the others."""
    subjects = list(subjects)

    def attempt(subject: Any) -> Exception | None:
        try:
            act(subject)
        except Exception as error:  # noqa: BLE001 - the others go on whatever happens to this one
            return error
        return None

    with ThreadPoolExecutor(AT_ONCE) as threads:
        failed = zip(subjects, threads.map(attempt, subjects), strict=True)
        return [(subject, error) for subject, error in failed if error]


def pin_serving() -> dict[str, str]:
    """Pin every service to what it serves now, and return it. A service that isn't there yet is left out.

    Raises TrafficSplit and NotPinned.
    """
    there = deployed()
    pinned = {service: serving_revision(service, there[service]) for service in service_names() if service in there}
    failed = assign(pinned)
    if failed:
        raise NotPinned("; ".join(failed))
    return pinned


def pending_changes(pinned: dict[str, str]) -> list[RevisionChange]:
    """The services to move after an apply: those whose newest revision is another than the one pinned.

    Raises RevisionNotReady.
    """
    there = deployed()
    newest = {service: latest_revision(service, there[service]) for service in service_names()}
    # A function that is new starts at 100 %: there is nothing to go back to, and nothing that calls it.
    return [
        RevisionChange(service, pinned[service], revision)
        for service, revision in newest.items()
        if pinned.get(service, revision) != revision
    ]


def latest_targets(asked: Sequence[str]) -> dict[str, str]:
    """The newest revision of each of these services, or of all. Raises UnknownService and RevisionNotReady."""
    there = deployed()
    unknown = set(asked) - set(there)
    if unknown:
        raise UnknownService(f"there is no service {', '.join(sorted(unknown))}")
    chosen = set(asked) or set(there)
    return {service: latest_revision(service, there[service]) for service in service_names() if service in chosen}


def assign(wanted: Mapping[str, str]) -> list[str]:
    """Give each service's traffic to its revision, and return the failures: one does not stop the others."""
    failed = for_each(lambda service: _route(service, {wanted[service]: 100}), wanted)
    return [f"{service} to {wanted[service]}: {fault}" for service, fault in failed]


def not_on_latest() -> list[str]:
    """The services that serve another revision than their newest. Raises TrafficSplit where one is split."""
    there = deployed()
    chosen = [service for service in service_names() if service in there]
    return [service for service in chosen if serving_revision(service, there[service]) != _newest(there[service])]


def _newest(status: Mapping[str, Any]) -> str:
    revision: str = status["latestReadyRevisionName"]
    return revision


def main() -> int:
    """Run the command; 1 if it failed for any service."""
    command, *names = sys.argv[1:] or [""]
    if command not in ("pin", "latest", "rollback", "require-latest") or (names and command != "latest"):
        print(__doc__)
        return 2
    try:
        if command == "require-latest":
            earlier = not_on_latest()
            print(f"They serve an earlier revision: {', '.join(earlier)}" if earlier else "All serve their newest.")
            return 1 if earlier else 0
        if command == "pin":
            PINNED.write_text(json.dumps(pin_serving(), indent=2), encoding="utf-8")
            print(PINNED.read_text(encoding="utf-8"))
            return 0
        wanted = latest_targets(names) if command == "latest" else json.loads(PINNED.read_text(encoding="utf-8"))
    except (TrafficSplit, RevisionNotReady, UnknownService, FileNotFoundError, subprocess.CalledProcessError) as fault:
        print(f"Nothing was changed: {fault}")
        return 1
    except NotPinned as fault:
        print(f"NOT PINNED, don't apply: {fault}")
        return 1
    print(json.dumps(wanted, indent=2))
    failed = assign(wanted)
    for service in failed:
        print(f"NOT MOVED, do it by hand: {service}")
    return 1 if failed else 0


def as_json(moved: list[RevisionChange]) -> str:
    """A line for the build's log."""
    return json.dumps([asdict(change) for change in moved], indent=2)


if __name__ == "__main__":
    sys.exit(main())
