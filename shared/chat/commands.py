"""Commands that people type, in Indonesian and English, whatever their case and punctuation."""

import re
from dataclasses import dataclass
from typing import Final, Literal

Name = Literal[
    "menu",
    "start",
    "stop",
    "notify",
    "events",
    "buy",
    "pay",
    "status",
    "paid",
    "cancel",
    "tickets",
    "refund",
    "help",
    "agent",
    "link",
    "delete",
    "language",
]

_WORDS: Final[dict[str, tuple[Name, str]]] = {
    "menu": ("menu", ""),
    "mulai": ("start", "id"),
    "start": ("start", "en"),
    "stop": ("stop", ""),
    "berhenti": ("stop", "id"),
    "unsubscribe": ("stop", "en"),
    "kabari": ("notify", "id"),
    "notify": ("notify", "en"),
    "acara": ("events", "id"),
    "events": ("events", "en"),
    "bayar": ("pay", "id"),
    "pay": ("pay", "en"),
    "status": ("status", ""),
    "sudah bayar": ("paid", "id"),
    "sudah dibayar": ("paid", "id"),
    "paid": ("paid", "en"),
    "batal": ("cancel", "id"),
    "cancel": ("cancel", "en"),
    "tiket": ("tickets", "id"),
    "tickets": ("tickets", "en"),
    "pengembalian": ("refund", "id"),
    "pengembalian dana": ("refund", "id"),
    "refund": ("refund", ""),
    "bantuan": ("help", "id"),
    "help": ("help", "en"),
    "orang": ("agent", "id"),
    "admin": ("agent", "id"),
    "agent": ("agent", "en"),
    "hapus data saya": ("delete", "id"),
    "hapus akun": ("delete", "id"),
    "delete my data": ("delete", "en"),
    "delete account": ("delete", "en"),
    "id": ("language", "id"),
    "indonesia": ("language", "id"),
    "en": ("language", "en"),
    "english": ("language", "en"),
}
"""Phrase to its command, and the language that it is a word of."""

_NUMBERS: Final = {
    word: number
    for number, words in enumerate(
        (("satu", "one"), ("dua", "two"), ("tiga", "three"), ("empat", "four"), ("lima", "five")), 1
    )
    for word in words
}
_QUANTITY = rf"(?P<quantity>\d{{1,6}}|{'|'.join(_NUMBERS)})(?:\s*(?:x|pcs|buah|lembar|orang|tiket|tickets?))?"
_PURCHASE = r"(?P<code>[a-z0-9][a-z0-9-]{2,15})" + rf"(?:\s+{_QUANTITY}(?:\s+(?P<promo>[a-z0-9][a-z0-9_-]{{1,49}}))?)?"
_ANY_CASE: Final = re.IGNORECASE | re.ASCII  # without ASCII a long s and a dotless i are letters of these words too
_BUY = re.compile(rf"(?P<verb>beli|buy|buymidtrans)\s+{_PURCHASE}", _ANY_CASE)
_WITHOUT_VERB = re.compile(_PURCHASE, _ANY_CASE)
_NUMBER = re.compile(_QUANTITY, _ANY_CASE)
_LINK = re.compile(r"(?:e-?mail|surel)\s+(?P<address>\S{3,255})", re.IGNORECASE)
_CODE = re.compile(r"(?:\d[\s-]?){8}")
_WORDS_WITHIN = re.compile(r"[^\W_](?:.*[^\W_])?", re.DOTALL)  # searched in a time that is linear in the text
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Command:
    """A command. `language` is the one its word belongs to, empty where it is the same in both.

    A purchase has a `code` in capitals, a `quantity` and a `promo` code; `gateway` where its verb names one.
    """

    name: Name
    language: str = ""
    code: str = ""
    quantity: int | None = None
    gateway: str | None = None
    promo: str = ""
    address: str = ""
    """The address to be linked, as it was typed."""


def read(typed: str) -> Command | None:
    """The command in a text; None where it is none."""
    words = _plain(typed)
    purchase = _BUY.fullmatch(words)
    if purchase:
        return _purchase(purchase, purchase["verb"].lower())
    link = _LINK.fullmatch(words)
    if link:
        return Command("link", address=link["address"])
    found = _WORDS.get(words.lower())
    return Command(*found) if found else None


def purchase_without_verb(typed: str) -> Command | None:
    """The purchase in a text that is a code, with a quantity or not, and no other command; None where it is none."""
    found = _WITHOUT_VERB.fullmatch(_plain(typed))
    return _purchase(found, "") if found and read(typed) is None else None


def mailed_code(typed: str) -> str | None:
    """The code from a mail that a text is, in whatever parts; None where it is none."""
    words = _plain(typed)
    return "".join(each for each in words if each.isdecimal()) if _CODE.fullmatch(words) else None


def number(typed: str) -> int | None:
    """The number that a text is, as `2`, `2 tiket` or `dua`; None where it is none."""
    found = _NUMBER.fullmatch(_plain(typed))
    return _number(found["quantity"]) if found else None


def _plain(typed: str) -> str:
    """A text without what stands around its words, and with one space between them."""
    within = _WORDS_WITHIN.search(typed)
    return _SPACES.sub(" ", within[0]) if within else ""


def _number(written: str) -> int:
    return _NUMBERS.get(written.lower()) or int(written)


def _purchase(found: re.Match[str], verb: str) -> Command:
    return Command(
        "buy",
        language="id" if verb == "beli" else "en" if verb == "buy" else "",
        code=found["code"].upper(),
        quantity=_number(found["quantity"]) if found["quantity"] else None,
        gateway="midtrans" if verb == "buymidtrans" else None,
        promo=found["promo"] or "",
    )
