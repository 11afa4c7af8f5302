"""Registrations of addresses that are not verified, also of addresses that have an account (UM-006).

At a free address they would have an account that waits to be verified, and be told so when they sign in to it. So
that nobody learns from this who has an account, they are told the same here: the hash of their password is kept,
under a keyed hash of the address, as long as an account that nobody proves. It opens nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity import codes

# A row that is there is locked and stays as it is: only what this statement has inserted has no xmax.
_INSERT_OR_LOCK = text("""
    INSERT INTO address_claims (address_key) VALUES (:key)
    ON CONFLICT (address_key) DO UPDATE SET created_at = now()
    RETURNING password_hash, xmax = 0 AS is_new
""")
_STORE = text("""
    UPDATE address_claims SET password_hash = :password_hash, fingerprint = :fingerprint WHERE address_key = :key
""")
_FIND = text("SELECT password_hash, fingerprint FROM address_claims WHERE address_key = :key")
_FORGET = text("DELETE FROM address_claims WHERE address_key = :key")


@dataclass(frozen=True)
class UnverifiedRegistration:
    """The hash of a password that waits for its address to be verified; `is_new` where there was none yet.

    It is None too where there were two passwords, and neither counts.
    """

    password_hash: str | None
    is_new: bool


def find(tx: Transaction, email: str) -> UnverifiedRegistration:
    """The registration of an address so far."""
    found = tx.execute(_FIND, {"key": _key(email)}).first()
    return (
        UnverifiedRegistration(found.password_hash, is_new=False)
        if found
        else UnverifiedRegistration(None, is_new=True)
    )


def store(tx: Transaction, email: str, password: str, choose: Callable[[UnverifiedRegistration], str | None]) -> None:
    """Keep the hash that `choose` has for the one before, and the fingerprint."""
    key = _key(email)
    before = UnverifiedRegistration(*tx.execute(_INSERT_OR_LOCK, {"key": key}).one())
    values = {"password_hash": choose(before), "fingerprint": _fingerprint(email, password)}
    tx.execute(_STORE, {"key": key, **values})


def password_hash(tx: Transaction, email: str, password: str) -> str | None:
    """The hash of what was registered over an address, if `password` may be what made it.

    Eight bits of a keyed hash tell: of 256 wrong passwords 255 cost no round of bcrypt, and who has stolen both the
    table and our key has gained as little.
    """
    found = tx.execute(_FIND, {"key": _key(email)}).first()
    if found is None or found.fingerprint not in (None, _fingerprint(email, password)):
        return None
    kept: str | None = found.password_hash
    return kept


def forget(tx: Transaction, email: str) -> None:
    """The account is gone: the address is free, and so are claims."""
    tx.execute(_FORGET, {"key": _key(email)})


def _fingerprint(email: str, password: str) -> int:
    return int(codes.keyed_hash(f"fingerprint:{email}:{password}")[:2], 16)


def _key(email: str) -> str:
    return codes.keyed_hash(f"claim:{email}")
