"""Folders for data that must not outlive a test."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def a_folder() -> Iterator[Path]:
    """An empty folder that PostgreSQL's own user may enter too, gone at the end; pytest's stay, and are closed."""
    folder = Path(tempfile.mkdtemp(prefix="karcis-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
