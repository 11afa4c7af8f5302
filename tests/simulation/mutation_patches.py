"""Patches that each give one module of the product a fault. The product's own files stay as they are.

A patch begins with the fault in words. One of a lock names on its second line the test that catches it.
"""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.folders import a_folder

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent / "mutations"
LOCKS = PATCHES / "locks"
_CAUGHT_BY = "Caught by "


def fault(patch: Path) -> str:
    """The fault in words: the first line of its patch."""
    return patch.read_text(encoding="utf-8").split("\n", 1)[0]


def catching_test(patch: Path) -> str:
    """The node id of the test that catches a lock's mutation: the second line of its patch."""
    return patch.read_text(encoding="utf-8").split("\n", 2)[1].removeprefix(_CAUGHT_BY)


@contextmanager
def loaded(patch: Path) -> Iterator[Sequence[str]]:
    """The arguments by which a process loads the changed module instead of its own file, which end with the block."""
    with a_folder() as copy:
        changed = apply(patch, copy)
        yield "--module", ".".join(changed.with_suffix("").parts), "--file", str(copy / changed)


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
