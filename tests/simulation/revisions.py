"""Two revisions of the product in one process, side by side on one schema, as during a canary release.

Each has modules of its own under the same names. Those of the revision whose code runs are in `sys.modules`, as
functions import some of what they need only when they need it.
"""

import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

from shared.cloud.permissions import Permissions
from tests.simulation import process_memory

PRODUCT = ("functions", "shared")
"""The packages that functions are made of."""
CLIENTS = ("engine", "publisher", "subscriber", "tasks", "storage", "firestore")
"""The clients of the cloud that a world provides."""


class Revision:
    """A set of the product's modules, imported from a folder; `is_ours` marks the one that this process began with."""

    def __init__(self, name: str, folder: Path, *, is_ours: bool = False) -> None:
        self.name = name
        self._folder, self._is_ours = folder, is_ours
        self._modules: dict[str, ModuleType] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let this revision's modules be in place until the block ends."""
        before = _in_place[-1]
        if before is self:
            yield
            return
        _exchange(before, self)
        sys.path.insert(0, str(self._folder))
        _in_place.append(self)
        try:
            yield
        finally:
            _in_place.pop()
            sys.path.remove(str(self._folder))
            _exchange(self, before)

    def module(self, name: str) -> Any:
        """A module of this revision."""
        with self.running():
            return import_module(name)

    def has(self, function: str) -> bool:
        """True if this revision has that function."""
        return (self._folder / "functions" / function / "main.py").exists()

    def entry_point(self, function: str) -> Any:
        """The function as the cloud calls it. It need not prove that strangers can't."""
        self.module("shared.web.deliveries")._private.add(function)
        return self.module(f"functions.{function}.main").main

    def run_as(self, permissions: Permissions) -> AbstractContextManager[None]:
        """Let a block run with these permissions."""
        own = self.module("shared.cloud.permissions")
        made: AbstractContextManager[None] = own.run_as(own.Permissions(permissions.function, permissions.resources))
        return made

    def make_engine(self, role: str) -> Any:
        """A pool of connections, made as this revision makes them."""
        return self.module("shared.cloud.clients").make_engine(role)

    def use(self, clients: Mapping[str, object]) -> None:
        """Use these clients of the cloud from now on; None stands for its own."""
        own = self.module("shared.cloud.clients")
        for name, client in clients.items():
            getattr(own, name).provide(client)

    def reread_settings(self) -> None:
        """Read the settings from the environment anew."""
        self.module("shared.cloud.settings").settings.cache_clear()

    def use_secrets(self, values: Mapping[str, str]) -> None:
        """Use these secrets from now on."""
        self.module("shared.cloud.secrets").provide(values)

    def forget(self) -> None:
        """Lose what a process keeps in its memory, as it has ended."""
        with self.running():
            process_memory.forget(must_be_there=self._is_ours)


OURS = Revision("new", Path(__file__).parents[2], is_ours=True)
_in_place = [OURS]


class Revisions:
    """The revisions that answer: ours, and the one beside it where a folder of its sources is given."""

    def __init__(self, beside: Path | None = None) -> None:
        self.all = [OURS, Revision("old", beside)] if beside else [OURS]
        self.took: list[str] = []
        """The names of those that have taken the calls of this step."""
        self.begin()

    def begin(self) -> None:
        """Begin a seed: each call may go to either."""
        self._chance = random.Random(0)
        self._answering = self.all

    def reseed(self, seed: int) -> None:
        """Begin a step: `seed` says from now on who takes a call."""
        self.took.clear()
        self._chance.seed(seed ^ 0x0DD)

    def end_release(self, seed: int) -> None:
        """Let the release be over: it went well and ours takes all calls from now on, or it was rolled back."""
        self._answering = [random.Random(seed).choice(self.all)]

    def taking(self, function: str) -> Revision:
        """The revision that takes the next call of a function."""
        drawn = self._chance.choice(self._answering)
        taken = drawn if drawn.has(function) else OURS
        self.took.append(taken.name)
        return taken


def unpack(reference: str, folder: Path) -> Path:
    """Put the product's sources of a revision in git into a folder. Raises CalledProcessError."""
    command = ["git", "archive", "--format=tar", reference, *PRODUCT]
    archive = subprocess.run(command, cwd=Path(__file__).parents[2], check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def _exchange(displaced: Revision, placed: Revision) -> None:
    names = [name for name in sys.modules if name.partition(".")[0] in PRODUCT]
    displaced._modules = {name: sys.modules.pop(name) for name in names}
    sys.modules.update(placed._modules)
