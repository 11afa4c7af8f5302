"""Mutations that drop a lock, which tests with real threads catch.

In the simulator transactions never overlap, so nobody there notices a lock that is left out. A lock's patch names the
test that catches it. That test is repeated until it fails: where threads race, it may pass once or twice.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import migrated_cluster
from tests.folders import a_folder
from tests.simulation import mutation_patches

REPETITIONS = 20
CONTROL_REPETITIONS = 3


@dataclass(frozen=True)
class LockMutationResult:
    """The outcome of a lock's mutation: `failed_by` tells by what its test failed at last, and is empty if it passed.

    That is an assertion, a deadlock, or a constraint of the database that the product does not expect to violate.
    """

    mutation: str
    fault: str
    test: str
    failed_by: str
    runs: int

    @property
    def effort(self) -> str:
        """How often the test ran, each of its cases by itself."""
        return f"{self.runs} runs"

    @property
    def caught_by(self) -> str:
        """The test, if it failed."""
        return self.failed_by and f"{self.failed_by} in {self.test}"


@dataclass(frozen=True)
class LockTrial:
    """A migrated cluster for the servers of all processes, and how often a test is repeated."""

    cluster: Path
    repetitions: int

    def of(self, patch: Path) -> LockMutationResult:
        """Repeat the test of a lock's mutation until it fails."""
        test = mutation_patches.catching_test(patch)
        with mutation_patches.loaded(patch) as how:
            runs, failed_by = self._run(patch.stem, [test], self.repetitions, how)
        return LockMutationResult(patch.stem, mutation_patches.fault(patch), test, failed_by, runs)

    def control(self, patches: Sequence[Path]) -> LockMutationResult:
        """Repeat the tests of all patches without a fault: they pass."""
        tests = sorted(set(map(mutation_patches.catching_test, patches)))
        runs, failed_by = self._run("control", tests, CONTROL_REPETITIONS, ())
        return LockMutationResult("control", "No fault.", f"{len(tests)} tests", failed_by, runs)

    def _run(self, name: str, tests: Sequence[str], most: int, how: Sequence[str]) -> tuple[int, str]:
        command = [sys.executable, "-m", "tests.simulation.lock_mutant", *tests, "--most", str(most), *how]
        environment = {**os.environ, migrated_cluster.FOLDER: str(self.cluster)}
        ran = subprocess.run(
            command, cwd=mutation_patches.ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if ran.returncode:
            raise RuntimeError(f"{name}: {ran.stderr}")
        found = json.loads(ran.stdout.splitlines()[-1])
        if found["error"]:
            raise RuntimeError(f"{name}: {found['error']}")
        return found["ran"], found["failed_by"]


@contextmanager
def trial(repetitions: int = REPETITIONS) -> Iterator[LockTrial]:
    """A cluster for any number of mutations, which the first process makes."""
    with a_folder() as cluster:
        yield LockTrial(cluster, repetitions)
