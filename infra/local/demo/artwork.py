"""Banners of the demo events: a motif, and on it in big type what the event is called."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from infra.local.demo.motifs import HEIGHT, WIDTH, Motif, colour

_FINER: Final = 2
"""Drawn so many times larger, and made smaller for smooth edges."""
_MARGIN: Final = 88
_TYPE_SIZES: Final = (168, 148, 128, 110, 96, 82)
_MAX_LINES: Final = 3


@dataclass(frozen=True)
class Artwork:
    """A banner: words above the title, the title, and a motif in these colours (`#rrggbb`)."""

    motif: Motif
    colours: Sequence[str]
    kicker: str
    title: str


def drawn(artwork: Artwork) -> bytes:
    """The banner as a JPEG."""
    large = Image.new("RGB", (WIDTH * _FINER, HEIGHT * _FINER))
    artwork.motif(large, [colour(code) for code in artwork.colours])
    image = large.reduce(_FINER)
    _shade(image)
    _write(image, artwork)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=90)
    return written.getvalue()


def _shade(image: Image.Image) -> None:
    """Darken the picture to the left and below, where the words will be."""
    shade = Image.new("L", (32, 18))
    for x in range(32):
        for y in range(18):
            shade.putpixel((x, y), int(225 * max(0.0, 1 - x / 30) ** 0.8 * (0.5 + 0.5 * y / 17)))
    image.paste((12, 10, 24), mask=shade.resize(image.size, Image.Resampling.BICUBIC))


def _write(image: Image.Image, artwork: Artwork) -> None:
    draw = ImageDraw.Draw(image)
    size, lines = set_in_type(artwork.title)
    leading = size * 1.02
    top = HEIGHT - _MARGIN - leading * len(lines)
    draw.text((_MARGIN, top - 72), artwork.kicker.upper(), fill="white", font=_font("SemiBold", 42))
    for number, line in enumerate(lines):
        draw.text((_MARGIN, top + number * leading), line, fill="white", font=_font("ExtraBold", size))


def set_in_type(title: str) -> tuple[int, list[str]]:
    """The largest type in which the title fits, and its lines."""
    for size in _TYPE_SIZES:
        lines = _lines(title, _font("ExtraBold", size))
        if len(lines) <= _MAX_LINES:
            break
    return size, lines


def _lines(title: str, font: ImageFont.FreeTypeFont) -> list[str]:
    lines = [""]
    for word in title.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > WIDTH * 0.66:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


@lru_cache
def _font(weight: str, size: int) -> ImageFont.FreeTypeFont:
    with (files("fontpkg_fira_sans") / "files" / f"FiraSans-{weight}.ttf").open("rb") as file:
        return ImageFont.truetype(io.BytesIO(file.read()), size)
