"""Proves that the simulator sees: the product is given a small fault, and each such fault must break a promise.

make mutate                          every patch of tests/simulation/mutations
make mutate ONLY=any-amount-pays     one of them, or several with commas

The rows of those that were tried are written anew in caught.csv beside the patches.

A patch begins with the fault in words, and changes one module. The same seeds are run for every fault, and first of all
without any: then no promise may be broken. The files here are not touched.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import count, cycle
from pathlib import Path
from typing import Any

from tests.folders import a_folder
from tests.simulation.seasons import SEASONS, Season, of

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent / "mutations"
CAUGHT = PATCHES / "caught.csv"
SEEDS = 44
STEPS = 300


@dataclass(frozen=True)
class MutationResult:
    """What the simulator made of a mutation. `steps` are those it took; `promise` is empty where none was broken."""

    mutation: str
    fault: str
    promise: str
    steps: int


@dataclass(frozen=True)
class Trial:
    """A server with the migrated database, and what is run there for each mutation."""

    folder: Path
    seeds: Sequence[int]
    steps: int

    def of(self, patch: Path | None) -> MutationResult:
        """Run the seeds with a fault, or without, until a promise is broken."""
        if patch is None:
            return self._run("control", "No fault.", ())
        with a_folder() as copy:
            changed = apply(patch, copy)
            module = ".".join(changed.with_suffix("").parts)
            return self._run(patch.stem, fault(patch), ("--module", module, "--file", str(copy / changed)))

    def _run(self, name: str, words: str, how: Sequence[str]) -> MutationResult:
        command = [sys.executable, "-m", "tests.simulation.mutant", str(self.folder), name, *how]
        command += ["--steps", str(self.steps), "--seeds", *map(str, self.seeds)]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"{name}: {ran.stderr}")
        found = json.loads(ran.stdout.splitlines()[-1])
        return MutationResult(name, words, found["promise"] or "", found["steps"])


def main() -> int:
    """Try the mutations; 1 where one survives, or a promise is broken without any."""
    wanted = _arguments()
    names = wanted.only.split(",") if wanted.only else None
    patches = [path for path in sorted(PATCHES.glob("*.patch")) if names is None or path.stem in names]
    with trial(seeds(wanted.seeds), wanted.steps) as tried:
        control = tried.of(None)
        print(f"{control.steps:7} steps  without a fault: {control.promise or 'no promise is broken'}", flush=True)
        if control.promise:
            return 1
        found = 0
        for each in _all(tried, patches, wanted.workers):
            print(f"{each.steps:7} steps  {each.mutation}: {each.promise or f'SURVIVES - {each.fault}'}", flush=True)
            write(each)
            found += bool(each.promise)
    print(f"{found} of {len(patches)} caught")
    return 0 if found == len(patches) else 1


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


def _all(tried: Trial, patches: Sequence[Path], workers: int) -> Iterator[MutationResult]:
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(partial(Trial.of, tried), patches)


def apply(patch: Path, copy: Path) -> Path:
    """Make a copy of the module that a patch changes, with the fault in it; its path in the repository.

    Raises CalledProcessError where the product has changed since.
    """
    changed = _changed(patch)
    (copy / changed).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(ROOT / changed, copy / changed)
    subprocess.run(["git", "apply", str(patch)], cwd=copy, check=True, capture_output=True)
    return changed


def _changed(patch: Path) -> Path:
    [line] = [line for line in patch.read_text(encoding="utf-8").splitlines() if line.startswith("+++ b/")]
    return Path(line.removeprefix("+++ b/"))


def fault(patch: Path) -> str:
    """The fault in words: the first line of its patch."""
    return patch.read_text(encoding="utf-8").split("\n", 1)[0]


def write(result: MutationResult) -> None:
    """Write what came of a mutation to `CAUGHT`, in place of what came of it before."""
    rows = {row["mutation"]: row for row in caught()} | {result.mutation: asdict(result)}
    with CAUGHT.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(MutationResult)], lineterminator="\n")
        table.writeheader()
        table.writerows(row for name, row in sorted(rows.items()) if (PATCHES / f"{name}.patch").exists())


def caught() -> list[dict[str, Any]]:
    """The rows of `CAUGHT`, by the names of the mutations."""
    if not CAUGHT.exists():
        return []
    with CAUGHT.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    sys.exit(main())
