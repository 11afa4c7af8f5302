"""Erasure of chats with an account: who it was, what they wrote and what we answered (DP-002)."""

from uuid import UUID

from sqlalchemy import text

from shared.chat import senders
from shared.cloud.database import Transaction

_UPDATES = text("DELETE FROM chat_updates WHERE sender_id = ANY(:ids)")
_MESSAGES = text("DELETE FROM chat_messages WHERE sender_id = ANY(:ids)")


def erase(tx: Transaction, user_id: UUID) -> None:
    """Erase the chats of a person whose account is deleted. Who writes again is somebody new."""
    ids = senders.erase(tx, user_id)
    if ids:
        tx.execute(_UPDATES, {"ids": ids})
        tx.execute(_MESSAGES, {"ids": ids})
