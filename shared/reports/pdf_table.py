"""A table on paper: A4 across, its title and header on every page, numbered.

Text in Fira Sans is placed letter by letter. What that font lacks is shaped in the fonts of tickets, opened
only where a text needs them; what is too long for its column ends in "…". A page is compressed as soon as it is full.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO

import pydyf

from shared.reports.tables import Cell, Table
from shared.tickets import embedding, fonts
from shared.tickets.shaping import shape
from shared.tickets.wrapping import MM_PER_POINT

_WIDTH, _HEIGHT = 297 / MM_PER_POINT, 210 / MM_PER_POINT
_MARGIN = 10 / MM_PER_POINT
_TOP, _LINE = 24 / MM_PER_POINT, 5 / MM_PER_POINT
_FIRST_LINE = _TOP + 2 / MM_PER_POINT + _LINE
_GAP = 2 / MM_PER_POINT
_RULE = "0.57 w"
_TEXT_SIZE, _TITLE_SIZE = 8, 12
_PAGE = {"id": "Halaman", "en": "Page"}


def write(file: BinaryIO, table: Table) -> None:
    """Write the table."""
    pages = _Pages(table)
    for row in table.rows:
        pages.write_row(row)
    pages.finish().write(file)


class _Weight:
    """Fira Sans in one weight: the code and the width of each letter that was used."""

    def __init__(self, *, bold: bool) -> None:
        font = fonts.font_for(" ", bold=bold)
        assert font is not None  # noqa: S101 - every font has a space
        self.font = font
        self.codes: dict[int, str] = {}
        """By the letter's number, as `str.translate` wants it."""
        self._widths: dict[str, float] = {}

    def knows(self, words: str) -> bool:
        """True if it has all these letters."""
        return all(letter in self._widths or self._learn(letter) for letter in words)

    def width(self, words: str, size: float) -> float:
        """The width of known letters, in points."""
        return sum(map(self._widths.__getitem__, words)) * size / 1000

    def shortened(self, words: str, size: float, width: float) -> str:
        """The words, or as many of their letters as fit."""
        if self.width(words, size) <= width:
            return words
        self.knows("…")
        kept = len(words)
        while kept and self.width(f"{words[:kept]}…", size) > width:
            kept -= 1
        return f"{words[:kept]}…"

    def glyphs(self) -> dict[int, str]:
        """The glyphs that were used, and the letter of each."""
        return {int(code, 16): chr(letter) for letter, code in self.codes.items()}

    def _learn(self, letter: str) -> bool:
        glyph = self.font.font.get_nominal_glyph(ord(letter))
        if not glyph:
            return False
        self.codes[ord(letter)] = f"{glyph:04X}"
        self._widths[letter] = self.font.advance(glyph)
        return True


class _Pages:
    """The pages of a table, of which the last one is being written. Lengths are points from the upper left corner."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._title = f"{table.title} · {table.subject}"
        self._pdf = pydyf.PDF()
        self._resources = pydyf.Dictionary()
        self._pdf.add_object(self._resources)
        self._used = embedding.UsedGlyphs()
        self._regular, self._bold = _Weight(bold=False), _Weight(bold=True)
        share = (_WIDTH - 2 * _MARGIN) / sum(column.width for column in table.columns)
        self._widths = [column.width * share for column in table.columns]
        self._operators: list[str] = []
        self._numbered = 0
        self._begin_page()

    def write_row(self, row: Sequence[Cell]) -> None:
        """Write a row, on a new page where this one is full."""
        if self._y > _HEIGHT - _MARGIN:
            self._end_page()
            self._begin_page()
        self._write_cells([_written(cell) for cell in row], self._regular)

    def finish(self) -> pydyf.PDF:
        """The document with all its pages."""
        self._end_page()
        for weight in (self._regular, self._bold):
            self._used.known_fonts[weight.font.name] = weight.font
            self._used.glyphs.setdefault(weight.font.name, {}).update(weight.glyphs())
        self._resources["Font"] = embedding.embed_fonts(self._pdf, self._used)
        self._pdf.catalog["Lang"] = pydyf.String(self._table.language)
        self._pdf.info["Title"] = pydyf.String(self._title)
        return self._pdf

    def _begin_page(self) -> None:
        self._numbered += 1
        foot = _MARGIN + _LINE
        self._write(self._title, _MARGIN, foot, _WIDTH - 2 * _MARGIN - 4 * _LINE, self._bold, _TITLE_SIZE)
        number = f"{_PAGE[self._table.language]} {self._numbered}"
        self._regular.knows(number)
        width = self._regular.width(number, _TEXT_SIZE)
        self._write(number, _WIDTH - _MARGIN - width, foot, width, self._regular)
        self._y = _TOP
        self._write_cells(self._table.header, self._bold)
        under = _up(_TOP + _GAP)
        self._operators.append(f"{_RULE} {_MARGIN:.2f} {under:.2f} m {_WIDTH - _MARGIN:.2f} {under:.2f} l S")
        self._y = _FIRST_LINE

    def _end_page(self) -> None:
        stream = embedding.compressed_stream("\n".join(self._operators).encode())
        self._operators.clear()
        self._pdf.add_object(stream)
        values = {
            "Type": "/Page",
            "Parent": self._pdf.pages.reference,
            "MediaBox": pydyf.Array([0, 0, round(_WIDTH, 2), round(_HEIGHT, 2)]),
            "Resources": self._resources.reference,
            "Contents": stream.reference,
        }
        self._pdf.add_page(pydyf.Dictionary(values))

    def _write_cells(self, cells: Sequence[str], weight: _Weight) -> None:
        x = _MARGIN
        for words, width in zip(cells, self._widths, strict=True):
            if words:
                self._write(words, x, self._y, width - _GAP, weight)
            x += width
        self._y += _LINE

    def _write(self, words: str, x: float, y: float, width: float, weight: _Weight, size: float = _TEXT_SIZE) -> None:
        if not weight.knows(words):
            self._write_shaped(words, x, y, width, weight, size)
            return
        shown = weight.shortened(words, size, width).translate(weight.codes)
        self._operators.append(f"BT /{weight.font.name} {size} Tf {x:.2f} {_up(y):.2f} Td <{shown}> Tj ET")

    def _write_shaped(self, words: str, x: float, y: float, width: float, weight: _Weight, size: float) -> None:
        """Words in any script, in the order and forms in which they are read, as far as they fit."""
        clipped = f"q {x:.2f} {_up(y) - _LINE / 2:.2f} {width:.2f} {2 * _LINE:.2f} re W n"
        self._operators.append(clipped)
        for run in shape(fonts.printable(words), weight is self._bold):
            self._used.note(run)
            shown = embedding.text_operators(run, x, _up(y), size)
            self._operators.append(f"BT /{run.font.name} {size} Tf {shown} ET")
            x += run.width * size / 1000
        self._operators.append("Q")


def _up(y: float) -> float:
    """PDF counts from the lower edge."""
    return _HEIGHT - y


def _written(cell: Cell) -> str:
    return f"{cell:%Y-%m-%d %H:%M}" if isinstance(cell, datetime) else "" if cell is None else str(cell)
