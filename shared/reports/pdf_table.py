"""A table on paper: A4 across, its title and header on every page, numbered.

Text in Fira Sans is placed as it is, which takes some ten microseconds a cell. What that font lacks is shaped in the
typefaces of tickets, opened only where a text needs them; what is too long for its column ends in "…".
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import BinaryIO

from fpdf import FPDF

from shared.reports.tables import Cell, Table
from shared.tickets import fonts

_MARGIN, _WIDTH, _HEIGHT = 10.0, 297.0, 210.0
_TOP, _LINE = 24.0, 5.0
_FIRST_LINE = _TOP + 2 + _LINE
_GAP = 2.0
_FONT, _BOLD = "FiraSans", "FiraSansBold"
_TEXT_SIZE, _TITLE_SIZE = 8, 12
_PAGE = {"id": "Halaman", "en": "Page"}


def write(file: BinaryIO, table: Table) -> None:
    """Write the table."""
    page = _Pages(table)
    for row in table.rows:
        page.write_row(row)
    file.write(page.pdf.output())


class _Pages:
    """The pages of a table, of which the last one is being written."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.pdf = FPDF(orientation="landscape", unit="mm", format="A4")
        self.pdf.set_auto_page_break(False)
        self.pdf.c_margin = 0
        self._title = f"{table.title} · {table.subject}"
        self.pdf.set_title(self._title)
        self.pdf.set_lang(table.language)
        for family, bold in ((_FONT, False), (_BOLD, True)):
            self.pdf.add_font(family, fname=_path(" ", bold=bold))
        share = (_WIDTH - 2 * _MARGIN) / sum(column.width for column in table.columns)
        self._widths = [column.width * share for column in table.columns]
        self._y = _HEIGHT
        self._fallbacks: list[str] = []
        self._begin_page()

    def write_row(self, row: Sequence[Cell]) -> None:
        """Write a row, on a new page where this one is full."""
        if self._y > _HEIGHT - _MARGIN:
            self._begin_page()
        self._write_cells([_written(cell) for cell in row])

    def _begin_page(self) -> None:
        self.pdf.add_page()
        self.pdf.set_font(_BOLD, size=_TITLE_SIZE)
        self._write(self._title, _MARGIN, _MARGIN + _LINE, _WIDTH - 2 * _MARGIN - 40)
        self.pdf.set_font(_FONT, size=_TEXT_SIZE)
        number = f"{_PAGE[self.table.language]} {self.pdf.page_no()}"
        self.pdf.text(_WIDTH - _MARGIN - self.pdf.get_string_width(number), _MARGIN + _LINE, number)
        self.pdf.set_font(_BOLD, size=_TEXT_SIZE)
        self._y = _TOP
        self._write_cells(self.table.header)
        self.pdf.line(_MARGIN, _TOP + 1.5, _WIDTH - _MARGIN, _TOP + 1.5)
        self.pdf.set_font(_FONT, size=_TEXT_SIZE)
        self._y = _FIRST_LINE

    def _write_cells(self, cells: Sequence[str]) -> None:
        x = _MARGIN
        for words, width in zip(cells, self._widths, strict=True):
            if words:
                self._write(words, x, self._y, width - _GAP)
            x += width
        self._y += _LINE

    def _write(self, words: str, x: float, y: float, width: float) -> None:
        if words.isascii() or all(map(_is_latin, words)):
            self.pdf.text(x, y, self._shortened(words, width))
        else:
            self._write_shaped(fonts.printable(words), x, y, width)

    def _shortened(self, words: str, width: float) -> str:
        """The words, or as many of their letters as fit."""
        if self.pdf.get_string_width(words) <= width:
            return words
        kept = len(words)
        while kept and self.pdf.get_string_width(f"{words[:kept]}…") > width:
            kept -= 1
        return f"{words[:kept]}…"

    def _write_shaped(self, words: str, x: float, y: float, width: float) -> None:
        """Words in any script, in the order and forms in which they are read."""
        for letter in words:
            self._add_fallback(letter)
        self.pdf.set_text_shaping(True)
        with self.pdf.local_context(), self.pdf.rect_clip(x, y - _LINE + 1, width, _LINE + 1):
            self.pdf.set_xy(x, y - _LINE + 1.5)
            self.pdf.cell(width, _LINE, words)
        self.pdf.set_text_shaping(False)

    def _add_fallback(self, letter: str) -> None:
        font = fonts.font_for(letter, bold=False)
        if font and not font.is_latin and font.name not in self._fallbacks:
            self.pdf.add_font(font.name, fname=font.path)
            self._fallbacks.append(font.name)
            self.pdf.set_fallback_fonts(self._fallbacks)


def _written(cell: Cell) -> str:
    return f"{cell:%Y-%m-%d %H:%M}" if isinstance(cell, datetime) else "" if cell is None else str(cell)


def _path(letter: str, *, bold: bool) -> str:
    font = fonts.font_for(letter, bold=bold)
    assert font is not None  # noqa: S101 - every font has a space
    return str(font.path)


@lru_cache(maxsize=4096)
def _is_latin(letter: str) -> bool:
    font = fonts.font_for(letter, bold=False)
    return font is not None and font.is_latin
