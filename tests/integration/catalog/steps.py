"""Events as these tests need them, made through the product's own operations."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.catalog import editing
from shared.catalog.events import EventChange, EventResponse, NewEvent
from shared.catalog.tiers import NewTier, TierChange, TierResponse
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from tests.factories import a_user

START = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
END = START + timedelta(hours=4)


def an_organizer() -> Principal:
    """Somebody who may create events."""
    with transaction() as tx:
        return a_user(tx, role="organizer")


def tier(**fields: Any) -> NewTier:
    """Ten tickets at Rp 100.000."""
    return NewTier(**{"name": "Reguler", "price": 100_000, "quota": 10, **fields})


def create(organizer: Principal | None = None, **fields: Any) -> EventResponse:
    """A draft for a hundred visitors, with ten tickets for sale."""
    event = {
        "title": "Konser Senja",
        "description": "Malam musik di tepi kota",
        "category": "musik",
        "location": "Jakarta",
        "start_date": START,
        "end_date": END,
        "capacity": 100,
        "tiers": [tier()],
        **fields,
    }
    with transaction() as tx:
        return editing.create(tx, organizer or an_organizer(), NewEvent(**event))


def organizer_of(event: EventResponse) -> Principal:
    """The event's organizer."""
    return Principal(event.organizer_id, "organizer", event.organizer_id)


def change(event: EventResponse, **fields: Any) -> EventResponse:
    """Change it as its organizer."""
    with transaction() as tx:
        return editing.change(tx, organizer_of(event), event.id, EventChange.model_validate(fields))


def publish(event: EventResponse) -> EventResponse:
    """Put it on sale."""
    return change(event, status="published")


def add_tier(event: EventResponse, **fields: Any) -> TierResponse:
    """Add a tier as its organizer."""
    with transaction() as tx:
        return editing.add_tier(tx, organizer_of(event), event.id, tier(**fields))


def change_tier(event: EventResponse, tier_id: UUID, **fields: Any) -> TierResponse:
    """Change a tier as its organizer."""
    with transaction() as tx:
        return editing.change_tier(tx, organizer_of(event), event.id, tier_id, TierChange.model_validate(fields))
