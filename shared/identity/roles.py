"""Roles: a customer becomes an organizer, an admin gives any other role. Both are audited (SEC-012)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.field_types import plain_line
from shared.identity import people, sessions
from shared.identity.accounts import UserResponse
from shared.identity.people import Person
from shared.identity.tokens import Principal
from shared.models import RequestModel
from shared.problems import AccountGone, Forbidden, NotFound, Problem


class RoleChange(RequestModel):
    """The new role."""

    role: Literal["customer", "organizer", "admin"]


class OrganizerApplication(RequestModel):
    """The name under which somebody holds events, and that they accept the terms for organizers."""

    full_name: Annotated[str, plain_line(255)] | None = None
    accept_organizer_terms: Literal[True]


class RoleFixed(Problem):
    """This account's role can't be changed: gate staff stay what they are, and no admin changes their own."""

    status, slug = 409, "role-fixed"


class RoleTaken(Forbidden):
    """An admin has made this account a buyer's, so only an admin makes it an organizer's again. Write to us."""

    slug = "role-taken"


# By id, so that two admins who act on each other don't deadlock. Locks as people.lock does.
_LOCK_ADMINS = text("SELECT id FROM users WHERE role = 'admin' AND NOT is_deleted ORDER BY id FOR NO KEY UPDATE")
_HAS_CHANGED = text("""
    SELECT EXISTS (SELECT 1 FROM audit_log  -- Uses index: audit_log_subject
        WHERE subject = 'user' AND subject_id = :user_id AND action = 'user.role_changed'
            AND details ->> CAST(:when AS text) = 'admin' AND at > now() - make_interval(days => :days))
""")
_IS_SET_BY_ADMIN = text("""
    SELECT EXISTS (SELECT 1 FROM audit_log  -- Uses index: audit_log_subject
        WHERE subject = 'user' AND subject_id = :user_id AND action = 'user.role_changed')
""")
_CHANGE = text("UPDATE users SET role = :role, updated_at = now() WHERE id = :id")

_BECOME_ORGANIZER = text("""
    UPDATE users SET role = 'organizer', full_name = :full_name, updated_at = now() WHERE id = :id
""")
NEW_DAYS = 7
"""The days for which a new admin approves nothing, and a former one is protected as an admin."""
ORGANIZER_TERMS_VERSION = "1"
"""The version of the terms for organizers that people accept now."""


def become_organizer(tx: Transaction, caller: Principal, wanted: OrganizerApplication) -> UserResponse:
    """Give a customer the role of an organizer; organizers and admins keep theirs.

    The caller's access token tells the old role until it is renewed. Raises AccountGone, RoleFixed for gate staff, and
    RoleTaken for who is a customer because an admin has said so.
    """
    person = people.lock(tx, caller.id)
    if person is None:
        raise AccountGone
    if person.role in ("organizer", "admin"):
        return _response(person, person.role)
    if person.role != "customer":
        raise RoleFixed
    if tx.execute(_IS_SET_BY_ADMIN, {"user_id": str(person.id)}).scalar_one():
        raise RoleTaken
    full_name = wanted.full_name or person.full_name
    tx.execute(_BECOME_ORGANIZER, {"id": person.id, "full_name": full_name})
    audit.record(
        tx,
        "user.became_organizer",
        subject="user",
        subject_id=person.id,
        actor_id=person.id,
        terms_version=ORGANIZER_TERMS_VERSION,
    )
    return _response(replace(person, full_name=full_name), "organizer")


def change(tx: Transaction, admin_id: UUID, user_id: UUID, change: RoleChange) -> UserResponse:
    """Give an account another role and end its sessions; the same role again changes nothing.

    Raises Forbidden where the caller is no longer an admin, NotFound, and RoleFixed for gate staff and for oneself. As
    nobody changes their own role, at least one admin always remains.
    """
    if admin_id not in lock_admins(tx):
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
    return _response(person, change.role)


def lock_admins(tx: Transaction) -> Sequence[UUID]:
    """Lock every admin until `tx` ends: nobody becomes one or stops being one meanwhile."""
    return tx.execute(_LOCK_ADMINS).scalars().all()


def is_new_admin(tx: Transaction, user_id: UUID) -> bool:
    """True for who was made an admin in the last days: one admin could make their own second one."""
    return _has_changed(tx, user_id, "after")


def was_admin_lately(tx: Transaction, user_id: UUID) -> bool:
    """True for who was an admin in the last days."""
    return _has_changed(tx, user_id, "before")


def _has_changed(tx: Transaction, user_id: UUID, when: Literal["before", "after"]) -> bool:
    values = {"user_id": str(user_id), "when": when, "days": NEW_DAYS}
    changed: bool = tx.execute(_HAS_CHANGED, values).scalar_one()
    return changed


def _response(person: Person, role: str) -> UserResponse:
    return UserResponse(
        id=person.id,
        email=person.email,
        full_name=person.full_name,
        role=role,
        is_email_verified=person.is_email_verified,
    )
