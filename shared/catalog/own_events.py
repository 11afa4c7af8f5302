"""The events of one organizer, drafts and past ones too (EM-003)."""

from uuid import UUID

from sqlalchemy import text

from shared.catalog import editing, events
from shared.catalog.events import COLUMNS, EventResponse
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import Listing, PageQuery
from shared.states import EventStatusName


class OwnEventsQuery(PageQuery):
    """A page of the caller's own events, all or those of one status."""

    status: EventStatusName | None = None


_WANTED = "organizer_id = :organizer_id AND (CAST(:status AS text) IS NULL OR status = :status)"
# Uses index: events_organizer
_LIST = text(f"""
    SELECT {COLUMNS} FROM events e WHERE {_WANTED}
    ORDER BY e.end_date <= now(), CASE WHEN e.end_date > now() THEN e.start_date END, e.start_date DESC, e.id
    LIMIT :page_size OFFSET :offset
""")
_COUNT = text(f"SELECT count(*) FROM events WHERE {_WANTED}")


def list_page(tx: Transaction, caller: Principal, wanted: OwnEventsQuery) -> Listing[EventResponse]:
    """The caller's own events: those to come, the next one first, then those that are over, the last one first."""
    which = {"organizer_id": caller.organizer_id or caller.id, "status": wanted.status}
    rows = tx.execute(_LIST, {**which, "page_size": wanted.page_size, "offset": wanted.offset}).all()
    total: int = tx.execute(_COUNT, which).scalar_one()
    return Listing[EventResponse].of(wanted, events.responses(tx, rows), total)


def read(tx: Transaction, caller: Principal, event_id: UUID) -> EventResponse:
    """An event that the caller may change. Raises NotFound for any other, public or not."""
    editing.read(tx, caller, event_id)
    return events.get(tx, event_id)
