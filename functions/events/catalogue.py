"""The published events, as visitors see them."""

from shared.catalog import public_views
from shared.catalog.events import EventResponse, TierList
from shared.catalog.search import EventSearch
from shared.catalog.search_filters import EventFilters
from shared.models import Listing
from shared.problems import NotFound
from shared.web import App, Cached, Viewer
from shared.web.caching import AVAILABILITY

routes = App("events")


@routes.get("/events")
def browse(wanted: EventSearch, viewer: Viewer) -> Cached[Listing[EventResponse]]:
    """The published events that have not ended yet, soonest first by default.

    Descriptions and terms are cut to 300 characters; an event's own page has them in full.
    """
    listed = public_views.list_events(viewer, wanted)
    return Cached(listed.value, AVAILABILITY, age_seconds=listed.age_seconds)


@routes.get("/events/filters")
def filters(viewer: Viewer) -> Cached[EventFilters]:
    """The categories and cities of the upcoming events, each with how many there are, the most frequent first."""
    found = public_views.list_filters(viewer)
    return Cached(found.value, AVAILABILITY, age_seconds=found.age_seconds)


@routes.get("/events/{event}", problems=(NotFound,))
def show(event: str, viewer: Viewer) -> Cached[EventResponse]:
    """An event by its id or slug. Drafts are visible to their organizer and admins only."""
    page = public_views.get_event(viewer, event)
    return Cached(page.value, AVAILABILITY, is_public=page.value.is_public, age_seconds=page.age_seconds)


@routes.get("/events/{event}/tickets", problems=(NotFound,))
def tickets(event: str, viewer: Viewer) -> Cached[TierList]:
    """The tiers of an event: current prices and availability."""
    page = public_views.get_event(viewer, event)
    found = page.value
    offer = TierList(event_id=found.id, status=found.status, tiers=found.tiers)
    return Cached(offer, AVAILABILITY, is_public=found.is_public, age_seconds=page.age_seconds)
