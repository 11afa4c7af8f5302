"""Excel workbooks, written row by row. A text is a text, whatever it begins with: no formula, no link."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO

import xlsxwriter

from shared.reports.tables import Cell, Table

MAX_ROWS = 1_000_000
"""The most rows of a sheet: Excel takes 1,048,576, with the header."""
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_MOMENT = "yyyy-mm-dd hh:mm"


def write(file: BinaryIO, tables: Sequence[Table]) -> None:
    """Write a sheet for each table, its header frozen and filtered."""
    with xlsxwriter.Workbook(file, _OPTIONS) as book:
        bold, moment = book.add_format({"bold": True}), book.add_format({"num_format": _MOMENT})
        for table in tables:
            _write_sheet(book.add_worksheet(table.title[:31]), table, bold, moment)


def _write_sheet(sheet: Any, table: Table, bold: Any, moment: Any) -> None:
    for number, column in enumerate(table.columns):
        sheet.set_column(number, number, column.width)
    sheet.freeze_panes(1, 0)
    for number, title in enumerate(table.header):
        sheet.write_string(0, number, title, bold)
    line = 0
    for line, row in enumerate(table.rows, 1):
        for number, cell in enumerate(row):
            _write_cell(sheet, line, number, cell, moment)
    sheet.autofilter(0, 0, line, len(table.columns) - 1)


def _write_cell(sheet: Any, line: int, number: int, cell: Cell, moment: Any) -> None:
    if isinstance(cell, str):
        sheet.write_string(line, number, cell)
    elif isinstance(cell, datetime):
        sheet.write_datetime(line, number, cell, moment)
    elif cell is not None:
        sheet.write_number(line, number, cell)
