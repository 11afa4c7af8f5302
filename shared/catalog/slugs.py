"""Slugs: the readable part of an event's URL (EM-005)."""

import re
import secrets
import unicodedata
from collections.abc import Iterator

MAX_STEM_LENGTH = 80
SUFFIX_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without 0, o, 1, i, l: people type URLs from posters
SUFFIX_LENGTH = 6


def stem(title: str) -> str:
    """The title in lower-case ASCII, words joined by hyphens, at most 80 characters; `acara` if nothing is left."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_STEM_LENGTH].rstrip("-") or "acara"


def is_slug(name: str) -> bool:
    """True if `name` has the form of a slug."""
    return re.fullmatch(r"[a-z0-9-]{1,100}", name) is not None


def candidates(title: str) -> Iterator[str]:
    """Slugs to try until one is free, each with a random suffix."""
    while True:
        suffix = "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(SUFFIX_LENGTH))
        yield f"{stem(title)}-{suffix}"
