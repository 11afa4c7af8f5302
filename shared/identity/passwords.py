"""Passwords: what a good one is, and bcrypt hashes of them (UM-005, SEC-015)."""

from typing import Annotated

import bcrypt
from pydantic import AfterValidator, Field

COST = 12
"""2^12 rounds, about a quarter of a second of one core: paid by us once, by a thief of the table for each guess."""

SHORTEST = 8
LONGEST_BYTES = 72
"""bcrypt looks at no more. A longer password is refused: cut off silently, its end would protect nothing."""

_NOBODYS = f"$2b${COST}${'.' * 53}"


def hashed(password: str, *, cost: int = COST) -> str:
    """The bcrypt hash to keep, with a salt of its own. Tests choose a lower cost."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """Whether `password` made `password_hash`. Without a hash it is as much work, and False.

    So nobody learns from our pace whether an account exists, or has a password.
    """
    given = password.encode()
    is_same = bcrypt.checkpw(given[:LONGEST_BYTES], (password_hash or _NOBODYS).encode())
    return is_same and password_hash is not None and len(given) <= LONGEST_BYTES


def _strong(password: str) -> str:
    missing = [
        what
        for what, is_there in {
            f"at least {SHORTEST} characters": len(password) >= SHORTEST,
            "an upper-case letter": any(letter.isupper() for letter in password),
            "a lower-case letter": any(letter.islower() for letter in password),
            "a digit": any(letter.isdigit() for letter in password),
            "a symbol": any(not letter.isalnum() and not letter.isspace() for letter in password),
        }.items()
        if not is_there
    ]
    if missing:
        raise ValueError(f"must have {', '.join(missing)}")
    if len(password.encode()) > LONGEST_BYTES:
        raise ValueError(f"must be at most {LONGEST_BYTES} bytes long (a letter with an accent takes two or more)")
    return password


NewPassword = Annotated[str, Field(max_length=1000, repr=False), AfterValidator(_strong)]
"""A password somebody chooses: 8 characters or more with upper, lower, digit and symbol, 72 bytes at most."""

GivenPassword = Annotated[str, Field(max_length=1000, repr=False)]
"""A password to compare: whatever somebody types."""
