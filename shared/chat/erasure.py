"""Erasure of chats with an account: who it was, what they wrote and what we answered (DP-002)."""

from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction

_ERASE = text("SELECT erase_chats(:user_id)")


def erase(tx: Transaction, user_id: UUID) -> None:
    """Erase the chats of an account, as the database does where all its sessions end.

    Orders stay with the account. Who writes again is somebody new.
    """
    tx.execute(_ERASE, {"user_id": user_id})
