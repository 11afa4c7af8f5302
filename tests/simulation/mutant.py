"""A process of the product with one fault: one of its modules is loaded from a changed copy instead of its own file.

Started by tests.simulation.mutate. It runs seeds until a promise is broken, and writes what came of it as JSON.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.course import Course


class LoadedInstead(MetaPathFinder):
    """Finds one module in another file; every other module is found where it is."""

    def __init__(self, module: str, file: Path) -> None:
        self._module, self._file = module, file

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As importlib asks."""
        return spec_from_file_location(fullname, self._file) if fullname == self._module else None


def main() -> None:
    """Run the seeds, and write the steps they took and the promise that they broke."""
    wanted = _arguments()
    if wanted.module:
        sys.meta_path.insert(0, LoadedInstead(wanted.module, wanted.file))
    steps, promise, details = 0, None, None
    for course in _courses(wanted):
        steps += course.steps
        if course.violation:
            promise, details = course.violation.promise, f"seed {course.seed}: {course.violation}"
            break
    if wanted.module and wanted.module not in sys.modules:
        raise ImportError(f"{wanted.module} was never imported")
    json.dump({"steps": steps, "promise": promise, "details": details}, sys.stdout)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="of the PostgreSQL server")
    parser.add_argument("database", help="the name of a database that is made for it")
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--module", help="the module that is loaded from `file`")
    parser.add_argument("--file", type=Path)
    return parser.parse_args()


def _courses(wanted: argparse.Namespace) -> "Iterator[Course]":
    from infra.local.postgres import Postgres  # all of this imports the product
    from tests.simulation import course, database
    from tests.simulation.acts import WEIGHTS
    from tests.simulation.plan import drawn
    from tests.simulation.world import world

    with world(Postgres(wanted.folder, settings=database.SERVER), wanted.database) as made:
        for seed in wanted.seeds:
            yield course.run(made, drawn(seed, wanted.steps, WEIGHTS))


if __name__ == "__main__":
    main()
