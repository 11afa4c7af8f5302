"""The desk's first page: an organizer's events, drafts too, with what each waits for."""

from shared.catalog import own_events
from shared.catalog.own_events import OwnEventsQuery
from shared.cloud import clock
from shared.cloud.database import snapshot
from shared.site import forms, rendering
from shared.site.organizer.own_event import OwnEvent
from shared.web import App, Organizer
from shared.web.pages import Page, PageRequest

PAGE_SIZE = 20
MAX_PAGES = 1000

pages = App("site")


@pages.page("/organizer")
def start(request: PageRequest, organizer: Organizer) -> Page:
    """The organizer's events, those to come first."""
    number = forms.whole_number(request.query.get("page", ""), MAX_PAGES) or 1
    with snapshot() as tx:
        listing = own_events.list_page(tx, organizer, OwnEventsQuery(page=number, page_size=PAGE_SIZE))
    return rendering.form_page(
        "organizer/start.html",
        request,
        viewer=organizer,
        events=[OwnEvent(each, clock.now()) for each in listing.items],
        listing=listing,
    )
