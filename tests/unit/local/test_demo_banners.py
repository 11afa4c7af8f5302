"""The demo events' banners are drawn: each motif fills the picture, and every title fits in it."""

import io

import pytest
from PIL import Image

from infra.local.demo import artwork, events, motifs
from infra.local.demo.motifs import colour

EVENTS = {event.new.title: event for event in events.all_events()}


@pytest.mark.parametrize("title", EVENTS)
def test_a_motif_fills_the_picture_in_its_colours(title: str):
    event = EVENTS[title]
    nobody_draws_so = (1, 254, 3)
    image = Image.new("RGB", (160, 90), nobody_draws_so)
    event.motif(image, [colour(code) for code in event.colours])
    found = image.getcolors(160 * 90) or []
    assert nobody_draws_so not in [seen for _, seen in found]
    assert len(found) > 1


@pytest.mark.parametrize("title", EVENTS)
def test_a_title_fits_in_three_lines(title: str):
    size, lines = artwork.set_in_type(title)
    assert " ".join(lines) == title
    assert len(lines) <= 3
    assert size >= 96


def test_a_banner_is_a_jpeg_of_the_size_of_a_desk():
    image = Image.open(io.BytesIO(artwork.drawn(EVENTS["Malam Budaya Papua"].artwork)))
    assert (image.format, image.size) == ("JPEG", (motifs.WIDTH, motifs.HEIGHT))
