"""One's own place in a waiting room: taking it, seeing it without a script, and going on once one is called (QUEUE-1).

Everybody's page lies in a bucket (waiting_room_publishing); with a script nobody needs these pages to wait.
"""

from collections.abc import Callable
from uuid import UUID

from shared.catalog import public_views
from shared.catalog.events import EventResponse
from shared.cloud import clock
from shared.identity.tokens import Principal
from shared.problems import Problem
from shared.site import offers, rendering, structured_data, waiting_room_view
from shared.site.event_pages import chosen_quantities
from shared.waiting_room import places, rooms
from shared.web import App, Buyer
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")


@pages.page("/queue/{slug}")
def own_place(request: PageRequest, slug: str, buyer: Buyer) -> Page | Redirect:
    """Your place, or the button to take one."""
    return _own_page(request, _event(slug), buyer)


@pages.form("/queue/{slug}")
def join(request: PageRequest, slug: str, buyer: Buyer) -> Page | Redirect:
    """Take a place, or find the one you have."""
    return _act(request, slug, buyer, places.join, f"/queue/{slug}")


@pages.form("/queue/{slug}/enter")
def enter(request: PageRequest, slug: str, buyer: Buyer) -> Page | Redirect:
    """Begin your turn, and go on to the tickets."""
    return _act(request, slug, buyer, places.enter, f"/queue/{slug}/tickets")


@pages.page("/queue/{slug}/tickets")
def choose(request: PageRequest, slug: str, buyer: Buyer) -> Page | Redirect:
    """The event's tickets to choose from, while it is your turn."""
    event = _event(slug)
    queue_pass = places.pass_of(event.id, buyer.id)
    if queue_pass is None:
        return Redirect(f"/queue/{slug}")
    offer = offers.of_event(event, clock.now(), has_queue_pass=True)
    return rendering.page(
        "waiting_room/choose.html",
        request,
        offer=offer,
        event=event,
        chosen=chosen_quantities(request.query),
        structured_data=structured_data.of_event(offer, request.language),
        stale_since=None,
        queue_pass=queue_pass,
    )


def _act(
    request: PageRequest, slug: str, buyer: Principal, act: Callable[[UUID, UUID], object], address: str
) -> Page | Redirect:
    """Do something about one's place and go on to an address; what refuses it is said on one's own page."""
    event = _event(slug)
    try:
        act(event.id, buyer.id)
    except Problem as problem:
        return _own_page(request, event, buyer, problem)
    return Redirect(address)


def _event(slug: str) -> EventResponse:
    return public_views.get_event(None, slug).value


def _own_page(
    request: PageRequest, event: EventResponse, buyer: Principal, problem: Problem | None = None
) -> Page | Redirect:
    place = places.find(event.id, buyer.id)
    room = place.room if place else rooms.find(event.id)
    if room is None:
        return Redirect(f"/{request.language}/events/{event.slug}")
    return waiting_room_view.own_page(request, room, buyer, place, problem)
