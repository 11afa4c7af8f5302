"""Proves that the tests see: the product is given a small fault, and each such fault must be caught.

make mutate                          every patch of tests/simulation/mutations, and of its folder locks
make mutate ONLY=any-amount-pays     one of them, or several with commas

The simulator catches the patches of the first folder: the same seeds are run for every fault, and first of all without
any; then no promise may be broken. Tests with real threads catch those that drop a lock (lock_mutations.py). The rows
of those that were tried are written anew in caught.csv beside the patches. The product's own files are not touched.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path
from typing import Protocol

from tests.folders import a_folder
from tests.simulation import lock_mutations, mutation_table
from tests.simulation.mutation_patches import LOCKS, PATCHES, ROOT, fault, loaded
from tests.simulation.mutation_table import MutationResult
from tests.simulation.seasons import SEASONS, Season, of

SEEDS = 132
STEPS = 300


class Mutations(Protocol):
    """One way to try mutations."""

    def control(self, patches: Sequence[Path]) -> MutationResult:
        """The same without a fault: nothing may be caught."""

    def of(self, patch: Path) -> MutationResult:
        """Try one."""


@dataclass(frozen=True)
class SimulatedMutationResult:
    """The simulator's verdict on a mutation. `steps` are those it took; `promise` is empty where none was broken."""

    mutation: str
    fault: str
    promise: str
    steps: int

    @property
    def effort(self) -> str:
        """The steps."""
        return f"{self.steps} steps"

    @property
    def caught_by(self) -> str:
        """The promise."""
        return self.promise


@dataclass(frozen=True)
class Trial:
    """A server with the migrated database, and what is run there for each mutation."""

    folder: Path
    seeds: Sequence[int]
    steps: int

    def control(self, _: Sequence[Path]) -> SimulatedMutationResult:
        """Run all seeds without a fault."""
        return self._run("control", "No fault.", ())

    def of(self, patch: Path) -> SimulatedMutationResult:
        """Run the seeds with a fault until a promise is broken."""
        with loaded(patch) as how:
            return self._run(patch.stem, fault(patch), how)

    def _run(self, name: str, words: str, how: Sequence[str]) -> SimulatedMutationResult:
        command = [sys.executable, "-m", "tests.simulation.mutant", str(self.folder), name, *how]
        command += ["--steps", str(self.steps), "--seeds", *map(str, self.seeds)]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"{name}: {ran.stderr}")
        found = json.loads(ran.stdout.splitlines()[-1])
        return SimulatedMutationResult(name, words, found["promise"] or "", found["steps"])


def main() -> int:
    """Try the mutations; 1 where one survives, or something is caught without any."""
    wanted = _arguments()
    names = wanted.only.split(",") if wanted.only else None
    locks, others = _chosen(LOCKS, names), _chosen(PATCHES, names)
    unknown = set(names or ()) - {path.stem for path in locks + others}
    if unknown:
        sys.exit(f"there is no mutation {', '.join(sorted(unknown))}")
    survived = 0
    if locks:
        with lock_mutations.trial() as tried:
            survived += _try_all(tried, locks, wanted.workers)
    if others:
        with trial(seeds(wanted.seeds), wanted.steps) as tried:
            survived += _try_all(tried, others, wanted.workers)
    print(f"{len(locks) + len(others) - survived} of {len(locks) + len(others)} caught")
    return 1 if survived else 0


def _chosen(patches: Path, names: Sequence[str] | None) -> list[Path]:
    return [path for path in sorted(patches.glob("*.patch")) if names is None or path.stem in names]


def _try_all(tried: Mutations, patches: Sequence[Path], workers: int) -> int:
    """Try mutations that share a folder; the number of those that survived: all where the control is caught."""
    control = tried.control(patches)
    print(f"{control.effort:>13}  without a fault: {control.caught_by or 'nothing is caught'}", flush=True)
    if control.caught_by:
        return len(patches)
    survived = 0
    with ThreadPoolExecutor(workers) as pool:
        for patch, result in zip(patches, pool.map(tried.of, patches), strict=True):
            print(f"{result.effort:>13}  {result.mutation}: {result.caught_by or 'survives'}", flush=True)
            mutation_table.write(result, patch.parent)
            survived += not result.caught_by
    return survived


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="the names of some mutations, with commas")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many seeds each may survive")
    parser.add_argument("--steps", type=int, default=STEPS, help="how many steps are drawn for a seed")
    parser.add_argument("--workers", type=int, default=1, help="how many mutations are tried at a time")
    return parser.parse_args()


@contextmanager
def trial(seeds: Sequence[int], steps: int) -> Iterator[Trial]:
    """A server for any number of mutations."""
    from tests.simulation import database  # which imports the product, as a list of the patches need not

    with a_folder() as folder, database.server(folder):
        yield Trial(folder, seeds, steps)


def seeds(number: int) -> list[int]:
    """The first seeds of every season in turn, so that few are enough."""
    of_season = cycle([_of_season(season) for season in SEASONS])
    return [next(next(of_season)) for _ in range(number)]


def _of_season(season: Season) -> Iterator[int]:
    return (seed for seed in count(1) if of(seed) is season)


if __name__ == "__main__":
    sys.exit(main())
