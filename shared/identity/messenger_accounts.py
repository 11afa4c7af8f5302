"""Accounts of people who are known by their messenger alone, without e-mail address and password (CHAT-4).

Their column `email` holds a marker in a domain that can't exist (RFC 2606): nobody can type it as an address, so nobody
can register it, sign in with it or be mailed there.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity import erasure
from shared.identity.accounts import TERMS_VERSION

DOMAIN: Final = "chat.invalid"
"""The domain of the markers."""
IS_MARKER: Final = f"LIKE '%@{DOMAIN}'"
"""Condition on a column that holds addresses: it is a marker."""

_PLACEHOLDER: Final = "Pembeli WhatsApp"
_OPEN = text(f"""
    INSERT INTO users (id, email, full_name, phone, role, language, terms_version, terms_accepted_at)
    VALUES (:id, :id || '@{DOMAIN}', :full_name, :phone, 'customer', :language, :terms_version, now())
    ON CONFLICT (id) DO NOTHING
""")

_SET_ADDRESS = text(f"""
    UPDATE users SET email = :address, is_email_verified = true, updated_at = now()
    WHERE id = :id AND email {IS_MARKER} AND NOT is_deleted
""")

_CLOSE = text(f"UPDATE users SET {erasure.ERASED_COLUMNS} WHERE id = :id AND email {IS_MARKER}")


def open_account(tx: Transaction, user_id: UUID, *, name: str, phone: str | None, language: str) -> None:
    """Create the account of a person who buys by message, once, and so accepts the terms that they were told of.

    The messenger has proved their phone number, if it told one. Opened twice it stays as it is.
    """
    values = {
        "id": str(user_id),
        "full_name": name or _PLACEHOLDER,
        "phone": f"+{phone}" if phone else None,
        "language": language,
        "terms_version": TERMS_VERSION,
    }
    tx.execute(_OPEN, values)


def set_address(tx: Transaction, user_id: UUID, address: str) -> None:
    """Give an account without an address one that its owner has proved, and that nobody has."""
    tx.execute(_SET_ADDRESS, {"id": user_id, "address": address})


def close(tx: Transaction, user_id: UUID) -> None:
    """Close an account without an address, whose orders have moved to another: it has neither photo nor sessions."""
    tx.execute(_CLOSE, {"id": user_id})


def is_marker(address: str) -> bool:
    """True for the marker of an account without an address."""
    return address.endswith(f"@{DOMAIN}")
