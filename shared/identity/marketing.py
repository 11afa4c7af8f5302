"""Optional mails, and unsubscribing by a link without signing in (DP-005, NOTIFY-1).

Offers need consent, which is given in the profile only. Organizers are told of sales unless they don't want it. The
link only proves that its mail was received, so it can only end its kind of mails. It never expires, as people open
old mails.
"""

import hmac
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.cloud.secrets import secret
from shared.field_types import Trimmed
from shared.models import Query
from shared.problems import NotFound

KEY = "unsubscribe-signing-key"
_ID_DIGITS = 32
"""Hexadecimal digits of the account's id in a token, and as many of its signature."""


class MailKind(StrEnum):
    """A kind of mails that can be ended."""

    OFFERS = "offers"
    SALES = "sales"


class UnsubscribeLink(Query):
    """The token in a mail's link, and the kind of mails that it ends."""

    token: Annotated[str, Field(pattern="^[0-9a-f]{64}$", repr=False), Trimmed]
    kind: MailKind = MailKind.OFFERS


class LinkInvalid(NotFound):
    """This link is not complete, or its account is gone. Open it from the mail once more."""

    slug = "link-invalid"


_LANGUAGE = text("SELECT language FROM users WHERE id = :id AND NOT is_deleted")
_END = {
    MailKind.OFFERS: text("""
        UPDATE users SET marketing_opt_in = false, marketing_changed_at = now(), updated_at = now()
        WHERE id = :id AND marketing_opt_in AND NOT is_deleted
    """),
    MailKind.SALES: text("""
        UPDATE users SET sale_notices = 'off', updated_at = now()
        WHERE id = :id AND sale_notices <> 'off' AND NOT is_deleted
    """),
}


def token(user_id: UUID, kind: MailKind = MailKind.OFFERS) -> str:
    """The token of an account that ends its mails of a kind."""
    return f"{user_id.hex}{_signature(user_id, kind)}"


def language(tx: Transaction, link: UnsubscribeLink) -> str:
    """The language of the link's account. Changes nothing. Raises LinkInvalid."""
    found: str | None = tx.execute(_LANGUAGE, {"id": _account(link)}).scalar()
    if found is None:
        raise LinkInvalid
    return found


def unsubscribe(tx: Transaction, link: UnsubscribeLink) -> str:
    """End the link's kind of mails (idempotent); return the account's language. Raises LinkInvalid."""
    spoken, user_id = language(tx, link), _account(link)
    if tx.execute(_END[link.kind], {"id": user_id}).rowcount:
        audit.record(tx, "user.unsubscribed", subject="user", subject_id=user_id, actor_id=user_id, kind=link.kind)
    return spoken


def _account(link: UnsubscribeLink) -> UUID:
    user_id = UUID(hex=link.token[:_ID_DIGITS])
    if not hmac.compare_digest(link.token, token(user_id, link.kind)):
        raise LinkInvalid
    return user_id


def _signature(user_id: UUID, kind: MailKind) -> str:
    purpose = b"unsubscribe:" if kind == MailKind.OFFERS else f"unsubscribe:{kind}:".encode()
    return hmac.digest(secret(KEY).encode(), purpose + user_id.bytes, "sha256").hex()[:_ID_DIGITS]
