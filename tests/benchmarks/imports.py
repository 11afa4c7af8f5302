"""`python -m tests.benchmarks.imports`: how long a function takes to be imported, which is our part of a cold start.

Prints each function's import beside that of the empty function's packages, and, as `-X importtime` counts it, the
milliseconds of the packages that the warm functions load: CI shows both with each commit.
"""

import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from functions.manifest import manifest
from tests.benchmarks import report
from tests.stack import ROOT

BASELINE = "flask, functions_framework"
"""The modules that every function imports, whatever it does."""
_TIMES = 3
_LINE = re.compile(r"^import time: +(\d+) \| +\d+ \| +([\w.]+)$", re.MULTILINE)


class Import(NamedTuple):
    """Milliseconds of a fresh `python -c "import ..."`: on the clock, and of processor time."""

    clock: float
    processor: float


def main() -> None:
    """Measure, print."""
    show(manifest().functions, times=_TIMES)


def show(functions: Iterable[str], *, times: int) -> None:
    """Print both tables."""
    print(report.imports(measure(functions, times=times)), end="\n\n")
    print(report.packages({name: packages(name, times=times) for name in warm()}), end="\n\n", flush=True)


def measure(functions: Iterable[str], *, times: int) -> dict[str, Import]:
    """The import of the baseline and of each function: the medians of so many times, compiled as in a deployment."""
    imported = {BASELINE: BASELINE, **{name: _module(name) for name in functions}}
    for modules in imported.values():
        _once(modules)
    return {name: _median([_once(modules) for _ in range(times)]) for name, modules in imported.items()}


def packages(function: str, *, times: int) -> Counter[str]:
    """The microseconds of each package, without those it imports: of the quickest of so many imports."""
    return min((_packages(function) for _ in range(times)), key=Counter.total)


def _packages(function: str) -> Counter[str]:
    command = [sys.executable, "-X", "importtime", "-c", f"import functions_framework, {_module(function)}"]
    told = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=True).stderr
    counted: Counter[str] = Counter()
    for microseconds, module in _LINE.findall(told):
        counted[_package(module)] += int(microseconds)
    return counted


def warm() -> list[str]:
    """The functions that wait for buyers."""
    return [name for name, function in manifest().functions.items() if function.sizing["min_instances"]]


def _module(function: str) -> str:
    return f"functions.{function}.main"


def _package(module: str) -> str:
    first, _, rest = module.partition(".")
    if first in sys.stdlib_module_names or first.startswith("_"):
        return "standard library"
    return f"{first}.{rest.partition('.')[0]}" if first in ("google", "shared") and rest else first


def _median(measured: list[Import]) -> Import:
    return Import(*(statistics.median(values) for values in zip(*measured, strict=True)))


def _once(modules: str) -> Import:
    begun, used = time.perf_counter(), _children_used()
    subprocess.run([sys.executable, "-c", f"import {modules}"], cwd=ROOT, env=_environment(), check=True)
    return Import((time.perf_counter() - begun) * 1000, (_children_used() - used) * 1000)


def _environment() -> Mapping[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def _children_used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
