"""Every sentence of the pages has its Indonesian, with the same values in it, and none is there for nothing (U-005)."""

import re
from functools import cache
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from infra.local.mail_samples import LONG, samples
from shared.chat import wording
from shared.chat.templates import TEMPLATES
from shared.messages.rendering import render
from shared.site import languages
from shared.site.languages import translate

SITE = Path(languages.__file__).parent
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "translate": (2,)}
VALUE = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


@cache
def sentences() -> set[str | tuple[str, ...]]:
    methods = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
    options = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
    return {message for _, _, message, _, _ in extract_from_dir(SITE, methods, options, keywords=KEYWORDS)}


@cache
def indonesian() -> dict[str | tuple[str, ...], str | tuple[str, ...]]:
    with (languages.FOLDER / "id.po").open("rb") as written:
        return {message.id: message.string for message in read_po(written, locale="id") if message.id}


def test_every_sentence_is_translated():
    translated = {key for key, words in indonesian().items() if words and all(words)}
    assert sentences() - translated == set()


def test_no_translation_is_left_over():
    assert set(indonesian()) - sentences() == set()


def test_a_translation_names_the_same_values():
    differing = [
        each
        for english, words in indonesian().items()
        for each in ([words] if isinstance(words, str) else words)
        if set(VALUE.findall(each)) != set(VALUE.findall(english if isinstance(english, str) else english[-1]))
    ]
    assert differing == []


def test_a_sentence_is_said_in_both_languages():
    assert translate("en", "Pay %(total)s", total="Rp 1") == "Pay Rp 1"
    assert translate("id", "Pay %(total)s", total="Rp 1") == "Bayar Rp 1"


def test_one_thing_has_one_word():
    """Mails and chats call money that comes back, wallets and gate staff what the pages do."""
    pages = [each for words in indonesian().values() for each in ([words] if isinstance(words, str) else words)]
    mails = [render(each.template, "id", each.context) for each in samples("id", LONG)]
    told = [words for mail in mails for words in (mail.subject, mail.text, re.sub(r"<[^>]+>", "", mail.html))]
    chats = [said for said, _ in wording._SENTENCES.values()] + [each.text("id") for each in TEMPLATES.values()]
    assert [
        each for each in (*pages, *told, *chats) if re.search(r"(?i)refund|dompet digital|petugas pintu", each)
    ] == []
