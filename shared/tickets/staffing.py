"""Who scans at which event: an organizer chooses people for events, and they see no others (GATE)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.identity import staff
from shared.identity.accounts import Letter
from shared.identity.staff import Invited
from shared.identity.tokens import Principal
from shared.models import Answer
from shared.problems import Invalid

MOST_EVENTS = 200


class Invitation(Invited):
    """Somebody for the gate, and the events they are to scan at: these, and no others."""

    event_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_EVENTS)]


class StaffAnswer(Answer):
    """A person of an organizer's staff. `has_joined` is false until they have chosen a password."""

    id: UUID
    email: str
    full_name: str
    has_joined: bool
    event_ids: list[UUID]


class StaffList(Answer):
    """An organizer's staff, by name."""

    items: list[StaffAnswer]


class GateEvent(Answer):
    """An event that the caller may scan at."""

    id: UUID
    title: str
    venue: str | None
    location: str
    start_date: datetime
    end_date: datetime
    timezone: str


class GateEventList(Answer):
    """Those that are not over, the next one first."""

    items: list[GateEvent]


_OWN_EVENTS = text("SELECT count(*) FROM events WHERE organizer_id = :organizer_id AND id = ANY(:event_ids)")
_LEAVE = text("DELETE FROM event_staff WHERE user_id = :user_id AND event_id <> ALL(CAST(:event_ids AS uuid[]))")
_JOIN = text("""
    INSERT INTO event_staff (event_id, user_id) SELECT unnest(CAST(:event_ids AS uuid[])), :user_id
    ON CONFLICT DO NOTHING
""")
_STAFF = text("""
    SELECT u.id, u.email, u.full_name, u.is_email_verified AS has_joined,
        COALESCE(array_agg(s.event_id ORDER BY s.created_at, s.event_id) FILTER (WHERE s.event_id IS NOT NULL), '{}')
            AS event_ids
    FROM users u LEFT JOIN event_staff s ON s.user_id = u.id  -- Uses index: users_organizer
    WHERE u.organizer_id = :organizer_id AND u.role = 'staff' AND NOT u.is_deleted
        AND (CAST(:user_id AS uuid) IS NULL OR u.id = CAST(:user_id AS uuid))
    GROUP BY u.id ORDER BY u.full_name, u.id
""")
_GATE_EVENTS = text("""
    SELECT e.id, e.title, e.venue, e.location, e.start_date, e.end_date, e.timezone FROM events e
    WHERE e.status = 'published' AND e.end_date > now()
        AND CASE WHEN :is_staff THEN e.id IN (SELECT event_id FROM event_staff WHERE user_id = :id)
            ELSE e.organizer_id = :id END
    ORDER BY e.start_date, e.id
""")


def invite(tx: Transaction, organizer: Principal, invitation: Invitation) -> tuple[StaffAnswer, Letter | None]:
    """Put somebody at the gate of exactly these events; the answer, and the mail to ask for if they are new.

    Inviting the same address again changes the events. Raises Invalid where an event is not the
    organizer's, and AddressTaken.
    """
    organizer_id = _acts_for(organizer)
    event_ids = sorted(set(invitation.event_ids))
    owned = tx.execute(_OWN_EVENTS, {"organizer_id": organizer_id, "event_ids": event_ids}).scalar_one()
    if owned != len(event_ids):
        raise Invalid.field("event_ids", "must be events of yours")
    person, letter = staff.invite(tx, organizer_id, invitation)
    _assign(tx, person.id, event_ids)
    audit.record(
        tx,
        "staff.assigned",
        subject="user",
        subject_id=person.id,
        actor_id=organizer.id,
        event_ids=[str(each) for each in event_ids],
    )
    [answer] = _read(tx, organizer_id, person.id)
    return answer, letter


def dismiss(tx: Transaction, organizer: Principal, user_id: UUID) -> None:
    """Take somebody from every gate and end their account, from this moment on. Raises NotFound."""
    person = staff.lock(tx, _acts_for(organizer), user_id)
    _assign(tx, person.id, [])
    staff.dismiss(tx, person)
    audit.record(tx, "staff.dismissed", subject="user", subject_id=person.id, actor_id=organizer.id)


def listed(tx: Transaction, organizer: Principal) -> StaffList:
    """The organizer's staff, invited or joined."""
    return StaffList(items=_read(tx, _acts_for(organizer), None))


def gate_events(tx: Transaction, caller: Principal) -> GateEventList:
    """The events that the caller may scan at: staff those chosen for them, organizers and admins their own."""
    names = {"id": caller.id, "is_staff": caller.role == "staff"}
    return GateEventList(items=[GateEvent(**row) for row in tx.execute(_GATE_EVENTS, names).mappings()])


def _assign(tx: Transaction, user_id: UUID, event_ids: Sequence[UUID]) -> None:
    names = {"user_id": user_id, "event_ids": list(event_ids)}
    tx.execute(_LEAVE, names)
    tx.execute(_JOIN, names)


def _read(tx: Transaction, organizer_id: UUID, user_id: UUID | None) -> list[StaffAnswer]:
    rows = tx.execute(_STAFF, {"organizer_id": organizer_id, "user_id": user_id}).mappings()
    return [StaffAnswer(**row) for row in rows]


def _acts_for(organizer: Principal) -> UUID:
    """Whose events these are: an admin's own are under their own name, as in the catalogue."""
    return organizer.organizer_id or organizer.id
