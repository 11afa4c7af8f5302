"""An organizer's own events."""

from uuid import UUID

from shared.catalog import duplication, editing, own_events
from shared.catalog.duplication import Duplicate
from shared.catalog.editing import DatesFixed, EventCancelled, NotDeletable, OnlyPostponed, TicketsTaken
from shared.catalog.events import EventChange, EventResponse, NewEvent
from shared.catalog.own_events import OwnEventsQuery
from shared.catalog.tiers import CapacityExceeded, KindIsFixed, QuotaTooSmall, TierCodeTaken, TooManyTiers
from shared.models import Listing
from shared.problems import NotFound
from shared.web import App, Organizer, OrganizerOrSteppedUpAdmin, Transaction

routes = App("events")

NOT_NOW = (EventCancelled, TicketsTaken, DatesFixed, OnlyPostponed)


@routes.post("/events", status=201, problems=(CapacityExceeded, TooManyTiers, TierCodeTaken))
def create(new: NewEvent, organizer: Organizer, tx: Transaction) -> EventResponse:
    """Create an event with its tiers, as a draft."""
    return editing.create(tx, organizer, new)


@routes.put(
    "/events/{event}",
    problems=(NotFound, *NOT_NOW, CapacityExceeded, TooManyTiers, QuotaTooSmall, KindIsFixed, TierCodeTaken),
)
def change(event: UUID, wanted: EventChange, organizer: OrganizerOrSteppedUpAdmin, tx: Transaction) -> EventResponse:
    """Change an event; publish it, unpublish it, or cancel it while nothing is sold."""
    return editing.change(tx, organizer, event, wanted)


@routes.delete("/events/{event}", status=204, problems=(NotFound, NotDeletable))
def delete(event: UUID, organizer: Organizer, tx: Transaction) -> None:
    """Delete a draft without orders."""
    editing.delete(tx, organizer, event)


@routes.post("/events/{event}/duplicate", status=201, problems=(NotFound,))
def duplicate(event: UUID, wanted: Duplicate, organizer: Organizer, tx: Transaction) -> EventResponse:
    """Create a draft with the words and tiers of an event, at new dates."""
    return duplication.duplicate(tx, organizer, event, wanted)


@routes.get("/organizer/events")
def list_own(wanted: OwnEventsQuery, organizer: Organizer, tx: Transaction) -> Listing[EventResponse]:
    """Your own events, drafts and past ones too: those to come, the next one first, then those that are over."""
    return own_events.list_page(tx, organizer, wanted)
