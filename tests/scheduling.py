"""The order of the suite's files, and which of them run in the same worker.

Files that share a running product go to one worker, so that it is started once. The slowest go first, so that no worker
is left alone with one at the end. `ORDER=random` shuffles the files, `ORDER=<number>` does so again in the same way: a
test that needs another one before it fails.
"""

import os
import random
from collections.abc import Sequence

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WAITING = ("tests/integration/simulators/", "tests/unit/gateways/", "tests/unit/deploy/", "tests/unit/cloud/")
"""The folders whose tests wait for timers, servers and programs: one worker does while others use the processor."""
FASTEST_LAST = (
    "tests/faults/",
    "tests/browser/",
    "tests/functions/",
    "tests/simulation/",
    "tests/model/",
    "tests/conformance/",
    *WAITING,
    "tests/integration/",
    "tests/unit/",
)
SHARING = ("tests/browser/", "tests/faults/", "tests/functions/", "tests/conformance/")
"""The folders whose files share a running product or local cloud."""
READING_SOURCES = {
    f"tests/unit/{name}.py"
    for name in (
        "source/test_bare_states",
        "source/test_code",
        "docs/test_names",
        "site/test_refusals",
        "web/test_declared_problems",
        "web/test_wording",
    )
}
"""The files that read all of the product's sources: parsed once, by tests/sources.py."""
OWN_PRODUCT = {
    f"tests/functions/test_{name}.py"
    for name in ("framework", "rate_limits", "on_time", "readiness", "restore_drill", "slow_bodies")
}
"""The files there that start one of their own."""
SECOND_PRODUCT = {
    f"tests/browser/test_{name}.py"
    for name in (
        "complaints",
        "every_page",
        "gate",
        "gate_device",
        "order_states",
        "organizer_events",
        "organizer_sales",
    )
}
"""Half of what takes longest: another worker runs it, with another product."""


class Scheduling(LoadScopeScheduling):
    """xdist's `loadfile`, with the files that share a product as one."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid.split("::")[0])


def together(file: str) -> str:
    """The group that runs in one worker: of the files that share something with this one, or this one alone."""
    if file in READING_SOURCES:
        return "reading sources"
    if file.startswith(WAITING):
        return "waiting"
    shared = [folder for folder in SHARING if file.startswith(folder) and file not in OWN_PRODUCT]
    second = " (second product)" if file in SECOND_PRODUCT else ""
    return f"{shared[0]}{second}" if shared else file


def draw_numbers() -> None:
    """Draw the number of a random order, and the first of new histories. Every worker reads them in its environment."""
    if os.environ.get("ORDER") == "random":
        os.environ["ORDER"] = str(random.randrange(100_000))
    if os.environ.get("EXPLORE") == "1":
        os.environ["EXPLORE"] = str(random.randrange(1_000, 10**9))


def arrange(items: list[pytest.Item]) -> None:
    """Put the tests into the order that is asked for; those of a file stay as they are."""
    files = list(dict.fromkeys(_file(item) for item in items))
    chosen = os.environ.get("ORDER")
    if chosen:
        random.Random(int(chosen)).shuffle(files)
    else:
        files.sort(key=_rank)
    place = {file: number for number, file in enumerate(files)}
    items.sort(key=lambda item: place[_file(item)])


def header() -> Sequence[str]:
    """The lines that pytest prints about them at the beginning."""
    order, first = os.environ.get("ORDER"), os.environ.get("EXPLORE")
    lines = [f"files in random order: make test ORDER={order} repeats it"] if order else []
    return [*lines, f"new histories from {first} on: make explore EXPLORE={first} repeats them"] if first else lines


def _file(item: pytest.Item) -> str:
    return item.nodeid.split("::")[0]


def _rank(file: str) -> tuple[int, bool]:
    folder = next((number for number, name in enumerate(FASTEST_LAST) if file.startswith(name)), len(FASTEST_LAST))
    return folder, file in OWN_PRODUCT


def scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Our scheduling where files are what is distributed."""
    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None
