"""Passwords: what a good one is, and bcrypt hashes of them (UM-005, SEC-015).

2^12 rounds (`settings().bcrypt_cost`) take a quarter of a second of one core: paid by us once, by a thief of the
table for each guess. A processor makes about four hashes a second, whoever asks for them. So few are made at once,
and a caller waits for a bounded time and is then asked to come back.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import bcrypt
from pydantic import AfterValidator, Field

from shared.cloud.settings import settings
from shared.problems import TryAgain
from shared.sentences import Sentence

MIN_LENGTH = 8
MAX_BYTES = 72
"""bcrypt looks at no more. A longer password is refused: cut off silently, its end would protect nothing."""

MAX_CONCURRENT_HASHES = 2
"""Hashes that one process makes at a time: one for its processor, and one that is ready when it is done."""
MAX_WAIT_SECONDS = 3
"""How long somebody waits for their turn: then eight others at least were before them."""

_hashing_slots = threading.BoundedSemaphore(MAX_CONCURRENT_HASHES)


def hash_password(password: str, *, cost: int | None = None) -> str:
    """The bcrypt hash to keep, with a salt of its own. `cost` replaces the setting."""
    with _hashing_slot():
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost or settings().bcrypt_cost)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """Whether `password` made `password_hash`. Without a hash it is as much work, and False.

    So nobody learns from our pace whether an account exists, or has a password.
    """
    given = password.encode()
    with _hashing_slot():
        is_same = bcrypt.checkpw(given[:MAX_BYTES], (password_hash or _dummy_hash()).encode())
    return is_same and password_hash is not None and len(given) <= MAX_BYTES


def _dummy_hash() -> str:
    """A hash that no password makes, and that costs as much to compare with as others."""
    return f"$2b${settings().bcrypt_cost:02}${'.' * 53}"


@contextmanager
def _hashing_slot() -> Iterator[None]:
    """Wait for one's turn at the processor. Raises TryAgain where too many others wait."""
    if not _hashing_slots.acquire(timeout=MAX_WAIT_SECONDS * settings().patience):
        raise TryAgain("Many people are signing in right now. Try again in a few seconds.", retry_after_seconds=5)
    try:
        yield
    finally:
        _hashing_slots.release()


def _strong(password: str) -> str:
    missing = [
        what
        for what, is_there in {
            "at least 8 characters": len(password) >= MIN_LENGTH,
            "an upper-case letter": any(letter.isupper() for letter in password),
            "a lower-case letter": any(letter.islower() for letter in password),
            "a digit": any(letter.isdigit() for letter in password),
            "a symbol": any(not letter.isalnum() and not letter.isspace() for letter in password),
        }.items()
        if not is_there
    ]
    if missing:
        raise ValueError(Sentence("must have {parts}", parts=tuple(missing)))
    if len(password.encode()) > MAX_BYTES:
        raise ValueError(
            Sentence("must be at most {most} bytes long (a letter with an accent takes two or more)", most=MAX_BYTES)
        )
    return password


NewPassword = Annotated[str, Field(max_length=1000, repr=False), AfterValidator(_strong)]
"""A password somebody chooses: 8 characters or more with upper, lower, digit and symbol, 72 bytes at most."""

GivenPassword = Annotated[str, Field(max_length=1000, repr=False)]
"""A password to compare: whatever somebody types."""
