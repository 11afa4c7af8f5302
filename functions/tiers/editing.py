"""The tiers of an event."""

from uuid import UUID

from shared.catalog import editing
from shared.catalog.editing import EventCancelled
from shared.catalog.events import EventResponse
from shared.catalog.tiers import (
    CapacityExceeded,
    KindIsFixed,
    NewTier,
    QuotaTooSmall,
    TierChange,
    TierCodeTaken,
    TierHasOrders,
    TierOrder,
    TierResponse,
    TooManyTiers,
)
from shared.problems import NotFound
from shared.web import App, Organizer, OrganizerOrSteppedUpAdmin, Transaction

routes = App("tiers")


@routes.post(
    "/events/{event}/tiers",
    status=201,
    problems=(NotFound, CapacityExceeded, TooManyTiers, EventCancelled, TierCodeTaken),
)
def add_tier(event: UUID, new: NewTier, organizer: OrganizerOrSteppedUpAdmin, tx: Transaction) -> TierResponse:
    """Add a tier; it is on sale at once if the event is published."""
    return editing.add_tier(tx, organizer, event, new)


@routes.put(
    "/events/{event}/tiers/{tier}",
    problems=(NotFound, CapacityExceeded, EventCancelled, QuotaTooSmall, KindIsFixed, TierCodeTaken),
)
def change_tier(
    event: UUID, tier: UUID, wanted: TierChange, organizer: OrganizerOrSteppedUpAdmin, tx: Transaction
) -> TierResponse:
    """Change a tier. Held and sold units keep their price."""
    return editing.change_tier(tx, organizer, event, tier, wanted)


@routes.delete("/events/{event}/tiers/{tier}", status=204, problems=(NotFound, EventCancelled, TierHasOrders))
def delete_tier(event: UUID, tier: UUID, organizer: Organizer, tx: Transaction) -> None:
    """Delete a tier that nobody ever ordered from."""
    editing.delete_tier(tx, organizer, event, tier)


@routes.put("/events/{event}/tiers", problems=(NotFound, EventCancelled))
def reorder_tiers(event: UUID, order: TierOrder, organizer: Organizer, tx: Transaction) -> EventResponse:
    """Show the tiers of an event in another order."""
    return editing.reorder_tiers(tx, organizer, event, order)
