"""How long a function takes to be imported: the part of a cold start that is ours."""

import os
import resource
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

from functions.manifest import manifest
from tests.stack import ROOT


class Import(NamedTuple):
    """Milliseconds of a fresh `python -c "import functions.<name>.main"`: on the clock, and of processor time."""

    clock: float
    processor: float


def measure(*, times: int) -> dict[str, Import]:
    """The import of each function, by its name: the medians of so many times, modules compiled as in a deployment."""
    for name in manifest().functions:
        _once(name)
    return {name: _median([_once(name) for _ in range(times)]) for name in manifest().functions}


def _median(measured: list[Import]) -> Import:
    return Import(*(statistics.median(values) for values in zip(*measured, strict=True)))


def _once(name: str) -> Import:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    begun, used = time.perf_counter(), _children_used()
    subprocess.run([sys.executable, "-c", f"import functions.{name}.main"], cwd=ROOT, env=environment, check=True)
    return Import((time.perf_counter() - begun) * 1000, (_children_used() - used) * 1000)


def _children_used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
