"""Finding an event: home, the list with its filters, and an event's own page (EM-013..018). The same for everybody."""

from collections.abc import Mapping
from urllib.parse import urlencode

from pydantic import ValidationError

from shared.catalog import public_views
from shared.catalog.events import EventResponse
from shared.catalog.search import EventSearch
from shared.catalog.search_filters import EventFilters
from shared.cloud import clock
from shared.cloud.read_through_cache import CachedValue
from shared.field_types import as_uuid
from shared.models import Listing
from shared.site import calendar, forms, offers, rendering, stale_if_error, structured_data
from shared.web import PAGES, App
from shared.web.caching import AVAILABILITY
from shared.web.pages import Page, PageRequest

PAGE_SIZE = 12
MAX_UNITS = 100
"""The most of one tier in an order, as the API takes them."""
_FILTERS = ("q", "category", "location", "from", "to", "price_min", "price_max", "sort")

pages = App("site")


def home(request: PageRequest) -> Page:
    """The list of what is on next, and the ways to look for more."""
    shown = stale_if_error.read("home", lambda: _listing(EventSearch(page_size=PAGE_SIZE)))
    return rendering.page(
        "home.html",
        request,
        keep=AVAILABILITY if shown.is_current else None,
        events=[offers.of_event(event, clock.now()) for event in shown.value.items],
        facets=_filters(),
        stale_since=shown.stale_since,
    )


def listing(request: PageRequest) -> Page:
    """The upcoming events that a visitor filters, searches and pages through."""
    wanted, is_wrong = _wanted(request)
    shown = stale_if_error.read(wanted.model_dump_json(), lambda: _listing(wanted))
    return rendering.page(
        "events.html",
        request,
        keep=AVAILABILITY if shown.is_current else None,
        events=[offers.of_event(event, clock.now()) for event in shown.value.items],
        listing=shown.value,
        given={name: request.query.get(name, "") for name in _FILTERS},
        is_wrong=is_wrong,
        is_filtered=any(request.query.get(name) for name in _FILTERS if name != "sort"),
        facets=_filters(),
        page_url=_page_urls(request, wanted.page),
        without={name: _address(request, but=name) for name in _FILTERS},
        stale_since=shown.stale_since,
    )


def event(request: PageRequest, slug: str) -> Page:
    """One event with its tickets, to choose from."""
    known_as = str(as_uuid(slug) or slug)  # one copy for every spelling of an id
    shown = stale_if_error.read(known_as, lambda: public_views.get_event(None, slug, stale_if_error=True))
    offer = offers.of_event(shown.value, clock.now(), is_paused=not shown.is_current)
    return rendering.page(
        "event.html",
        request,
        keep=AVAILABILITY if shown.is_current else None,
        age_seconds=shown.age_seconds,
        offer=offer,
        event=offer.event,
        chosen=chosen_quantities(request.query),
        structured_data=structured_data.of_event(offer, request.language),
        stale_since=shown.stale_since,
    )


def ics(slug: str) -> Page:
    """The event as a calendar file."""
    found = public_views.get_event(None, slug).value
    return Page(
        calendar.of_event(found),
        content_type="text/calendar; charset=utf-8",
        keep=AVAILABILITY,
        headers={"Content-Disposition": f'attachment; filename="{found.slug}.ics"'},
    )


def chosen_quantities(given: Mapping[str, str]) -> dict[str, int]:
    """The quantity of each tier that a form or an address asks for: its fields are `t_<tier's id>`."""
    wanted = {name[2:]: forms.whole_number(value, MAX_UNITS) for name, value in given.items() if name.startswith("t_")}
    return {tier_id: number for tier_id, number in wanted.items() if number is not None}


def _listing(wanted: EventSearch) -> CachedValue[Listing[EventResponse]]:
    return public_views.list_events(None, wanted, stale_if_error=True)


def _filters() -> EventFilters:
    return stale_if_error.read("filters", lambda: public_views.list_filters(None, stale_if_error=True)).value


def _wanted(request: PageRequest) -> tuple[EventSearch, bool]:
    """The search that the address says; without what nobody could search for, and whether there was such a thing."""
    given = {name: value for name, value in request.query.items() if name in (*_FILTERS, "page") and value.strip()}
    try:
        return EventSearch.model_validate_strings({**given, "page_size": str(PAGE_SIZE)}), False
    except ValidationError as error:
        wrong = {str(each["loc"][0]) if each["loc"] else "" for each in error.errors(include_url=False)}
        good = {name: value for name, value in given.items() if name not in wrong} if "" not in wrong else {}
        return EventSearch.model_validate_strings({**good, "page_size": str(PAGE_SIZE)}), True


def _page_urls(request: PageRequest, current: int) -> dict[int, str]:
    """The addresses of the pages around this one, with the same filters."""
    return {number: _address(request, page=str(number)) for number in (current - 1, current + 1) if number > 0}


def _address(request: PageRequest, *, but: str = "", **more: str) -> str:
    """The address of the same list with its filters, `but` one of them."""
    kept = {name: value for name, value in request.query.items() if name in _FILTERS and name != but and value}
    return f"{request.path}?{urlencode({**kept, **more})}"


def _add(language: str) -> None:
    pages.page(f"/{language}", anybody=True, limit=PAGES)(home)
    pages.page(f"/{language}/events", anybody=True, limit=PAGES)(listing)
    pages.page(f"/{language}/events/{{slug}}", anybody=True, limit=PAGES)(event)


for _language in ("id", "en"):
    _add(_language)
pages.page("/events/{slug}/calendar", anybody=True, limit=PAGES)(ics)
