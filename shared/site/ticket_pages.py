"""A ticket of one's own: its code large and white, where and when, and correcting its holder (TS-019, NAME-1)."""

from uuid import UUID

from shared.catalog import events
from shared.catalog.events import EventResponse
from shared.cloud.database import snapshot, transaction
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.problems import Problem
from shared.site import forms, rendering
from shared.tickets import holders
from shared.tickets.holders import HolderChange, TicketResponse
from shared.web import App, SignedIn, SignedInOrSteppedUpAdmin
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")


@pages.page("/tickets/{ticket_id}")
def ticket(request: PageRequest, ticket_id: UUID, viewer: SignedIn) -> Page:
    """One ticket, for its buyer. The phone keeps this page for a gate without a network."""
    return _page(request, viewer, ticket_id)


@pages.form("/tickets/{ticket_id}/holder")
def correct_holder(request: PageRequest, ticket_id: UUID, viewer: SignedInOrSteppedUpAdmin) -> Page | Redirect:
    """Correct who holds the ticket: its code becomes a new one, the old one is void at once."""
    wanted, errors = forms.read(HolderChange, forms.non_empty(request.form, "name", "email"), request.language)
    if wanted is None:
        return _page(request, viewer, ticket_id, errors=errors)
    try:
        with transaction() as tx:
            holders.change(tx, viewer, ticket_id, wanted, mails.enqueue_holder_changed)
    except Problem as problem:
        return _page(request, viewer, ticket_id, problem=problem)
    return Redirect(f"/tickets/{ticket_id}?saved=yes")


def _read(viewer: Principal, ticket_id: UUID) -> tuple[TicketResponse, EventResponse]:
    with snapshot() as tx:
        found = holders.read(tx, viewer, ticket_id)
        return found, events.get(tx, found.event_id)


def _page(
    request: PageRequest,
    viewer: Principal,
    ticket_id: UUID,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Page:
    found, event = _read(viewer, ticket_id)
    until = min(event.name_change_deadline or event.start_date, event.start_date)
    return rendering.form_page(
        "ticket.html",
        request,
        viewer=viewer,
        errors=errors,
        problem=problem,
        address=f"/tickets/{ticket_id}",
        ticket=found,
        event=event,
        is_saved=request.query.get("saved") == "yes",
        is_correctable=found.may_change_holder,
        correctable_until=until,
    )
