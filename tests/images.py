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


def a_bomb(width: int = 60_000, height: int | None = None) -> bytes:
    """A PNG of a few hundred bytes that says it is so many pixels wide and high (the same, unless said)."""
    header = struct.pack(">IIBBBBB", width, height or width, 8, 2, 0, 0, 0)
    parts = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(1000))) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def many_scans(count: int, *, size: tuple[int, int] = (16, 16)) -> bytes:
    """A progressive JPEG whose last scan, some bytes that go over every pixel, comes `count` times more."""
    picture = a_picture(mode="L", size=size, progressive=True)
    end = len(picture) - 2
    last_scan = picture[picture.rindex(b"\xff\xda") : end]
    return picture[:end] + count * last_scan + picture[end:]


def many_segments(count: int) -> bytes:
    """A JPEG with so many empty Exif segments."""
    picture = a_picture()
    content = b"Exif\0\0"
    segment = b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
    return picture[:2] + count * segment + picture[2:]


def many_profiles(count: int) -> bytes:
    """A PNG with so many colour profiles, each of a kilobyte that unpacks to a megabyte."""
    picture = a_picture("PNG")
    after_header = 8 + 25
    profile = _chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(1_000_000)))
    return picture[:after_header] + count * profile + picture[after_header:]


def opened(content: bytes) -> Image.Image:
    """The picture, decoded."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image
