"""Erasure of chats with an account: who it was, what they wrote and what we answered (DP-002)."""

from uuid import UUID

from sqlalchemy import text

from shared.chat import senders
from shared.cloud.database import Transaction

_UPDATES = text("DELETE FROM chat_updates WHERE sender_id = ANY(:ids)")
_MESSAGES = text("DELETE FROM chat_messages WHERE sender_id = ANY(:ids)")
_CONSENTS = text("DELETE FROM chat_consents WHERE sender_id = ANY(:ids)")
_CODES = text("DELETE FROM chat_email_codes WHERE sender_id = ANY(:ids)")


def erase(tx: Transaction, user_id: UUID) -> None:
    """Erase the chats of a person whose account is deleted. Who writes again is somebody new."""
    ids = senders.erase(tx, user_id)
    for statement in (_UPDATES, _MESSAGES, _CONSENTS, _CODES) if ids else ():
        tx.execute(statement, {"ids": ids})
