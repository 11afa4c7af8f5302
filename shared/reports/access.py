"""Access to an event's reports: its organizer and admins see them, and nobody else (ISO-1)."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound

_EVENT = text("SELECT id, organizer_id, title, slug, timezone FROM events WHERE id = :id")


@dataclass(frozen=True)
class ReportedEvent:
    """The event of a report. `timezone` is the zone of its days."""

    id: UUID
    organizer_id: UUID
    title: str
    slug: str
    timezone: str


def require_event(
    tx: Transaction, caller: Principal, event_id: UUID, *, subject: str, of_people: bool = False
) -> ReportedEvent:
    """The event, for its organizer or an admin. Raises NotFound, also to gate staff.

    An admin's look at `subject` is audited, and an organizer's where it shows personal data (`of_people`).
    """
    row = tx.execute(_EVENT, {"id": event_id}).first()
    if row is None or caller.role not in ("organizer", "admin") or not caller.may_act_for(row.organizer_id):
        raise NotFound
    authorization.record_list_access(tx, caller, subject=subject, subject_id=event_id, of_people=of_people)
    return ReportedEvent(**row._mapping)
