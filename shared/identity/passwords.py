"""Passwords: the policy, and bcrypt hashes (UM-005, SEC-015).

2^12 rounds (`settings().bcrypt_cost`) take a quarter of a second of one core, for us once, for a thief of the table
with each guess. A processor makes about four hashes a second. So few are made concurrently, and a caller waits for a
bounded time and is then asked to retry.
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
"""bcrypt ignores all further bytes, so longer passwords are refused rather than truncated."""

MAX_CONCURRENT_HASHES = 2
"""The number of hashes that a process makes concurrently: one on its processor, and one that is ready next."""
MAX_WAIT_SECONDS = 3
"""The time that a caller waits for a slot, which is when at least eight others were first."""

_hashing_slots = threading.BoundedSemaphore(MAX_CONCURRENT_HASHES)


def hash_password(password: str, *, cost: int | None = None) -> str:
    """The bcrypt hash to store, with a new salt. `cost` overrides the setting."""
    with _hashing_slot():
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost or settings().bcrypt_cost)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """True if `password` matches `password_hash`. Without a hash it takes as long, and is False.

    So the response time does not reveal whether an account exists, or has a password.
    """
    given = password.encode()
    with _hashing_slot():
        is_same = bcrypt.checkpw(given[:MAX_BYTES], (password_hash or _dummy_hash()).encode())
    return is_same and password_hash is not None and len(given) <= MAX_BYTES


def _dummy_hash() -> str:
    """A hash that no password matches, and that takes as long to compare as others."""
    return f"$2b${settings().bcrypt_cost:02}${'.' * 53}"


@contextmanager
def _hashing_slot() -> Iterator[None]:
    """Wait for a slot to hash a password. Raises TryAgain where too many others wait."""
    if not _hashing_slots.acquire(timeout=MAX_WAIT_SECONDS * settings().timeout_factor):
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
"""A new password: at least 8 characters with upper case, lower case, digit and symbol, at most 72 bytes."""

GivenPassword = Annotated[str, Field(max_length=1000, repr=False)]
"""A password to compare, of any form."""
