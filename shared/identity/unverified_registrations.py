"""Unverified registrations of addresses that have an account already (UM-006).

Registering a free address creates an unverified account, which signing in reports. So that this does not reveal who has
an account, signing in reports the same for a taken address: the hash of the registered password is stored under a keyed
hash of the address, for as long as an unverified account. It gives no access.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity import codes

# An existing row is locked and not changed: only a row that this statement has inserted has no xmax.
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
    """The password hash of an unverified registration; `is_new` where there was none yet.

    The hash is None where there were two passwords, and neither counts.
    """

    password_hash: str | None
    is_new: bool


def find(tx: Transaction, email: str) -> UnverifiedRegistration:
    """The unverified registration of an address."""
    found = tx.execute(_FIND, {"key": _key(email)}).first()
    return (
        UnverifiedRegistration(found.password_hash, is_new=False)
        if found
        else UnverifiedRegistration(None, is_new=True)
    )


def store(tx: Transaction, email: str, password: str, choose: Callable[[UnverifiedRegistration], str | None]) -> None:
    """Store the hash that `choose` returns for the previous registration, and the password's fingerprint."""
    key = _key(email)
    before = UnverifiedRegistration(*tx.execute(_INSERT_OR_LOCK, {"key": key}).one())
    values = {"password_hash": choose(before), "fingerprint": _fingerprint(email, password)}
    tx.execute(_STORE, {"key": key, **values})


def password_hash(tx: Transaction, email: str, password: str) -> str | None:
    """The stored hash of an address, if the fingerprint of `password` matches.

    The fingerprint is eight bits of a keyed hash: of 256 wrong passwords 255 cost no round of bcrypt, and a thief of
    both the table and our key gains as little.
    """
    found = tx.execute(_FIND, {"key": _key(email)}).first()
    if found is None or found.fingerprint not in (None, _fingerprint(email, password)):
        return None
    kept: str | None = found.password_hash
    return kept


def delete(tx: Transaction, email: str) -> None:
    """Delete the registration of an address whose account is deleted."""
    tx.execute(_FORGET, {"key": _key(email)})


def _fingerprint(email: str, password: str) -> int:
    return int(codes.keyed_hash(f"fingerprint:{email}:{password}")[:2], 16)


def _key(email: str) -> str:
    return codes.keyed_hash(f"claim:{email}")
