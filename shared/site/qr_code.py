"""A QR code as SVG: one path of runs, row by row, small enough to stand in the page."""

from typing import Any

import qrcode
from markupsafe import Markup

QUIET_ZONE = 4
"""Modules of white around the code (ISO/IEC 18004)."""


def svg(text: str, label: str) -> Markup:
    """The code for `text`, black on white whatever the theme, with a label for screen readers."""
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=0)
    code.add_data(text)
    code.make(fit=True)
    matrix: list[list[Any]] = code.get_matrix()
    size = len(matrix) + 2 * QUIET_ZONE
    path = "".join(_row(row, y + QUIET_ZONE) for y, row in enumerate(matrix))
    return Markup(
        '<svg class="qr" role="img" aria-label="{label}" viewBox="0 0 {size} {size}" '
        'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{path}"/></svg>'
    ).format(label=label, size=size, path=path)


def _row(row: list[Any], y: int) -> str:
    runs, start = [], None
    for x, is_dark in enumerate([*row, False]):
        if is_dark and start is None:
            start = x
        elif not is_dark and start is not None:
            runs.append(f"M{start + QUIET_ZONE} {y}h{x - start}v1h-{x - start}z")
            start = None
    return "".join(runs)
