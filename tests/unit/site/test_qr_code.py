"""The QR code of a page is one path, black on white in every theme, and a camera reads it."""

import io
import re

import zxingcpp
from PIL import Image, ImageDraw

from shared.site import qr_code

TEXT = "K1.ABCDEFGHIJKLMNOPQRSTUVWXYZ.234567.ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def drawn(svg: str) -> Image.Image:
    """The picture of the runs that the path draws, eight pixels a module."""
    size = int(re.search(r'viewBox="0 0 (\d+)', svg)[1])
    picture = Image.new("L", (size * 8, size * 8), 255)
    brush = ImageDraw.Draw(picture)
    path = re.findall(r' d="([^"]*)"', svg)[1]
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)", path):
        left, top = int(x) * 8, int(y) * 8
        brush.rectangle([left, top, left + int(width) * 8 - 1, top + 7], fill=0)
    return picture


def test_a_camera_reads_it():
    assert zxingcpp.read_barcode(drawn(qr_code.svg(TEXT, "QR"))).text == TEXT


def test_it_has_a_quiet_zone_of_four_modules():
    picture = drawn(qr_code.svg(TEXT, "QR"))
    assert picture.getbbox() is not None
    assert picture.crop((0, 0, picture.width, 32)).getextrema() == (255, 255)


def test_its_label_cannot_break_out():
    assert "<script" not in qr_code.svg(TEXT, '"><script>')
    assert len(io.StringIO(qr_code.svg(TEXT, "QR")).read()) < 12_000
