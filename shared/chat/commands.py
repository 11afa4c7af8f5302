"""What a typed message asks for: commands in Indonesian and English, whatever their case and punctuation."""

import re
from dataclasses import dataclass
from typing import Final, Literal

Name = Literal[
    "menu", "events", "buy", "pay", "status", "paid", "cancel", "tickets", "refund", "help", "agent", "language"
]

_WORDS: Final[dict[str, tuple[Name, str]]] = {
    "menu": ("menu", ""),
    "mulai": ("menu", "id"),
    "start": ("menu", "en"),
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
    "refund": ("refund", ""),
    "bantuan": ("help", "id"),
    "help": ("help", "en"),
    "orang": ("agent", "id"),
    "admin": ("agent", "id"),
    "agent": ("agent", "en"),
    "id": ("language", "id"),
    "indonesia": ("language", "id"),
    "en": ("language", "en"),
    "english": ("language", "en"),
}
"""Phrase to its command, and the language that it is a word of."""

_BUY = re.compile(
    r"(?P<verb>beli|buy|buymidtrans)\s+(?P<code>[a-z0-9][a-z0-9-]{2,15})(?:\s+(?P<quantity>\d{1,6}))?", re.IGNORECASE
)
_AROUND = re.compile(r"^[\W_]+|[\W_]+$")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Command:
    """A command. `language` is the one its word belongs to, empty where it is the same in both.

    A purchase has a `code` in capitals, and a `quantity`; `gateway` where its verb names one.
    """

    name: Name
    language: str = ""
    code: str = ""
    quantity: int | None = None
    gateway: str | None = None


def read(typed: str) -> Command | None:
    """The command in a text; None where it is none."""
    words = _SPACES.sub(" ", _AROUND.sub("", typed))
    purchase = _BUY.fullmatch(words)
    if purchase:
        return _purchase(purchase)
    found = _WORDS.get(words.lower())
    return Command(*found) if found else None


def _purchase(found: re.Match[str]) -> Command:
    verb = found["verb"].lower()
    return Command(
        "buy",
        language="id" if verb == "beli" else "en" if verb == "buy" else "",
        code=found["code"].upper(),
        quantity=int(found["quantity"]) if found["quantity"] else None,
        gateway="midtrans" if verb == "buymidtrans" else None,
    )
