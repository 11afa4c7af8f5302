"""Report files: a table of text out of a CSV file, whatever program has written it, by the names of its columns.

Columns come in any order; those that nobody needs are named and left alone. What can't be read refuses the whole file,
with the row and the column: no row of a report is lost without a word.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import Any, Final, NoReturn, TypeVar
from zoneinfo import ZoneInfo

from shared.problems import Problem
from shared.settlement_reports import cells
from shared.settlement_reports.cells import Unreadable

T = TypeVar("T")

MAX_BYTES: Final = 5 * 1024 * 1024
MAX_ROWS: Final = 50_000
MAX_PREAMBLE: Final = 20
"""The rows in which a header is looked for: some programs write titles above it."""
MAX_ERRORS: Final = 20
_SEPARATORS: Final = (",", ";", "\t", "|")
_NO_WORD = re.compile(r"[^a-z0-9]+")


class ReportUnreadable(Problem):
    """This file can't be read as CSV. Download the report again, as CSV, and send it as it came."""

    status, slug = 422, "report-unreadable"


class ReportTooLong(Problem):
    """The report has more than 50,000 rows. Download it for a shorter period, for example day by day."""

    status, slug = 422, "report-too-long"


class ReportUnknown(Problem):
    """This is none of the reports that can be imported, by the names of its columns. The runbook lists them."""

    status, slug = 422, "report-unknown"


class ReportColumnsMissing(Problem):
    """The report lacks the columns that `columns` names. Download it again with all its columns."""

    status, slug = 422, "report-columns-missing"


class ReportRowsUnreadable(Problem):
    """Some rows can't be read: `rows` names each with its column. Nothing was imported. Correct the file's source."""

    status, slug = 422, "report-rows-unreadable"


@dataclass(frozen=True)
class Column:
    """A column by the names that reports give it, the first of them its usual one."""

    names: tuple[str, ...]
    is_required: bool = True


@dataclass(frozen=True)
class Table:
    """The rows below a header, and the columns that nobody reads."""

    header: Sequence[str]
    rows: Sequence["Row"]
    ignored: Sequence[str]


@dataclass
class Row:
    """A row of a report: its number in the file, and its cells by the names of our columns."""

    number: int
    cells: Mapping[str, str]
    titles: Mapping[str, str] = field(default_factory=dict)
    """The report's names of our columns."""
    roundings: list[str] = field(default_factory=list)
    """The columns whose fractions of a rupiah were rounded."""

    def text(self, column: str) -> str:
        """A cell's text; empty where the report has no such column."""
        return self.cells.get(column, "")

    def first(self, *columns: str) -> str:
        """The first of these cells that is not empty."""
        return next((words for column in columns if (words := self.text(column))), "")

    def required(self, column: str) -> str:
        """A cell that may not be empty. Raises CellUnreadable."""
        return self.text(column) or self.refuse(column)

    def amount(self, column: str) -> int:
        """An amount of rupiah; 0 for an empty cell. Raises CellUnreadable."""
        words = self.text(column)
        if words in ("", "-"):
            return 0
        value, was_rounded = self._read(column, cells.amount)
        if was_rounded:
            self.roundings.append(column)
        return value

    def moment(self, *columns: str, zone: ZoneInfo | timezone) -> datetime:
        """The moment in the first of these cells that is not empty. Raises CellUnreadable."""
        found = next((column for column in columns if self.text(column)), columns[0])
        return self._read(found, lambda words: cells.moment(words, zone))

    def day(self, column: str) -> date:
        """A day. Raises CellUnreadable."""
        return self._read(column, cells.day)

    def zone(self, column: str, otherwise: ZoneInfo | timezone) -> ZoneInfo | timezone:
        """The time zone that a cell names. Raises CellUnreadable."""
        return self._read(column, lambda words: cells.zone(words) or otherwise)

    def refuse(self, column: str) -> NoReturn:
        """Refuse a cell. Raises CellUnreadable."""
        raise self._unreadable(column)

    def _read(self, column: str, read: Callable[[str], T]) -> T:
        try:
            return read(self.text(column))
        except Unreadable:
            raise self._unreadable(column) from None

    def _unreadable(self, column: str) -> "CellUnreadable":
        return CellUnreadable(self.number, self.titles.get(column, column))


class CellUnreadable(Exception):
    """A cell can't be read, by the number of its row and the name of its column."""

    def __init__(self, row: int, column: str) -> None:
        self.row, self.column = row, column
        super().__init__(f"row {row}: {column}")


Columns = Mapping[str, Column]
"""The columns of a kind of report, by our names."""


def read(content: bytes, kinds: Mapping[str, Columns]) -> tuple[str, Table]:
    """The kind of a report, of these, and its table.

    Raises ReportUnreadable, ReportTooLong, ReportUnknown, ReportColumnsMissing, ReportRowsUnreadable.
    """
    rows = _parse(_decode(content))
    kind, start = _header_of(rows, kinds)
    return kind, _table(rows, start, kinds[kind])


def each(rows: Iterable[Row], act: Callable[[Row], T]) -> list[T]:
    """The result of `act` for each row. Raises ReportRowsUnreadable with the first rows that can't be read."""
    done: list[T] = []
    errors: list[dict[str, Any]] = []
    for row in rows:
        try:
            done.append(act(row))
        except CellUnreadable as error:
            errors.append({"row": error.row, "column": error.column})
            if len(errors) == MAX_ERRORS:
                break
    if errors:
        raise ReportRowsUnreadable(rows=errors)
    return done


def normalized(name: str) -> str:
    """A column's name without what spreadsheets and people change in it: case, signs, spaces."""
    return _NO_WORD.sub(" ", name.casefold()).strip()


def _decode(content: bytes) -> str:
    """The text of a file: UTF-8, UTF-16 where its mark says so, else what older spreadsheets write."""
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            words = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in words:
            break
        return words
    raise ReportUnreadable


def _parse(words: str) -> list[tuple[int, list[str]]]:
    """The rows that are not empty, with their numbers in the file."""
    reader = csv.reader(io.StringIO(words, newline=""), delimiter=_separator(words), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for cells_ in reader:
            if any(cell.strip() for cell in cells_):
                rows.append((reader.line_num, [cell.strip() for cell in cells_]))
            if len(rows) > MAX_ROWS + MAX_PREAMBLE:
                raise ReportTooLong
    except csv.Error:
        raise ReportUnreadable from None
    if not rows:
        raise ReportUnreadable
    return rows


def _separator(words: str) -> str:
    """The separator that makes the most cells of one of the first lines."""
    first = words.splitlines()[:MAX_PREAMBLE]
    return max(_SEPARATORS, key=lambda separator: max((line.count(separator) for line in first), default=0))


def _header_of(rows: list[tuple[int, list[str]]], kinds: Mapping[str, Columns]) -> tuple[str, int]:
    """The kind of a report and the place of its header: the row in which all that a kind requires has its column."""
    nearest: list[tuple[int, str, list[str]]] = []
    for place, (_, found) in enumerate(rows[:MAX_PREAMBLE]):
        names = {normalized(name) for name in found}
        for kind, columns in kinds.items():
            missing = [
                column.names[0] for column in columns.values() if column.is_required and not _is_in(column, names)
            ]
            if not missing:
                return kind, place
            required = sum(column.is_required for column in columns.values())
            nearest.append((required - len(missing), kind, missing))
    there, kind, missing = max(nearest, key=lambda each: (each[0], -len(each[2])))
    if there * 2 < there + len(missing):
        raise ReportUnknown
    raise ReportColumnsMissing(report=kind, columns=missing)


def _is_in(column: Column, names: set[str]) -> bool:
    return any(normalized(name) in names for name in column.names)


def _table(rows: list[tuple[int, list[str]]], start: int, columns: Columns) -> Table:
    header = rows[start][1]
    places = _places(header, columns)
    body = rows[start + 1 :]
    if len(body) > MAX_ROWS:
        raise ReportTooLong
    ragged = [number for number, found in body if len(found) < len(header) or any(found[len(header) :])]
    if ragged:  # cut off, or a separator within a cell: its amounts could stand under another column
        raise ReportRowsUnreadable(rows=[{"row": number, "column": header[-1]} for number in ragged[:MAX_ERRORS]])
    titles = {name: header[place] for name, place in places.items()}
    made = [Row(number, {name: found[place] for name, place in places.items()}, titles) for number, found in body]
    ignored = [name for place, name in enumerate(header) if name and place not in places.values()]
    return Table(header, made, ignored)


def _places(header: Sequence[str], columns: Columns) -> dict[str, int]:
    """The place of each column. Raises ReportColumnsMissing where a name stands there twice: either could be meant."""
    names = [normalized(name) for name in header]
    places: dict[str, int] = {}
    for ours, column in columns.items():
        wanted = next((name for each in column.names if (name := normalized(each)) in names), None)
        if wanted is None:
            continue
        if names.count(wanted) > 1:
            raise ReportColumnsMissing("A column that is needed stands there twice: see `columns`.", columns=[wanted])
        places[ours] = names.index(wanted)
    return places
