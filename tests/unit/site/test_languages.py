"""Every sentence of the pages has its Indonesian, with the same values in it, and none is there for nothing (U-005)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from shared.site import languages
from shared.site.languages import translate

SITE = Path(languages.__file__).parent
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "translate": (2,)}
VALUE = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


def sentences() -> Iterator[str | tuple[str, ...]]:
    methods = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
    options = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
    for _, _, message, _, _ in extract_from_dir(SITE, methods, options, keywords=KEYWORDS):
        yield message


def indonesian() -> dict[str | tuple[str, ...], str | tuple[str, ...]]:
    with (languages.FOLDER / "id.po").open("rb") as written:
        return {message.id: message.string for message in read_po(written, locale="id") if message.id}


def test_every_sentence_is_translated():
    translated = {key for key, words in indonesian().items() if words and all(words)}
    assert {each for each in sentences() if each not in translated} == set()


def test_no_translation_is_left_over():
    assert set(indonesian()) - set(sentences()) == set()


@pytest.mark.parametrize("message", list(indonesian().items()), ids=lambda message: str(message[0])[:40])
def test_a_translation_names_the_same_values(message):
    english, words = message
    originals = [english] if isinstance(english, str) else list(english)
    for each in [words] if isinstance(words, str) else words:
        assert set(VALUE.findall(each)) == set(VALUE.findall(originals[-1]))


def test_a_sentence_is_said_in_both_languages():
    assert translate("en", "Pay %(total)s", total="Rp 1") == "Pay Rp 1"
    assert translate("id", "Pay %(total)s", total="Rp 1") == "Bayar Rp 1"
