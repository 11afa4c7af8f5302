"""How long a function takes to be imported: the part of a cold start that is ours."""

import os
import statistics
import subprocess
import sys
import time

from functions.manifest import manifest
from tests.stack import ROOT


def measure(*, times: int) -> dict[str, float]:
    """Milliseconds of a fresh `python -c "import functions.<name>.main"`, by function: the median of so many times.

    They run after one that isn't counted and leaves the compiled modules behind, as a deployment does.
    """
    return {name: _median(name, times) for name in manifest().functions}


def _median(name: str, times: int) -> float:
    _milliseconds(name)
    return statistics.median(_milliseconds(name) for _ in range(times))


def _milliseconds(name: str) -> float:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import functions.{name}.main"], cwd=ROOT, env=environment, check=True)
    return (time.perf_counter() - begun) * 1000
