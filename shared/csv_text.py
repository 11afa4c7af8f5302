"""CSV for spreadsheets: every cell quoted, and none of them a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes Excel, LibreOffice or Google Sheets calculate a cell (OWASP: CSV injection)."""


def written(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """The table in UTF-8 with a byte order mark, without which Excel guesses another encoding.

    Text that would be taken for a formula begins with an apostrophe. Numbers stay as they are.
    """
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return file.getvalue().encode("utf-8-sig")


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_STARTS_A_FORMULA) else cell
