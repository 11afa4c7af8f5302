"""Folders for data that must not outlive a test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - in which folders of our own are made, as in /tmp
ROOM_BYTES = 4_000_000_000
"""More than the databases of all workers take."""


@contextmanager
def a_folder() -> Iterator[Path]:
    """An empty folder that PostgreSQL's own user may enter too, gone at the end; pytest's stay, and are closed.

    In memory where there is room: there PostgreSQL copies a database six times as fast.
    """
    folder = Path(tempfile.mkdtemp(prefix="karcis-test-", dir=MEMORY if _has_room(MEMORY) else None))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _has_room(place: Path) -> bool:
    return place.is_dir() and os.access(place, os.W_OK) and shutil.disk_usage(place).free > ROOM_BYTES
