"""A sheet of A4 to print on: text that always fits the room it is given, lines, and pictures.

Lengths are millimetres from the upper left corner; sizes of type are points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from fpdf import FPDF
from fpdf.enums import MethodReturnValue
from PIL.Image import Image

from shared.tickets import typeface

LEADING: Final = 1.25
MM_PER_POINT: Final = 25.4 / 72
PLATE_PADDING: Final = 2.5
GREY: Final = 90  # dark enough for a fax
ELLIPSIS: Final = typeface.printable("…")


@dataclass(frozen=True)
class Type:
    """How text is set: the sizes to try, largest first, and whether bold or grey."""

    sizes: Sequence[float]
    bold: bool = False
    grey: bool = False


@dataclass(frozen=True)
class _Fitted:
    """Lines that fit, the size they fit in, and whether nothing had to be left out."""

    lines: Sequence[str]
    size: float
    complete: bool = True

    @property
    def line_height(self) -> float:
        return self.size * MM_PER_POINT * LEADING

    @property
    def height(self) -> float:
        return self.line_height * len(self.lines)


class Sheet:
    """One page. What it is given in letters the typeface lacks is printed as `typeface.printable` says."""

    def __init__(self, *, title: str, created_at: datetime) -> None:
        self._pdf = FPDF(format="A4")
        self._family = typeface.use(self._pdf)
        self._pdf.set_title(title)
        self._pdf.set_lang("id-ID")
        self._pdf.set_creation_date(created_at)
        self._pdf.set_auto_page_break(False)
        self._pdf.c_margin = 0
        self._pdf.add_page()

    def to_bytes(self) -> bytes:
        """The PDF. Nothing can be written afterwards."""
        return bytes(self._pdf.output())

    def write(
        self,
        words: str,
        left: float,
        top: float,
        width: float,
        kind: Type,
        *,
        most_lines: int = 1,
        align_right: bool = False,
    ) -> float:
        """Print within `width` and `most_lines`, and return the lower edge."""
        fitted = self._fit(words, width, kind, most_lines)
        self._pdf.set_text_color(GREY if kind.grey else 0)
        self._print(fitted, left, top, width if align_right else None)
        return top + fitted.height

    def write_columns(
        self, words: str, lefts: Sequence[float], top: float, width: float, height: float, kind: Type
    ) -> None:
        """Print a long text in columns of `width` by `height` that begin at `lefts`."""
        for size in kind.sizes:
            per_column = int(height / (size * MM_PER_POINT * LEADING))
            fitted = self._fit(words, width, Type((size,), kind.bold), per_column * len(lefts))
            if fitted.complete:
                break
        self._pdf.set_text_color(0)
        for column, left in enumerate(lefts):
            lines = fitted.lines[column * per_column : (column + 1) * per_column]
            self._print(_Fitted(lines, fitted.size), left, top)

    def plate(self, words: str, left: float, top: float, width: float, kind: Type, *, most_lines: int) -> float:
        """Print white on a black plate as wide as its words need, and return the lower edge."""
        fitted = self._fit(words, width - 2 * PLATE_PADDING, kind, most_lines)
        longest = max(self._pdf.get_string_width(line) for line in fitted.lines)
        height = fitted.height + PLATE_PADDING
        self._pdf.set_fill_color(0)
        self._pdf.rect(left, top, longest + 2 * PLATE_PADDING, height, style="F", round_corners=True, corner_radius=1.2)
        self._pdf.set_text_color(255)
        self._print(fitted, left + PLATE_PADDING, top + PLATE_PADDING / 2)
        return top + height

    def bar(self, left: float, top: float, width: float, height: float) -> None:
        """A black bar."""
        self._pdf.set_fill_color(0)
        self._pdf.rect(left, top, width, height, style="F")

    def frame(self, left: float, top: float, width: float, height: float) -> None:
        """A thin frame with round corners."""
        self._pdf.set_draw_color(0)
        self._pdf.set_line_width(0.4)
        self._pdf.rect(left, top, width, height, round_corners=True, corner_radius=3)

    def picture(self, image: Image, left: float, top: float, size: float, description: str) -> None:
        """A square picture."""
        self._pdf.image(image, left, top, size, size, alt_text=description)

    def _fit(self, words: str, width: float, kind: Type, most_lines: int) -> _Fitted:
        """`words` in at most `most_lines`: in the largest size that does it, else shortened in the smallest."""
        text = typeface.printable(words.strip()) or " "
        for size in kind.sizes:
            self._pdf.set_font(self._family, "B" if kind.bold else "", size)
            lines = self._wrap(text, width)
            if len(lines) <= most_lines:
                return _Fitted(lines, size)
        kept = [*lines[: most_lines - 1], self._shorten(lines[most_lines - 1], width)]
        return _Fitted(kept, size, complete=False)

    def _wrap(self, text: str, width: float) -> list[str]:
        lines = self._pdf.multi_cell(width, text=text, dry_run=True, output=MethodReturnValue.LINES, align="L")
        return [line.strip() for line in cast(list[str], lines)]

    def _shorten(self, line: str, width: float) -> str:
        while line and self._pdf.get_string_width(line + ELLIPSIS) > width:
            line = line[:-1]
        return line.rstrip() + ELLIPSIS

    def _print(self, fitted: _Fitted, left: float, top: float, right_edge_after: float | None = None) -> None:
        self._pdf.set_font_size(fitted.size)
        for number, line in enumerate(fitted.lines):
            indent = right_edge_after - self._pdf.get_string_width(line) if right_edge_after else 0
            baseline = top + number * fitted.line_height + fitted.size * MM_PER_POINT
            self._pdf.text(left + indent, baseline, line)
