"""A table to export, and the file that comes of it. Rows are read while the file is written, never all at once."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import BinaryIO, Literal

from shared.models import File

Cell = str | int | datetime | None
"""Moments are without a zone: the column's title names it."""
Language = Literal["id", "en"]


@dataclass(frozen=True)
class Column:
    """A column. `width` in letters is what it gets of a page or a sheet."""

    title: str
    width: int


@dataclass(frozen=True)
class Table:
    """A table: `title` is what it lists, `subject` whose. Its rows can be gone through once."""

    title: str
    subject: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]
    language: Language = "id"

    @property
    def header(self) -> list[str]:
        """The titles of the columns."""
        return [column.title for column in self.columns]


def in_file(write: Callable[[BinaryIO], None], content_type: str, filename: str) -> File:
    """The file that `write` writes.

    It lies on the disk, so that what fails is told as a problem and not by a file that ends early.
    """
    with ExitStack() as unless_written:
        file = unless_written.enter_context(TemporaryFile())
        write(file)
        file.seek(0, os.SEEK_SET)
        unless_written.pop_all()  # whoever sends it closes it
    return File(file, content_type, filename)
