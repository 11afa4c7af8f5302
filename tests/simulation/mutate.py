"""Proves that the simulator sees: a copy of the product is given a small fault, and each such fault must be caught.

make mutate                          every patch of tests/simulation/mutations
make mutate ONLY=any-amount-pays     one of them

A patch begins with the fault in words. The files here are not touched.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.folders import a_folder

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent / "mutations"
_PARTS = ("functions", "infra", "schemas", "shared", "tests", "pyproject.toml", "main.py", "alembic.ini")
"""What the simulator needs of the repository."""


@dataclass(frozen=True)
class MutationResult:
    """What the simulator made of a mutation. `steps` are those it took; `promise` is None where none was broken."""

    name: str
    fault: str
    steps: int
    promise: str | None


def main() -> int:
    """Try the mutations; 1 where one survives."""
    wanted = _arguments()
    patches = [path for path in sorted(PATCHES.glob("*.patch")) if wanted.only in (None, path.stem)]
    print(f"{len(patches)} mutations, at most {wanted.seeds} seeds of {wanted.steps} steps each", flush=True)
    survivors = 0
    for outcome in _try_all(patches, wanted):
        survivors += outcome.promise is None
        print(
            f"{outcome.steps:7} steps  {outcome.name}: {outcome.promise or 'SURVIVES - ' + outcome.fault}", flush=True
        )
    print(f"{len(patches) - survivors} of {len(patches)} caught")
    return 1 if survivors else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="the name of one mutation")
    parser.add_argument("--seeds", type=int, default=40, help="how many seeds each may survive")
    parser.add_argument("--steps", type=int, default=500, help="how many steps are drawn for a seed")
    parser.add_argument("--workers", type=int, default=1, help="how many mutations are tried at a time")
    return parser.parse_args()


def _try_all(patches: Sequence[Path], wanted: argparse.Namespace) -> Iterator[MutationResult]:
    with ThreadPoolExecutor(wanted.workers) as pool:
        yield from pool.map(partial(tried, seeds=wanted.seeds, steps=wanted.steps), patches)


def tried(patch: Path, *, seeds: int, steps: int) -> MutationResult:
    """Run the simulator on a copy of the product with a fault in it, until a promise is broken."""
    with a_folder() as folder:
        copy = copied(folder)
        apply(patch, copy)
        command = [sys.executable, "-m", "tests.simulation.run", f"--seeds={seeds}", f"--steps={steps}", "--stop"]
        ran = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    counted = re.search(r"^\d+ seeds, (\d+) steps", ran.stdout, re.MULTILINE)
    if counted is None:
        return MutationResult(patch.stem, fault(patch), 0, f"it does not begin: {ran.stderr.strip().splitlines()[-1]}")
    broken = re.search(r"^seed \d+ broke a promise: (.*)$", ran.stdout, re.MULTILINE)
    return MutationResult(patch.stem, fault(patch), int(counted[1]), broken[1] if broken else None)


def copied(folder: Path) -> Path:
    """A copy of the product in a folder."""
    copy = folder / "product"
    copy.mkdir()
    for part in _PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(
                source, copy / part, ignore=shutil.ignore_patterns("__pycache__", ".terraform", "node_modules")
            )
        else:
            shutil.copy2(source, copy / part)
    return copy


def apply(patch: Path, copy: Path, *, undo: bool = False) -> None:
    """Put a fault into a copy of the product. Raises CalledProcessError where the product has changed since."""
    command = ["git", "apply", *(["--reverse"] if undo else []), str(patch)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)


def fault(patch: Path) -> str:
    """The fault in words: the first line of its patch."""
    return patch.read_text(encoding="utf-8").split("\n", 1)[0]


if __name__ == "__main__":
    sys.exit(main())
