"""EM-005: a readable, unique slug made by the system."""

import re
from itertools import islice

import pytest

from shared.catalog import slugs


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("Konser Senja: Malam ke-2!", "konser-senja-malam-ke-2"),
        ("  Café & Crème  ", "cafe-creme"),
        ("音楽会", "acara"),
        ("!!!", "acara"),
        ("a" * 200, "a" * 80),
        ("a" * 79 + " bc", "a" * 79),
    ],
)
def test_the_stem_is_the_title_in_ascii(title: str, stem: str):
    assert slugs.stem(title) == stem


def test_candidates_end_in_different_suffixes():
    found = list(islice(slugs.candidates("Konser Senja"), 100))
    assert len(set(found)) == 100
    assert all(re.fullmatch(r"konser-senja-[a-z2-9]{6}", slug) for slug in found)
