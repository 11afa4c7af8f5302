"""The forms of an export: CSV, Excel, PDF."""

from collections.abc import Sequence
from functools import partial
from typing import BinaryIO, Literal

from shared import csv_text
from shared.models import File
from shared.problems import Problem
from shared.reports import pdf_table, spreadsheet, tables
from shared.reports.tables import Table

Form = Literal["csv", "xlsx", "pdf"]
CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = "application/pdf"
MAX_ROWS: dict[Form, int] = {"csv": 1_000_000, "xlsx": spreadsheet.MAX_ROWS, "pdf": 100_000}
"""The most rows of a file: it is written on a disk that is memory in the cloud, and nobody leafs through more."""


class ExportTooLarge(Problem):
    """A file of this kind can't hold so many rows. Choose a shorter period, one ticket type, or CSV."""

    status, slug = 422, "export-too-large"


def refuse_too_many(rows: int, form: Form) -> None:
    """Raises ExportTooLarge."""
    if rows > MAX_ROWS[form]:
        raise ExportTooLarge


def write(form: Form, exported: Sequence[Table], filename: str) -> File:
    """The tables in that form; only a workbook has more than the first of them."""
    if form == "xlsx":
        return tables.in_file(partial(spreadsheet.write, tables=exported), XLSX, filename)
    if form == "pdf":
        return tables.in_file(partial(pdf_table.write, table=exported[0]), PDF, filename)
    return tables.in_file(partial(_write_csv, table=exported[0]), CSV, filename)


def _write_csv(file: BinaryIO, table: Table) -> None:
    csv_text.write(file, table.header, table.rows)
