"""Cold starts: each function as a process, from its start to its first answer, and to the first with data."""

import statistics
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from functions.manifest import manifest
from infra.local.postgres import Postgres
from tests.benchmarks import empty_function, processor
from tests.functions.framework import COMMAND, served

EMPTY = "empty"
_LOOK_EVERY_SECONDS = 0.01


@dataclass(frozen=True)
class ColdStart:
    """Seconds until a function answers, of its processor until then, until it has asked the database; its megabytes."""

    answer: float
    processor: float
    ready: float
    megabytes: float


def measure(names: Iterable[str], server: Postgres, folder: Path, *, times: int) -> Mapping[str, ColdStart]:
    """The medians of so many starts of each function, and of the empty one, in turn."""
    chosen = (EMPTY, *names)
    starts: dict[str, list[ColdStart]] = {name: [] for name in chosen}
    for _ in range(times):
        for name in chosen:
            starts[name].append(_start(name, server.url("karcis"), folder))
    return {name: _median(each) for name, each in starts.items()}


def _start(name: str, database_url: str, folder: Path) -> ColdStart:
    command = [*COMMAND, "--source", str(empty_function.SOURCE)] if name == EMPTY else COMMAND
    begun = time.perf_counter()
    with served(name, folder, command=command, look_every=_LOOK_EVERY_SECONDS, DATABASE_URL=database_url) as function:
        answered = time.perf_counter() - begun
        process = psutil.Process(function.pid)
        used = processor.used(process)
        with closing(requests.get(f"{function.url}/health/ready", timeout=60)) as ready:
            ready.raise_for_status()
        return ColdStart(answered, used, time.perf_counter() - begun, _megabytes(process))


def _megabytes(process: psutil.Process) -> float:
    """The memory of the server and its worker, what they share counted once."""
    return sum(each.memory_full_info().pss for each in [process, *process.children(recursive=True)]) / 2**20


def _median(starts: list[ColdStart]) -> ColdStart:
    columns = zip(*((each.answer, each.processor, each.ready, each.megabytes) for each in starts), strict=True)
    return ColdStart(*(statistics.median(column) for column in columns))


def memory_limit(name: str) -> int | None:
    """The megabytes that an instance of a function may have."""
    return None if name == EMPTY else int(manifest().functions[name].sizing["memory_mb"])
