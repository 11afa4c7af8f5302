"""Cleaning and scaling of uploaded pictures, whose type is read from their bytes (EM-002, UM-007)."""

import io
import re
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.problems import Invalid, Problem
from shared.sentences import Sentence

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_SIDE_PIXELS = 8_000
MAX_PIXELS = 40_000_000
"""Decoding takes 12 bytes of memory for each at worst: a progressive JPEG of four colours. A function has 1 GB."""
PORTRAIT_PIXELS = 512
"""Pixels of each side: sharp where a profile shows it, and some tens of kilobytes."""
JPEG_QUALITY = 85
WEBP_QUALITY = 78
"""Looks as JPEG's 85 does, at two thirds of its size."""

_one_at_a_time = threading.Lock()
"""The largest picture takes half a gigabyte while it is open."""
_TYPES = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WEBP": ("image/webp", "webp")}
_READ = ("JPEG", "PNG")
_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": JPEG_QUALITY, "optimize": True, "progressive": True},
    "PNG": {},
    "WEBP": {"quality": WEBP_QUALITY},
}
_JPEG_SCAN = re.compile(rb"\xff\xda")
_JPEG_SEGMENT = re.compile(rb"\xff[\xe0-\xef\xfe]")
_PNG_COLOURS = re.compile(rb"iCCP")
# A hundred bytes can ask for the work of a whole picture: a JPEG's scan goes over all pixels, an Exif segment copies
# those before it, a PNG's colour profile unpacks to a megabyte. Ours have about ten scans and a hundred segments.
# Data that a telephone appends (a film, another picture) is no part of the picture, but may by chance look like some.
_MAX_PARTS = {
    b"\xff\xd8\xff": ((_JPEG_SCAN, 100), (_JPEG_SEGMENT, 2_000)),
    b"\x89PNG\r\n\x1a\n": ((_PNG_COLOURS, 10),),
}
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, struct.error, zlib.error)


class NotAnImage(Problem):
    """This is not a picture we can show. Send a JPEG or PNG file."""

    status, slug = 415, "not-an-image"


@dataclass(frozen=True)
class Picture:
    """A picture as we made it: pixels only, upright, without what a camera writes into it."""

    content: bytes
    content_type: str
    extension: str
    width: int
    height: int


def clean(content: bytes, widths: Sequence[int]) -> tuple[Picture, list[Picture]]:
    """The picture in `content` encoded anew, and as WebP in these widths, of which the first is the largest.

    Nothing but its pixels (and their colour space) remains. No variant is wider than the picture: where that is
    less than a width, the picture's own is the largest.

    Raises NotAnImage for what is neither JPEG nor PNG, whatever its name says, and Invalid for a damaged
    one, and for one of more than 8000 pixels in width or height, of more than 40 million in all, or of so
    many parts that it was made to keep us busy, none of which is even decoded.
    """
    _refuse_bombs(content)
    with _one_at_a_time:
        image = _opened(content)
        kind = "PNG" if image.format == "PNG" else "JPEG"
        with _damage_told():
            upright = _upright(image)
            variants = _variants(upright, widths)
            return _encoded(upright, kind), variants


def portrait(content: bytes) -> Picture:
    """The middle of the picture in `content` as a small square JPEG, without its metadata.

    Transparent pixels become white. Raises as `clean` does.
    """
    from PIL import ImageOps

    _refuse_bombs(content)
    with _one_at_a_time:
        image = _opened(content)
        with _damage_told():
            square = ImageOps.fit(_with_full_colours(_upright(image)), (PORTRAIT_PIXELS, PORTRAIT_PIXELS))
            return _encoded(_on_white(square), "JPEG")


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise Invalid.field("file", "is damaged or incomplete; export the picture again") from error


def _opened(content: bytes) -> "Image":
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=_READ) as checked:
            _refuse_huge(checked.size)
            checked.verify()  # the sums within a PNG, which decoding does not always look at
        return Image.open(io.BytesIO(content), formats=_READ)
    except UnidentifiedImageError as error:
        raise NotAnImage from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except _DAMAGED as error:
        raise Invalid.field("file", "is damaged or incomplete; export the picture again") from error


def _upright(image: "Image") -> "Image":
    """The decoded picture, turned as its camera was held."""
    from PIL import ImageOps

    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    return image


def _variants(image: "Image", widths: Sequence[int]) -> list[Picture]:
    """The picture in these widths, the largest first, each made of the one before it."""
    found = []
    for width in sorted({min(width, image.width) for width in widths}, reverse=True):
        image = _scaled(image, width)
        found.append(_encoded(image, "WEBP"))
    return found


def _scaled(image: "Image", width: int) -> "Image":
    """A copy of the picture that is so wide."""
    from PIL.Image import Resampling

    height = max(1, round(image.height * width / image.width))
    scaled = _with_full_colours(image).resize((width, height), Resampling.LANCZOS, reducing_gap=2.0)
    scaled.info = dict(image.info) if scaled.mode == image.mode else {}  # the colours of another mode are others
    return scaled


def _with_full_colours(image: "Image") -> "Image":
    """The picture without a palette, between whose colours nothing can be scaled, and of 8 bits a colour."""
    if image.mode == "I;16":
        return image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    return image.convert("RGBA") if image.mode in ("1", "P") else image


def _on_white(image: "Image") -> "Image":
    """The picture without transparency."""
    from PIL import Image

    if not image.has_transparency_data:
        return image
    white = Image.new("RGB", image.size, "white")
    layer = image.convert("RGBA")
    white.paste(layer, mask=layer)
    return white


def _encoded(image: "Image", kind: str) -> Picture:
    colours = image.info.get("icc_profile")
    # An encoder may write what it finds in `info`; a palette's transparency is part of the pixels.
    image.info = {name: image.info[name] for name in ("transparency",) if name in image.info}
    mode = _mode(image, kind)
    if mode != image.mode:
        image, colours = image.convert(mode), None
    written = io.BytesIO()
    image.save(written, kind, icc_profile=colours, **_OPTIONS[kind])
    content_type, extension = _TYPES[kind]
    return Picture(written.getvalue(), content_type, extension, image.width, image.height)


def _mode(image: "Image", kind: str) -> str:
    """The mode in which a file of this kind can hold the picture."""
    if kind == "JPEG":
        return image.mode if image.mode in ("RGB", "L") else "RGB"
    if kind == "WEBP":
        return "RGBA" if image.has_transparency_data else "RGB"
    return image.mode


def _refuse_bombs(content: bytes) -> None:
    for beginning, most_parts in _MAX_PARTS.items():
        if content.startswith(beginning):
            for part, most in most_parts:
                if len(part.findall(content)) > most:
                    raise Invalid.field("file", "is made of too many parts; export the picture again")


def _refuse_huge(size: tuple[int, int]) -> None:
    if max(size) > MAX_SIDE_PIXELS or size[0] * size[1] > MAX_PIXELS:
        raise _too_many_pixels()


def _too_many_pixels() -> Invalid:
    most = Sentence(
        "must be at most {side} pixels wide and high, and {millions} million pixels in all",
        side=str(MAX_SIDE_PIXELS),
        millions=MAX_PIXELS // 1_000_000,
    )
    return Invalid.field("file", most)
