"""CSV for spreadsheets: every cell quoted, and none of them a formula."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

_CONTROLS = ("\t", "\r", "\n")
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\N{MINUS SIGN}")
"""The first characters that make Excel, LibreOffice or Google Sheets calculate a cell (OWASP: CSV injection)."""


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
    return f"'{cell}" if isinstance(cell, str) and _may_calculate(cell) else cell


def _may_calculate(words: str) -> bool:
    """True if a spreadsheet may take it for a formula: some trim it first, or take `＝` for `=`."""
    if words.startswith(_CONTROLS):
        return True
    seen = (sign for sign in words if unicodedata.category(sign)[0] not in "ZC")
    return unicodedata.normalize("NFKC", next(seen, "")).startswith(_STARTS_A_FORMULA)
