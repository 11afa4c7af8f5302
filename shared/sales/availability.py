"""What is left at an event, told to all instances at most once a second by each of them (CACHE-002).

The truth is on the tiers' rows. Whenever they have moved, this instance reads them and writes one
document per event into the shared cache, after the answer and in a thread of its own: a buyer never
waits for Firestore, and a rush of a thousand reservations is one write a second and instance, which is
also what Firestore takes.

Who reads the document sees the stock of at most about a second ago while its writer lives. Where the
writer is ended before its last write, where Firestore is away, or where two instances write in the
same moment and the older numbers arrive last, it is at most `KEPT_SECONDS` old; then the database is
asked again. Nobody is sold anything by these numbers.
"""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import text

from shared.cloud import live
from shared.cloud.database import Transaction, after_commit, autocommit
from shared.sales.coalescing import Coalescer

KEPT_SECONDS = 30
EVERY_SECONDS = 1.0

_READ = text("""
    SELECT id, reserved, sold, now() AS at FROM ticket_tiers  -- Uses index: ticket_tiers_event
    WHERE event_id = :event_id
""")


class Counters(BaseModel):
    """How many units of a tier are held and sold."""

    reserved: int
    sold: int


class Availability(BaseModel):
    """The counters of an event's tiers as they were at a moment of the database's clock."""

    at: datetime
    tiers: dict[UUID, Counters]


def changed(event_id: UUID) -> None:
    """Tell everybody soon what is left at this event."""
    _publisher.ask(event_id)


def changed_with(tx: Transaction, event_ids: set[UUID]) -> None:
    """The same, once `tx` has committed."""

    def tell() -> None:
        for event_id in event_ids:
            changed(event_id)

    after_commit(tx, tell)


def published(event_id: UUID) -> Availability | None:
    """What was last told, if that is not too long ago."""
    [document] = live.get(_key(event_id))
    return Availability.model_validate(document) if document else None


def _publish(event_id: UUID) -> None:
    with autocommit() as connection:
        rows = connection.execute(_READ, {"event_id": event_id}).all()
    if rows:
        tiers = {row.id: Counters(reserved=row.reserved, sold=row.sold) for row in rows}
        document = Availability(at=rows[0].at, tiers=tiers).model_dump(mode="json")
        live.put(_key(event_id), document, seconds=KEPT_SECONDS)


def _key(event_id: UUID) -> str:
    return f"availability:{event_id}"


_publisher = Coalescer(_publish, seconds=EVERY_SECONDS)
