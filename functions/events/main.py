"""Events: browse, show, create, change (EM-001..017)."""

from typing import Annotated
from uuid import UUID

from shared.catalog import banner_upload, duplication, editing, own_events, public_views
from shared.catalog.duplication import Duplicate
from shared.catalog.editing import DatesFixed, EventCancelled, NotDeletable, OnlyPostponed, TicketsTaken
from shared.catalog.events import EventChange, EventResponse, NewEvent, TierList
from shared.catalog.own_events import OwnEventsQuery
from shared.catalog.search import EventSearch
from shared.catalog.search_filters import EventFilters
from shared.catalog.tiers import CapacityExceeded, KindIsFixed, QuotaTooSmall, TooManyTiers
from shared.models import Listing
from shared.pictures import NotAnImage
from shared.problems import NotFound
from shared.web import App, Cached, MaxBytes, Organizer, OrganizerOrSteppedUpAdmin, Transaction, Upload, Viewer
from shared.web.caching import AVAILABILITY

app = App("events")

NOT_NOW = (EventCancelled, TicketsTaken, DatesFixed, OnlyPostponed)


@app.get("/events")
def browse(wanted: EventSearch, viewer: Viewer) -> Cached[Listing[EventResponse]]:
    """The published events that have not ended yet, soonest first by default.

    Descriptions and terms are cut to 300 characters; an event's own page has them in full.
    """
    listed = public_views.list_events(viewer, wanted)
    return Cached(listed.value, AVAILABILITY, age_seconds=listed.age_seconds)


@app.post("/events", status=201, problems=(CapacityExceeded, TooManyTiers))
def create(new: NewEvent, organizer: Organizer, tx: Transaction) -> EventResponse:
    """Create an event with its tiers, as a draft."""
    return editing.create(tx, organizer, new)


@app.get("/events/filters")
def filters(viewer: Viewer) -> Cached[EventFilters]:
    """The categories and cities of the upcoming events, each with how many there are, the most frequent first."""
    found = public_views.list_filters(viewer)
    return Cached(found.value, AVAILABILITY, age_seconds=found.age_seconds)


@app.get("/events/{event}", problems=(NotFound,))
def show(event: str, viewer: Viewer) -> Cached[EventResponse]:
    """An event by its id or slug. Drafts are visible to their organizer and admins only."""
    page = public_views.get_event(viewer, event)
    return Cached(page.value, AVAILABILITY, is_public=page.value.is_public, age_seconds=page.age_seconds)


@app.put(
    "/events/{event}",
    problems=(NotFound, *NOT_NOW, CapacityExceeded, TooManyTiers, QuotaTooSmall, KindIsFixed),
)
def change(event: UUID, wanted: EventChange, organizer: OrganizerOrSteppedUpAdmin, tx: Transaction) -> EventResponse:
    """Change an event; publish it, unpublish it, or cancel it while nothing is sold."""
    return editing.change(tx, organizer, event, wanted)


@app.delete("/events/{event}", status=204, problems=(NotFound, NotDeletable))
def delete(event: UUID, organizer: Organizer, tx: Transaction) -> None:
    """Delete a draft without orders."""
    editing.delete(tx, organizer, event)


@app.get("/events/{event}/tickets", problems=(NotFound,))
def tickets(event: str, viewer: Viewer) -> Cached[TierList]:
    """The tiers of an event: current prices and availability."""
    page = public_views.get_event(viewer, event)
    found = page.value
    offer = TierList(event_id=found.id, status=found.status, tiers=found.tiers)
    return Cached(offer, AVAILABILITY, is_public=found.is_public, age_seconds=page.age_seconds)


@app.post("/events/{event}/banner", status=200, problems=(NotFound, EventCancelled, NotAnImage))
def set_banner(
    event: UUID, file: Annotated[Upload, MaxBytes(banner_upload.MAX_BANNER_BYTES)], organizer: Organizer
) -> EventResponse:
    """Show a picture with the event: JPEG or PNG, 5 MB at most. Its metadata is removed.

    It is at most 8000 pixels wide and high, and has at most 40 million of them.
    """
    return banner_upload.set_banner(organizer, event, file.content)


@app.post("/events/{event}/duplicate", status=201, problems=(NotFound,))
def duplicate(event: UUID, wanted: Duplicate, organizer: Organizer, tx: Transaction) -> EventResponse:
    """Create a draft with the words and tiers of an event, at new dates."""
    return duplication.duplicate(tx, organizer, event, wanted)


@app.get("/organizer/events")
def list_own(wanted: OwnEventsQuery, organizer: Organizer, tx: Transaction) -> Listing[EventResponse]:
    """Your own events, drafts and past ones too: those to come, the next one first, then those that are over."""
    return own_events.list_page(tx, organizer, wanted)


main = app.entry_point()
