"""CSV for spreadsheets: every cell quoted, and none of them a formula."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

_CONTROLS = ("\t", "\r", "\n")
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\N{MINUS SIGN}")
"""The first characters that make Excel, LibreOffice or Google Sheets calculate a cell (OWASP: CSV injection)."""


def to_bytes(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """The table as `write` writes it."""
    file = io.BytesIO()
    write(file, header, rows)
    return file.getvalue()


def write(file: BinaryIO, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write the table in UTF-8 with a byte order mark, without which Excel guesses another encoding.

    Text that would be taken for a formula begins with an apostrophe. Numbers and moments stay as they are.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    text.flush()
    text.detach()  # else the file is closed with its wrapper


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and _may_calculate(cell) else cell


def _may_calculate(words: str) -> bool:
    """True if a spreadsheet may take it for a formula: some trim it first, or take `＝` for `=`."""
    if words.startswith(_CONTROLS):
        return True
    seen = (sign for sign in words if unicodedata.category(sign)[0] not in "ZC")
    return unicodedata.normalize("NFKC", next(seen, "")).startswith(_STARTS_A_FORMULA)
