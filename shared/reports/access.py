"""Whose event a report is about: its organizer and admins see it, and nobody else (ISO-1)."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound

_EVENT = text("SELECT id, organizer_id, title, timezone FROM events WHERE id = :id")


@dataclass(frozen=True)
class ReportedEvent:
    """The event of a report. `timezone` is the zone of its days."""

    id: UUID
    organizer_id: UUID
    title: str
    timezone: str


def require_event(tx: Transaction, caller: Principal, event_id: UUID, *, subject: str) -> ReportedEvent:
    """The event, for its organizer or an admin, whose look is audited. Raises NotFound."""
    row = tx.execute(_EVENT, {"id": event_id}).first()
    if row is None or not authorization.check_access(
        tx, caller, subject=subject, subject_id=event_id, organizer_id=row.organizer_id
    ):
        raise NotFound
    return ReportedEvent(**row._mapping)
