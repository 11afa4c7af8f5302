"""QR symbols (ISO/IEC 18004): the dark modules of a text's code, ready to be drawn as rectangles."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import zxingcpp

ErrorCorrection = Literal["L", "M", "Q", "H"]
"""How much of a symbol may be lost: 7, 15, 25 or 30 percent."""

_DARK: Final = re.compile(rb"\x00+")


@dataclass(frozen=True)
class QrSymbol:
    """A symbol of `size` by `size` modules, its quiet zone of four included. `pixels`: a byte of each, 0 if dark."""

    size: int
    pixels: bytes

    def dark_runs(self) -> Iterator[tuple[int, int, int]]:
        """Each row's runs of dark modules, from the top: row, first column, number of modules."""
        for found in _DARK.finditer(self.pixels):  # none goes on in the next row: the quiet zone is between them
            row, column = divmod(found.start(), self.size)
            yield row, column, found.end() - found.start()


def symbol(text: str, error_correction: ErrorCorrection) -> QrSymbol:
    """The smallest symbol that holds `text`."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=error_correction)
    pixels = memoryview(code.to_image(scale=1, add_quiet_zones=True))  # type: ignore[arg-type]  # it is a buffer
    return QrSymbol(len(pixels), pixels.tobytes())
