"""Staff assignments: an organizer assigns people to events, and they see no others (GATE).

Until somebody has joined, the organizer sees the invitation and nothing else. It looks the same whether its address
was free or is somebody's who has an account here already (UM-006).
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from shared.cloud import audit, authorization
from shared.cloud.database import Transaction
from shared.identity import gate_assignments, staff
from shared.identity.accounts import AccountEmail
from shared.identity.people import Person
from shared.identity.staff import StaffInvitation
from shared.identity.tokens import Principal
from shared.models import ResponseModel
from shared.problems import Invalid, NotFound

MAX_EVENTS = 200


class Invitation(StaffInvitation):
    """Somebody for the gate, and the events they are to scan at: these, and no others."""

    event_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_EVENTS)]


class StaffResponse(ResponseModel):
    """A person of an organizer's staff. `has_joined` is false until they have chosen a password.

    `id` is the invitation's until then, and the account's from then on.
    """

    id: UUID
    email: str
    full_name: str
    has_joined: bool
    event_ids: list[UUID]


class StaffList(ResponseModel):
    """An organizer's staff, by name."""

    items: list[StaffResponse]


class GateEvent(ResponseModel):
    """An event that the caller may scan at. `allows_reentry`: who has left may come in again."""

    id: UUID
    title: str
    venue: str | None
    location: str
    start_date: datetime
    end_date: datetime
    timezone: str
    gates_open_at: datetime
    gates_close_at: datetime
    allows_reentry: bool


class GateEventList(ResponseModel):
    """Events whose gates have not closed for good, the next one first."""

    items: list[GateEvent]


_OWN_EVENTS = text("SELECT count(*) FROM events WHERE organizer_id = :organizer_id AND id = ANY(:event_ids)")
# Uses indexes: users_organizer, staff_invitations_once
_STAFF = text("""
    WITH joined AS (
        SELECT id, email, full_name, ARRAY(SELECT s.event_id FROM event_staff s WHERE s.user_id = u.id
            ORDER BY s.created_at, s.event_id) AS event_ids
        FROM users u
        WHERE organizer_id = :organizer_id AND role = 'staff' AND is_email_verified AND NOT is_deleted)
    SELECT id, email, full_name, true AS has_joined, event_ids FROM joined
    UNION ALL
    SELECT id, email, full_name, false, ARRAY(SELECT e.id FROM events e WHERE e.id = ANY(i.event_ids) ORDER BY e.id)
    FROM staff_invitations i
    WHERE organizer_id = :organizer_id AND email NOT IN (SELECT email FROM joined)
    ORDER BY full_name, id
""")
_INVITED = text("SELECT email FROM staff_invitations WHERE id = :id AND organizer_id = :organizer_id")
_GATE_EVENTS = text("""
    SELECT e.id, e.title, e.venue, e.location, e.start_date, e.end_date, e.timezone,
        e.scan_from AS gates_open_at, e.scan_until AS gates_close_at, e.allows_reentry
    FROM events e
    WHERE e.status = 'published' AND e.scan_until > now()
        AND CASE WHEN :is_staff THEN e.id IN (SELECT event_id FROM event_staff WHERE user_id = :id)
            ELSE e.organizer_id = :id END
    ORDER BY e.start_date, e.id
""")


def invite(tx: Transaction, organizer: Principal, invitation: Invitation) -> tuple[StaffResponse, AccountEmail | None]:
    """Assign a person to the gates of exactly these events. Returns the response, and a mail if they are new.

    Inviting the same address again changes the events. Where the address is somebody else's the answer is the
    same, and they are told by mail. Raises Invalid where an event is not the organizer's.
    """
    organizer_id = _organizer_id(organizer)
    event_ids = sorted(set(invitation.event_ids))
    owned = tx.execute(_OWN_EVENTS, {"organizer_id": organizer_id, "event_ids": event_ids}).scalar_one()
    if owned != len(event_ids):
        raise Invalid.field("event_ids", "must be events of yours")
    person, email = staff.invite(tx, organizer_id, invitation)
    invitation_id = gate_assignments.invite(tx, organizer_id, invitation.email, invitation.full_name, event_ids)
    if person:
        gate_assignments.replace(tx, person.id, event_ids)
    _audit(tx, "staff.assigned", organizer, person, invitation_id, event_ids=[str(each) for each in event_ids])
    [response] = [each for each in _read(tx, organizer_id) if each.email == invitation.email]
    return response, email


def dismiss(tx: Transaction, organizer: Principal, staff_id: UUID) -> None:
    """Remove a person from every gate and end their staff account at once. Raises NotFound.

    `staff_id` is that of an account or of an invitation: who has joined since they were listed has both.
    """
    organizer_id = _organizer_id(organizer)
    person = staff.lock(tx, organizer_id, staff_id)
    email = person.email if person else tx.execute(_INVITED, {"id": staff_id, "organizer_id": organizer_id}).scalar()
    if email is None:
        raise NotFound
    person = person or staff.lock_by_email(tx, organizer_id, email)
    gate_assignments.withdraw(tx, organizer_id, email)
    if person:
        gate_assignments.remove_all(tx, person.id)
        staff.dismiss(tx, person)
    _audit(tx, "staff.dismissed", organizer, person, staff_id)


def list_staff(tx: Transaction, organizer: Principal) -> StaffList:
    """The organizer's staff, invited or joined; the access is audited."""
    authorization.record_list_access(tx, organizer, subject="staff", of_people=True)
    return StaffList(items=_read(tx, _organizer_id(organizer)))


def gate_events(tx: Transaction, caller: Principal) -> GateEventList:
    """The events that the caller may scan at: staff those chosen for them, organizers and admins their own."""
    names = {"id": caller.id, "is_staff": caller.role == "staff"}
    return GateEventList(items=[GateEvent(**row) for row in tx.execute(_GATE_EVENTS, names).mappings()])


def _read(tx: Transaction, organizer_id: UUID) -> list[StaffResponse]:
    return [StaffResponse(**row) for row in tx.execute(_STAFF, {"organizer_id": organizer_id}).mappings()]


def _audit(
    tx: Transaction, action: str, organizer: Principal, person: Person | None, invitation_id: UUID, **details: Any
) -> None:
    """Note it with the account it is about, or with the invitation where there is none of this organizer's."""
    subject, subject_id = ("user", person.id) if person else ("staff_invitation", invitation_id)
    audit.record(tx, action, subject=subject, subject_id=subject_id, actor_id=organizer.id, **details)


def _organizer_id(organizer: Principal) -> UUID:
    """The organizer whose staff this is; an admin's own events are under their own name, as in the catalogue."""
    return organizer.organizer_id or organizer.id
