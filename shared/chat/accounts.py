"""The chats of an account, as its owner sees and changes them on the site (NS-010, CHAT-4)."""

from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import text

from shared.chat import consent, erasure
from shared.chat.consent import Choice
from shared.cloud import audit, clock
from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.states import ChatNotices

_SHOWN_DIGITS = 3

# A sender who has been forgotten has neither number nor id.
_CHATS = text("""
    SELECT id, phone, notices FROM chat_senders  -- Uses index: chat_senders_user
    WHERE user_id = :user_id AND COALESCE(phone, messenger_id) IS NOT NULL ORDER BY id
""")


@dataclass(frozen=True)
class LinkedChat:
    """A chat that an account is linked to. Of its number only the end is shown; it may have none."""

    id: UUID
    number_ending: str
    wants_notices: bool


def read(tx: Transaction, user_id: UUID) -> list[LinkedChat]:
    """The chats of an account."""
    rows = tx.execute(_CHATS, {"user_id": user_id})
    return [LinkedChat(row.id, (row.phone or "")[-_SHOWN_DIGITS:], row.notices == ChatNotices.ON) for row in rows]


def choose(tx: Transaction, user_id: UUID, *, wants_notices: bool) -> None:
    """Set whether the owner of an account wants notices in its chats."""
    notices = ChatNotices.ON if wants_notices else ChatNotices.OFF
    for chat in read(tx, user_id):
        consent.choose(tx, chat.id, Choice(notices, "account", clock.now()))


def disconnect(tx: Transaction, user_id: UUID) -> None:
    """Forget the chats of an account: orders stay with it, and who writes again is somebody new."""
    erasure.erase(tx, user_id)
    audit.record(tx, "user.chat_disconnected", subject="user", subject_id=user_id, actor_id=user_id)


def linking_url(address: str) -> str | None:
    """The link that begins to link the account of an address, in a chat with us; None where there is no number."""
    number = settings().whatsapp_number
    return f"{settings().whatsapp_link_url}/{number}?text={quote(f'EMAIL {address}')}" if number else None
