"""Synthetic buyers: the accounts of synthetic purchases. Nobody can sign in to one, and no mail to it is delivered."""

from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity import addresses

# Without a password, and at an address that takes no codes. It has accepted no terms, as it is nobody.
_ADD = text("""
    INSERT INTO users (email, full_name, role, is_email_verified, terms_version, terms_accepted_at, sale_notices)
    VALUES (:email, 'Synthetic Buyer', 'customer', true, 'synthetic', now(), 'off')
    RETURNING id
""")


def add(tx: Transaction) -> UUID:
    """Add an account; return its id. Its address is new: nobody can have registered it before."""
    user_id: UUID = tx.execute(_ADD, {"email": f"{uuid4().hex}@{addresses.SYNTHETIC_DOMAIN}"}).scalar_one()
    return user_id
