"""Breaking text into lines that fit, in the largest size that does it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from shared.tickets import fonts
from shared.tickets.shaping import extent, width

MM_PER_POINT: Final = 25.4 / 72
ELLIPSIS: Final = fonts.printable("…")

_EAST_ASIAN: Final = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef"
_STAYS_BEHIND: Final = "、。，．！？）」』】"
_PIECES: Final = re.compile(rf"\s+|[{_EAST_ASIAN}][{_STAYS_BEHIND}]*|[^\s{_EAST_ASIAN}]+")
"""A line may be broken at spaces, and between any two letters of Chinese, Japanese or Korean."""
_CLUSTERS: Final = re.compile(
    r".[\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\ua9b3-\ua9c0]*"
)


@dataclass(frozen=True)
class TextStyle:
    """A text style: the sizes to try, largest first, and whether bold or grey."""

    sizes: tuple[float, ...]
    bold: bool = False
    grey: bool = False


@dataclass(frozen=True)
class Fitted:
    """Lines that fit, the size they fit in, and whether nothing had to be left out.

    `ascent` is from a line's upper edge to its letters' foot, `line_height` to the next line: millimetres.
    """

    lines: Sequence[str]
    size: float
    bold: bool
    ascent: float
    line_height: float
    complete: bool = True

    @property
    def height(self) -> float:
        """The height in millimetres."""
        return self.line_height * len(self.lines)


@lru_cache(maxsize=256)
def fit(words: str, max_width: float, kind: TextStyle, max_lines: int, height: float = 297) -> Fitted:
    """`words` in lines of `max_width` millimetres: in the largest size that does it, else shortened in the smallest.

    The lines together are not higher than `height`, unless a single one is.
    """
    text = fonts.printable(words.strip()) or " "
    for size in kind.sizes:
        empty = _fitted(text, (), size, kind.bold)
        max_count = max(1, min(max_lines, int(height / empty.line_height)))
        lines = _wrap(text, _thousandths(max_width, size), kind.bold, max_count + 1)
        if len(lines) <= max_count:
            return replace(empty, lines=lines)
    last = _shorten(lines[max_count - 1], _thousandths(max_width, size), kind.bold)
    return replace(empty, lines=[*lines[: max_count - 1], last], complete=False)


def fit_columns(words: str, max_width: float, height: float, kind: TextStyle, columns: int) -> tuple[Fitted, int]:
    """Wrap text into columns of `height`. Returns them, and how many lines a column takes."""
    text = fonts.printable(words.strip())
    for size in kind.sizes:
        per_column = int(height / _fitted(text, (), size, kind.bold).line_height)
        fitted = fit(words, max_width, TextStyle((size,), kind.bold), per_column * columns)
        if fitted.complete:
            break
    return fitted, per_column


def _fitted(text: str, lines: Sequence[str], size: float, bold: bool) -> Fitted:
    above, in_all = extent(text, bold)
    return Fitted(lines, size, bold, above * size * MM_PER_POINT, in_all * size * MM_PER_POINT)


def width_mm(text: str, size: float, bold: bool) -> float:
    """The width of printable text in millimetres."""
    return width(text, bold) * size * MM_PER_POINT / 1000


def _thousandths(max_width: float, size: float) -> float:
    return max_width / MM_PER_POINT / size * 1000


def _wrap(text: str, max_width: float, bold: bool, max_count: int) -> list[str]:
    """The first `max_count` lines. Further ones are not looked at."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += _paragraph(paragraph, max_width, bold, max_count - len(lines))
        if len(lines) >= max_count:
            break
    return lines


def _paragraph(paragraph: str, max_width: float, bold: bool, max_count: int) -> list[str]:
    lines: list[str] = []
    line, used = "", 0.0
    for piece in _pieces(paragraph, max_width, bold):
        wide = width(piece, bold)
        if used + wide > max_width and line:
            lines.append(line.rstrip())
            if len(lines) >= max_count:
                return lines
            line, used = "", 0.0
        if line or not piece.isspace():
            line, used = line + piece, used + wide
    return [*lines, line.rstrip()]


def _pieces(paragraph: str, max_width: float, bold: bool) -> Iterator[str]:
    """The pieces of a text that are never broken; a word wider than a line comes letter by letter."""
    for found in _PIECES.finditer(paragraph):
        piece = found.group()
        if len(piece) > 1 and width(piece, bold) > max_width:
            yield from _CLUSTERS.findall(piece)
        else:
            yield piece


def _shorten(line: str, max_width: float, bold: bool) -> str:
    while line and width(line + ELLIPSIS, bold) > max_width:
        line = line[:-1]
    return line.rstrip() + ELLIPSIS
