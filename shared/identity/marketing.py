"""Consent to marketing mails, and its withdrawal by a link without signing in (DP-005).

Consent is given in the profile only. The link only proves that its mail was received, so it can only withdraw. It never
expires, as people open old mails.
"""

import hmac
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.cloud.secrets import secret
from shared.models import Query, Trimmed
from shared.problems import NotFound

KEY = "unsubscribe-signing-key"
_ID_DIGITS = 32
"""Hexadecimal digits of the account's id in a token, and as many of its signature."""


class UnsubscribeLink(Query):
    """The token in a mail's link."""

    token: Annotated[str, Field(pattern="^[0-9a-f]{64}$", repr=False), Trimmed]


class LinkInvalid(NotFound):
    """This link is not complete, or its account is gone. Open it from the mail once more."""

    slug = "link-invalid"


_LANGUAGE = text("SELECT language FROM users WHERE id = :id AND NOT is_deleted")
_CONSENTING = text("SELECT id FROM users WHERE email = :email AND marketing_opt_in AND NOT is_deleted")
_WITHDRAW = text("""
    UPDATE users SET marketing_opt_in = false, marketing_changed_at = now(), updated_at = now()
    WHERE id = :id AND marketing_opt_in AND NOT is_deleted
""")


def consenting_account(tx: Transaction, address: str) -> UUID | None:
    """The account of an address whose owner consents to marketing mails."""
    user_id: UUID | None = tx.execute(_CONSENTING, {"email": address}).scalar()
    return user_id


def token(user_id: UUID) -> str:
    """The unsubscribe token of an account."""
    return f"{user_id.hex}{_signature(user_id)}"


def language(tx: Transaction, link: UnsubscribeLink) -> str:
    """The language of the link's account. Changes nothing. Raises LinkInvalid."""
    found: str | None = tx.execute(_LANGUAGE, {"id": _account(link)}).scalar()
    if found is None:
        raise LinkInvalid
    return found


def withdraw(tx: Transaction, link: UnsubscribeLink) -> str:
    """Withdraw the consent (idempotent); return the account's language. Raises LinkInvalid."""
    spoken, user_id = language(tx, link), _account(link)
    if tx.execute(_WITHDRAW, {"id": user_id}).rowcount:
        audit.record(tx, "user.unsubscribed", subject="user", subject_id=user_id, actor_id=user_id)
    return spoken


def _account(link: UnsubscribeLink) -> UUID:
    user_id = UUID(hex=link.token[:_ID_DIGITS])
    if not hmac.compare_digest(link.token, token(user_id)):
        raise LinkInvalid
    return user_id


def _signature(user_id: UUID) -> str:
    return hmac.digest(secret(KEY).encode(), b"unsubscribe:" + user_id.bytes, "sha256").hex()[:_ID_DIGITS]
