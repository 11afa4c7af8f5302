"""What strangers registered over an address that has an account (UM-006).

At a free address they would have an account that waits to be verified, and be told so when they sign in to it. So
that nobody learns from this who has an account, they are told the same here: the hash of their password is kept,
under a keyed hash of the address, as long as an account that nobody proves. It opens nothing.
"""

from collections.abc import Callable

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity import codes

# A row that is there is locked and stays as it is: only what this statement has inserted has no xmax.
_CLAIM = text("""
    INSERT INTO address_claims (address_key) VALUES (:key)
    ON CONFLICT (address_key) DO UPDATE SET created_at = now()
    RETURNING password_hash, xmax = 0 AS is_new
""")
_KEEP = text("UPDATE address_claims SET password_hash = :password_hash WHERE address_key = :key")
_PASSWORD_HASH = text("SELECT password_hash FROM address_claims WHERE address_key = :key")
_FORGET = text("DELETE FROM address_claims WHERE address_key = :key")


def keep(tx: Transaction, email: str, choose: Callable[[str | None, bool], str | None]) -> None:
    """Keep the hash that `choose` makes of the one before, told whether this is the first."""
    key = _key(email)
    before, is_new = tx.execute(_CLAIM, {"key": key}).one()
    tx.execute(_KEEP, {"key": key, "password_hash": choose(before, is_new)})


def password_hash(tx: Transaction, email: str) -> str | None:
    """The hash of what was registered over an address, if there is one that counts."""
    found: str | None = tx.execute(_PASSWORD_HASH, {"key": _key(email)}).scalar()
    return found


def forget(tx: Transaction, email: str) -> None:
    """The account is gone: the address is free, and so are claims."""
    tx.execute(_FORGET, {"key": _key(email)})


def _key(email: str) -> str:
    return codes.keyed_hash(f"claim:{email}")
