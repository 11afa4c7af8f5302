"""Slugs: the readable part of an event's address (EM-005)."""

import re
import secrets
import unicodedata
from collections.abc import Iterator

LONGEST_STEM = 80
SUFFIX_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without 0, o, 1, i, l: people type addresses from posters
SUFFIX_LENGTH = 6


def stem(title: str) -> str:
    """The title in ASCII, lower case, words joined by hyphens, 80 characters at most; `acara` if nothing is left."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_STEM].rstrip("-") or "acara"


def is_slug(name: str) -> bool:
    """Whether an event could have this slug at all."""
    return re.fullmatch(r"[a-z0-9-]{1,100}", name) is not None


def candidates(title: str) -> Iterator[str]:
    """Slugs to try until one is free, each with a random end."""
    while True:
        suffix = "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(SUFFIX_LENGTH))
        yield f"{stem(title)}-{suffix}"
