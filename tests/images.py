"""Pictures to send, made by Pillow as cameras and phones make them."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

GPS = 0x8825
ORIENTATION = 0x0112
CAMERA = 0x010F
TURNED_RIGHT = 6


def a_picture(kind: str = "JPEG", *, size: tuple[int, int] = (60, 40), mode: str = "RGB", **saved: Any) -> bytes:
    """A file of one red picture with a blue left half."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (0, 0, size[0] // 2, size[1]))
    written = io.BytesIO()
    image.convert(mode).save(written, kind, **saved)
    return written.getvalue()


def from_a_phone() -> bytes:
    """A photograph that says where it was taken, with which camera, and that it lies on its side."""
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED_RIGHT
    exif[CAMERA] = "Kamera Rahasia"
    exif.get_ifd(GPS)[1] = "S"
    exif.get_ifd(GPS)[2] = (6.0, 12.0, 31.0)
    return a_picture(exif=exif, comment=b"Rahasia di komentar")


def a_bomb(side: int = 60_000) -> bytes:
    """A PNG of a few hundred bytes that says it is `side` pixels wide and high."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def opened(content: bytes) -> Image.Image:
    """The picture, decoded."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image
