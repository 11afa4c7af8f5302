"""The layout of an A4 page: text that always fits its box, lines, and QR codes.

Lengths are millimetres from the upper left corner; sizes of type are points. The part that all tickets share
is drawn once as a `Drawing` and placed on each sheet; a sheet embeds of each font the glyphs it uses.
"""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import pydyf

from shared.qr_symbols import QrSymbol
from shared.tickets import embedding
from shared.tickets.shaping import Run, shape
from shared.tickets.wrapping import MM_PER_POINT, Fitted, TextStyle, fit, fit_columns, width_mm

PLATE_PADDING: Final = 2.5
GREY: Final = 0.35  # dark enough for a fax
WIDTH_MM: Final = 210.0
HEIGHT_MM: Final = 297.0
_STROKE_OF_BOLD: Final = 0.025
"""The width of the line that thickens a font without a bold of its own, as a part of its size."""
_ROUND: Final = 0.5523  # how far a Bézier curve's handles reach in a quarter of a circle


class Drawing:
    """A drawing, and the glyphs that it uses."""

    def __init__(self) -> None:
        self.operators: list[str] = []
        self.used = embedding.UsedGlyphs()

    def place(self, drawing: "Drawing") -> None:
        """Add another drawing where it was drawn."""
        self.operators += drawing.operators
        self.used.add(drawing.used)

    def write(
        self,
        words: str,
        left: float,
        top: float,
        width: float,
        kind: TextStyle,
        *,
        max_lines: int = 1,
        height: float = HEIGHT_MM,
        align_right: bool = False,
    ) -> float:
        """Draw text within `width`, `max_lines` and `height`, and return the lower edge."""
        fitted = fit(words, width, kind, max_lines, height)
        self._colour(GREY if kind.grey else 0)
        self._draw_lines(fitted, left, top, width if align_right else None)
        return top + fitted.height

    def write_columns(
        self, words: str, lefts: Sequence[float], top: float, width: float, height: float, kind: TextStyle
    ) -> bool:
        """Draw a long text in columns of `width` by `height` that begin at `lefts`. True if all of it fits."""
        fitted, per_column = fit_columns(words, width, height, kind, len(lefts))
        self._colour(0)
        for column, left in enumerate(lefts):
            lines = fitted.lines[column * per_column : (column + 1) * per_column]
            self._draw_lines(replace(fitted, lines=lines), left, top)
        return fitted.complete

    def plate(
        self, words: str, left: float, top: float, width: float, kind: TextStyle, *, max_lines: int, height: float
    ) -> float:
        """Draw white text on a black plate as wide as its words need, and return the lower edge."""
        fitted = fit(words, width - 2 * PLATE_PADDING, kind, max_lines, height - PLATE_PADDING)
        longest = max(width_mm(line, fitted.size, kind.bold) for line in fitted.lines)
        high = fitted.height + PLATE_PADDING
        self._colour(0)
        self._rounded(left, top, longest + 2 * PLATE_PADDING, high, 1.2)
        self.operators.append("f")
        self._colour(1)
        self._draw_lines(fitted, left + PLATE_PADDING, top + PLATE_PADDING / 2)
        return top + high

    def bar(self, left: float, top: float, width: float, height: float) -> None:
        """A black bar."""
        self._colour(0)
        self.operators.append(f"{_x(left)} {_y(top + height)} {_points(width)} {_points(height)} re f")

    def frame(self, left: float, top: float, width: float, height: float) -> None:
        """A thin frame with round corners."""
        self._colour(0)
        self.operators.append(f"{_points(0.4)} w")
        self._rounded(left, top, width, height, 3)
        self.operators.append("S")

    def code(self, symbol: QrSymbol, left: float, top: float, size: float, description: str) -> None:
        """A QR code, its quiet zone included, as rectangles: sharp in any size."""
        side = size / symbol.size / MM_PER_POINT
        self._colour(0)
        self.operators.append(f"/Figure <</Alt ({description})>> BDC q")
        self.operators.append(f"{side:.4f} 0 0 {-side:.4f} {_x(left)} {_y(top)} cm")
        self.operators += [f"{column} {row} {width} 1 re" for row, column, width in symbol.dark_runs()]
        self.operators.append("f Q EMC")

    def _colour(self, grey: float) -> None:
        self.operators.append(f"{grey} g {grey} G")

    def _draw_lines(self, fitted: Fitted, left: float, top: float, right_edge_after: float | None = None) -> None:
        for number, line in enumerate(fitted.lines):
            indent = right_edge_after - width_mm(line, fitted.size, fitted.bold) if right_edge_after else 0
            baseline = top + number * fitted.line_height + fitted.ascent
            across = left + indent
            for run in shape(line, fitted.bold):
                self._show(run, across, baseline, fitted.size)
                across += run.width * fitted.size * MM_PER_POINT / 1000

    def _show(self, run: Run, left: float, baseline: float, size: float) -> None:
        thick = f"2 Tr {size * _STROKE_OF_BOLD:.3f} w " if run.font.is_emboldened else ""
        thin = " 0 Tr" if thick else ""
        shown = embedding.text_operators(run, float(_x(left)), float(_y(baseline)), size)
        self.operators.append(f"BT /{run.font.name} {size} Tf {thick}{shown}{thin} ET")
        self.used.note(run)

    def _rounded(self, left: float, top: float, width: float, height: float, radius: float) -> None:
        right, bottom, handle = left + width, top + height, radius * (1 - _ROUND)
        corners = (
            ((right - radius, top), (right - handle, top), (right, top + handle), (right, top + radius)),
            ((right, bottom - radius), (right, bottom - handle), (right - handle, bottom), (right - radius, bottom)),
            ((left + radius, bottom), (left + handle, bottom), (left, bottom - handle), (left, bottom - radius)),
            ((left, top + radius), (left, top + handle), (left + handle, top), (left + radius, top)),
        )
        self.operators.append(f"{_x(left + radius)} {_y(top)} m")
        for begins, *curve in corners:
            self.operators.append(f"{_x(begins[0])} {_y(begins[1])} l")
            self.operators.append(" ".join(f"{_x(across)} {_y(down)}" for across, down in curve) + " c")
        self.operators.append("h")


class PageLayout(Drawing):
    """One page. Letters that no font has are replaced by `fonts.printable`."""

    def __init__(self, *, title: str, created_at: datetime) -> None:
        super().__init__()
        self._title = title
        self._created_at = created_at

    def to_bytes(self) -> bytes:
        """The PDF."""
        pdf = pydyf.PDF()
        content = embedding.compressed_stream("\n".join(self.operators).encode())
        pdf.add_object(content)
        resources = pydyf.Dictionary({"Font": embedding.embed_fonts(pdf, self.used)})
        page = pydyf.Dictionary(
            {
                "Type": "/Page",
                "Parent": pdf.pages.reference,
                "MediaBox": pydyf.Array([0, 0, _points(WIDTH_MM), _points(HEIGHT_MM)]),
                "Resources": resources,
                "Contents": content.reference,
            }
        )
        pdf.add_page(page)
        pdf.catalog["Lang"] = pydyf.String("id-ID")
        pdf.info["Title"] = pydyf.String(self._title)
        pdf.info["CreationDate"] = pydyf.String(f"D:{self._created_at:%Y%m%d%H%M%S}Z")
        written = io.BytesIO()
        pdf.write(written)
        return written.getvalue()


def _points(millimetres: float) -> str:
    return f"{millimetres / MM_PER_POINT:.2f}"


def _x(millimetres: float) -> str:
    return _points(millimetres)


def _y(millimetres: float) -> str:
    return _points(HEIGHT_MM - millimetres)
