"""EM-002, UM-007: pictures are what their bytes say, and carry nothing but their pixels."""

import io
import random
import time
from collections.abc import Callable

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from shared import pictures
from shared.pictures import MAX_SIDE_PIXELS, PORTRAIT_PIXELS, NotAnImage, Picture
from shared.problems import Invalid
from tests.images import a_bomb, a_picture, from_a_phone, many_profiles, many_scans, many_segments, opened


def cleaned(content: bytes) -> pictures.Picture:
    """The picture without variants."""
    return pictures.clean(content, ())[0]


@pytest.mark.parametrize(
    ("kind", "content_type", "extension"), [("JPEG", "image/jpeg", "jpg"), ("PNG", "image/png", "png")]
)
def test_a_jpeg_stays_a_jpeg_and_a_png_a_png(kind: str, content_type: str, extension: str):
    picture = cleaned(a_picture(kind))
    assert (picture.content_type, picture.extension) == (content_type, extension)
    assert (opened(picture.content).format, opened(picture.content).size) == (kind, (60, 40))


def test_where_a_photograph_was_taken_and_by_which_camera_is_removed():
    sent = from_a_phone()
    assert b"Rahasia" in sent
    picture = cleaned(sent)
    assert not opened(picture.content).getexif()
    assert b"Rahasia" not in picture.content
    assert b"Exif" not in picture.content


def test_a_photograph_that_lies_on_its_side_is_turned_upright():
    upright = opened(cleaned(from_a_phone()).content)
    assert upright.size == (40, 60)
    red, green, blue = upright.convert("RGB").getpixel((20, 5))
    assert blue > red + green, "what was on the left is above now"


def test_what_is_written_into_a_png_is_removed():
    notes = PngInfo()
    notes.add_text("Author", "Rahasia", zip=False)
    sent = a_picture("PNG", pnginfo=notes)
    assert b"Rahasia" in sent
    assert b"Rahasia" not in cleaned(sent).content


def test_transparency_is_kept_and_print_colours_become_screen_colours():
    transparent = Image.new("RGBA", (10, 10), (255, 0, 0, 0))
    assert opened(cleaned(saved(transparent, "PNG")).content).getpixel((0, 0))[3] == 0
    sent = saved(opened(a_picture("PNG", mode="P")), "PNG", transparency=bytes(256))
    assert opened(sent).mode == "P"
    assert opened(cleaned(sent).content).convert("RGBA").getpixel((0, 0))[3] == 0
    assert opened(cleaned(a_picture(mode="CMYK")).content).mode == "RGB"


def test_the_same_picture_is_the_same_file_each_time():
    assert cleaned(from_a_phone()) == cleaned(from_a_phone())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"GIF89a" + bytes(100),
        a_picture("GIF"),
        a_picture("BMP"),
        a_picture("TIFF"),
        a_picture("WEBP"),
    ],
)
def test_anything_but_a_jpeg_or_a_png_is_refused(content: bytes):
    with pytest.raises(NotAnImage):
        cleaned(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_truncated_picture_is_refused(kind: str, part: float):
    whole = a_picture(kind, size=(400, 300))
    with pytest.raises((Invalid, NotAnImage)):
        cleaned(whole[: int(len(whole) * part)])


def test_a_png_with_a_wrong_checksum_is_refused():
    whole = bytearray(a_picture("PNG"))
    whole[whole.index(b"IDAT") + 6] ^= 0xFF
    with pytest.raises(Invalid):
        cleaned(bytes(whole))


@pytest.mark.parametrize("side", [MAX_SIDE_PIXELS + 1, 12_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side: int):
    with pytest.raises(Invalid) as refusal:
        cleaned(a_bomb(side))
    assert str(MAX_SIDE_PIXELS) in refusal.value.members["errors"][0]["message"]


def test_few_pixels_on_each_side_may_be_too_many_in_all():
    with pytest.raises(Invalid) as refusal:
        cleaned(a_bomb(8_000, 5_001))
    assert "40 million" in refusal.value.members["errors"][0]["message"]


@pytest.mark.parametrize("make", [cleaned, pictures.portrait])
def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded(make: Callable[[bytes], Picture]):
    sent = many_scans(5_000, size=(4_000, 4_000))  # decoding it takes about a minute
    begun = time.process_time()
    with pytest.raises(Invalid) as refusal:
        make(sent)
    assert time.process_time() - begun < 1
    assert "too many parts" in refusal.value.members["errors"][0]["message"]


@pytest.mark.parametrize("sent", [many_segments(5_000), many_profiles(100)])
def test_a_picture_of_thousands_of_copies_of_one_part_is_refused(sent: bytes):
    with pytest.raises(Invalid) as refusal:
        cleaned(sent)
    assert "too many parts" in refusal.value.members["errors"][0]["message"]


def test_what_telephones_make_is_no_bomb():
    film = random.Random(1).randbytes(3_000_000)
    for sent in (a_picture(progressive=True), many_scans(20), from_a_phone() + film, many_profiles(1)):
        assert opened(cleaned(sent).content).size
    assert opened(cleaned(a_picture("PNG") + film).content).size


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "I;16", "CMYK"])
def test_variants_show_what_the_picture_shows(mode: str):
    sent = sixteen_bits() if mode == "I;16" else a_picture("JPEG" if mode == "CMYK" else "PNG", size=SIZE, mode=mode)
    original, variants = pictures.clean(sent, (100, 300))
    assert [(seen.width, seen.height, seen.extension) for seen in variants] == [(300, 150, "webp"), (100, 50, "webp")]
    expected = halves(original)
    for variant in variants:
        assert all(abs(one - other) < 24 for one, other in zip(halves(variant), expected, strict=True))


def test_variants_are_upright_and_tell_nothing_of_the_camera_and_keep_transparency():
    for variant in pictures.clean(from_a_phone(), (20,))[1]:
        assert opened(variant.content).size == (20, 30)
        assert not opened(variant.content).getexif()
        assert b"Rahasia" not in variant.content
    transparent = saved(Image.new("RGBA", (60, 60), (255, 0, 0, 0)), "PNG")
    [variant] = pictures.clean(transparent, (20,))[1]
    assert opened(variant.content).getpixel((5, 5))[3] == 0


@pytest.mark.parametrize("size", [(600, 400), (400, 600), (40, 30)])
def test_a_portrait_is_the_middle_as_a_small_square(size: tuple[int, int]):
    picture = pictures.portrait(a_picture("PNG", size=size))
    square = opened(picture.content)
    assert (square.format, square.size, picture.extension) == ("JPEG", (PORTRAIT_PIXELS, PORTRAIT_PIXELS), "jpg")
    assert len(picture.content) < 100_000
    left, right = square.getpixel((50, 256)), square.getpixel((460, 256))
    assert (left[2] > 200, right[0] > 200) == (True, True), "blue on the left, red on the right"


def test_a_portrait_is_upright_and_tells_nothing_of_the_camera():
    sent = from_a_phone()
    picture = pictures.portrait(sent)
    assert not opened(picture.content).getexif()
    for trace in (b"Rahasia", b"Exif"):
        assert trace not in picture.content
    above, below = (opened(picture.content).getpixel((256, y)) for y in (20, 490))
    assert (above[2] > 200, below[0] > 200) == (True, True)


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "1", "CMYK"])
def test_a_portrait_of_any_kind_of_picture_is_a_jpeg(mode: str):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert opened(pictures.portrait(a_picture(kind, mode=mode)).content).mode in ("RGB", "L")


def test_what_is_transparent_in_a_portrait_is_white():
    transparent = Image.new("RGBA", (60, 60), (255, 0, 0, 0))
    assert opened(pictures.portrait(saved(transparent, "PNG")).content).getpixel((256, 256)) == (255, 255, 255)


@pytest.mark.parametrize("content", [b"", b"<script>", a_picture("GIF"), a_picture()[:-200]])
def test_a_portrait_of_nothing_is_refused(content: bytes):
    with pytest.raises((NotAnImage, Invalid)):
        pictures.portrait(content)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The picture as a file."""
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


SIZE = (400, 200)


def sixteen_bits() -> bytes:
    """A grey PNG with a light left half, of 16 bits a pixel."""
    halves = Image.new("I;16", SIZE, 0x2000)
    halves.paste(0xF000, (0, 0, SIZE[0] // 2, SIZE[1]))
    return saved(halves, "PNG")


def halves(picture: Picture) -> list[int]:
    """The colours in the middle of its left and of its right half."""
    image = opened(picture.content)
    if image.mode == "I;16":
        image = image.convert("I").point(lambda level: level * (1 / 256))
    image = image.convert("L").convert("RGB") if image.mode == "I" else image.convert("RGB")
    return [part for place in (1, 3) for part in image.getpixel((image.width * place // 4, image.height // 2))]
