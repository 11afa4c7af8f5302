"""Role changes by admins, which are audited (SEC-012)."""

from typing import Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.identity import people, sessions
from shared.identity.accounts import UserResponse
from shared.models import RequestModel
from shared.problems import Forbidden, NotFound, Problem


class RoleChange(RequestModel):
    """The new role."""

    role: Literal["customer", "organizer", "admin"]


class RoleFixed(Problem):
    """This account's role can't be changed: gate staff stay what they are, and nobody changes their own."""

    status, slug = 409, "role-fixed"


# By id, so that two admins who act on each other don't deadlock. Locks as people.lock does.
_LOCK_ADMINS = text("SELECT id FROM users WHERE role = 'admin' AND NOT is_deleted ORDER BY id FOR NO KEY UPDATE")
_CHANGE = text("UPDATE users SET role = :role, updated_at = now() WHERE id = :id")


def change(tx: Transaction, admin_id: UUID, user_id: UUID, change: RoleChange) -> UserResponse:
    """Give an account another role and end its sessions; the same role again changes nothing.

    Raises Forbidden where the caller is no longer an admin, NotFound, and RoleFixed for gate staff and for oneself. As
    nobody changes their own role, at least one admin always remains.
    """
    if admin_id not in tx.execute(_LOCK_ADMINS).scalars().all():
        raise Forbidden
    person = people.lock(tx, user_id)
    if person is None:
        raise NotFound
    if person.role != change.role:
        if person.role == "staff" or person.id == admin_id:
            raise RoleFixed
        tx.execute(_CHANGE, {"id": person.id, "role": change.role})
        sessions.end_all(tx, person)
        audit.record(
            tx,
            "user.role_changed",
            subject="user",
            subject_id=person.id,
            actor_id=admin_id,
            before=person.role,
            after=change.role,
        )
    elif admin_id != person.id:
        audit.record(tx, "admin.read", subject="user", subject_id=person.id, actor_id=admin_id)
    return UserResponse(
        id=person.id,
        email=person.email,
        full_name=person.full_name,
        role=change.role,
        is_email_verified=person.is_email_verified,
    )
