"""A QR code as SVG: one path of runs, row by row, small enough to stand in the page."""

from markupsafe import Markup

from shared import qr_symbols


def svg(text: str, label: str) -> Markup:
    """The code for `text`, black on white whatever the theme, with a label for screen readers."""
    symbol = qr_symbols.symbol(text, "M")
    path = "".join(f"M{column} {row}h{width}v1h-{width}z" for row, column, width in symbol.dark_runs())
    return Markup(
        '<svg class="qr" role="img" aria-label="{label}" viewBox="0 0 {size} {size}" '
        'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{path}"/></svg>'
    ).format(label=label, size=symbol.size, path=path)
