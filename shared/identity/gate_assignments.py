"""Assignments of gate staff to events, and invitations (GATE)."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction

_REMOVE_OTHERS = text("""
    DELETE FROM event_staff WHERE user_id = :user_id AND event_id <> ALL(CAST(:event_ids AS uuid[]))
""")
_ADD = text("""
    INSERT INTO event_staff (event_id, user_id) SELECT unnest(CAST(:event_ids AS uuid[])), :user_id
    ON CONFLICT DO NOTHING
""")
_REMOVE_ALL = text("DELETE FROM event_staff WHERE user_id = :user_id")
_INVITE = text("""
    INSERT INTO staff_invitations (organizer_id, email, full_name, event_ids)
    VALUES (:organizer_id, :email, :full_name, CAST(:event_ids AS uuid[]))
    ON CONFLICT (organizer_id, email) DO UPDATE
    SET full_name = excluded.full_name, event_ids = excluded.event_ids, created_at = now()
    RETURNING id
""")
_WITHDRAW = text("DELETE FROM staff_invitations WHERE organizer_id = :organizer_id AND email = :email")
_ERASE_ASSIGNMENTS = text("""
    DELETE FROM event_staff
    WHERE user_id = :user_id OR event_id IN (SELECT id FROM events WHERE organizer_id = :user_id)
""")
_ERASE_INVITATIONS = text("DELETE FROM staff_invitations WHERE organizer_id = :user_id OR email = :email")


def replace(tx: Transaction, user_id: UUID, event_ids: Sequence[UUID]) -> None:
    """Assign a person to these events and no others."""
    tx.execute(_REMOVE_OTHERS, {"user_id": user_id, "event_ids": list(event_ids)})
    tx.execute(_ADD, {"user_id": user_id, "event_ids": list(event_ids)})


def remove_all(tx: Transaction, user_id: UUID) -> None:
    """Remove all gate assignments of a person."""
    tx.execute(_REMOVE_ALL, {"user_id": user_id})


def invite(tx: Transaction, organizer_id: UUID, email: str, full_name: str, event_ids: Sequence[UUID]) -> UUID:
    """Store or change the invitation of an address; return its id."""
    values = {"organizer_id": organizer_id, "email": email, "full_name": full_name, "event_ids": list(event_ids)}
    invitation_id: UUID = tx.execute(_INVITE, values).scalar_one()
    return invitation_id


def withdraw(tx: Transaction, organizer_id: UUID, email: str) -> None:
    """End an organizer's invitation of an address."""
    tx.execute(_WITHDRAW, {"organizer_id": organizer_id, "email": email})


def erase(tx: Transaction, user_id: UUID, email: str) -> None:
    """Delete a person's assignments and invitations, as staff and as organizer (UM-009)."""
    tx.execute(_ERASE_ASSIGNMENTS, {"user_id": user_id})
    tx.execute(_ERASE_INVITATIONS, {"user_id": user_id, "email": email})
