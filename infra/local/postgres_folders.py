"""A folder for data that the user that PostgreSQL runs as can enter, where it cannot enter the one asked for."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PARENT = Path("/var/tmp")  # noqa: S108 - mkdtemp makes the names; unlike /tmp it outlives a reboot  # nosec B108
_PREFIX = "karcis-postgresql-data-"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time into the block."""
    with (folder / "launcher.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def substitute_for(asked: Path) -> Path:
    """The folder that stands in for `asked`, always the same one as long as `asked` exists.

    Stand-ins of folders that were deleted meanwhile are removed, unless a server still runs on them.
    """
    with locked(asked):
        known = _pointer(asked)
        if known is None or not known.is_dir():
            _sweep()
            known = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_PARENT))
            (asked / "moved-to").write_text(str(known))
            (known / "moved-from").write_text(str(asked))
        return known


def _pointer(asked: Path) -> Path | None:
    file = asked / "moved-to"
    return Path(file.read_text()) if file.exists() else None


def _sweep() -> None:
    for folder in _PARENT.glob(f"{_PREFIX}*"):
        origin = folder / "moved-from"
        if origin.exists() and _pointer(Path(origin.read_text())) != folder and not _is_alive(folder):
            shutil.rmtree(folder)


def _is_alive(folder: Path) -> bool:
    try:
        postmaster = int((folder / "cluster" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(postmaster, 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True
