"""An event's attendees: found, corrected, exported, and who of them has come (AR-004, NAME-1, REP-1)."""

from functools import partial
from uuid import UUID

from shared.catalog import own_events
from shared.cloud.database import Transaction, snapshot
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.problems import Problem
from shared.reports import attendees, sales
from shared.reports.attendees import AttendeeQuery
from shared.reports.periods import SalesQuery
from shared.sales import ticket_mails
from shared.sales.schemas import OrderResponse
from shared.site import charts, forms, lists, rendering
from shared.site.organizer import desk
from shared.tickets import gate, holders
from shared.tickets.gate import Undo
from shared.tickets.holders import HolderChange
from shared.web import App, Organizer, OrganizerOrSteppedUpAdmin
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")

_FILTERS = ("from", "to", "tier_id")


@pages.page("/organizer/events/{event_id}/attendees")
def all_attendees(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page:
    """The attendees that match, with the report card of the same period and ticket type."""
    filters = forms.non_empty(request.query, *_FILTERS)
    words = forms.non_empty(request.query, "q")
    wanted, errors = forms.read(AttendeeQuery, {**filters, **words, **lists.page_of(request)}, request.language)
    with snapshot() as tx:
        event = own_events.read(tx, organizer, event_id)
    wanted = wanted or AttendeeQuery()
    listing = attendees.page(organizer, event_id, wanted)
    with snapshot() as tx:
        mailed = ticket_mails.statuses(tx, [each.item_id for each in listing.items])
    in_card = SalesQuery.model_validate({"from": wanted.from_, "to": wanted.to, "tier_id": wanted.tier_id})
    return rendering.form_page(
        "organizer/attendees.html",
        request,
        viewer=organizer,
        errors=errors,
        given=request.query,
        event=event,
        listing=listing,
        mailed=mailed,
        undelivered=ticket_mails.UNDELIVERED,
        report=sales.read(organizer, event_id, in_card),
        filters=filters,
        words=words,
        share=charts.share,
    )


@pages.page("/organizer/events/{event_id}/attendees/{ticket_id}")
def attendee(request: PageRequest, event_id: UUID, ticket_id: UUID, organizer: Organizer) -> Page:
    """One attendee's ticket, and the form to correct who holds it."""
    return _page(request, organizer, event_id, ticket_id)


@pages.form("/organizer/events/{event_id}/attendees/{ticket_id}")
def correct(
    request: PageRequest, event_id: UUID, ticket_id: UUID, organizer: OrganizerOrSteppedUpAdmin
) -> Page | Redirect:
    """Correct who holds a ticket: its code becomes a new one and is mailed, the old one is void at once."""

    def change(tx: Transaction, wanted: HolderChange) -> None:
        holders.read_of_event(tx, organizer, event_id, ticket_id)
        holders.change(tx, organizer, ticket_id, wanted, mails.enqueue_holder_changed)

    page = partial(_page, request, organizer, event_id, ticket_id)
    done = desk.address(event_id, f"attendees/{ticket_id}?saved=yes")
    return forms.submit(request, HolderChange, ["name", "email"], change, page=page, done=done)


@pages.form("/organizer/events/{event_id}/attendees/{ticket_id}/let-in-again")
def undo_scan(request: PageRequest, event_id: UUID, ticket_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Undo a mistaken scan, with a reason for the audit trail: the ticket lets its holder in again."""

    def undo(tx: Transaction, wanted: Undo) -> None:
        holders.read_of_event(tx, organizer, event_id, ticket_id)
        gate.undo(tx, organizer, ticket_id, wanted)

    page = partial(_page, request, organizer, event_id, ticket_id)
    done = desk.address(event_id, f"attendees/{ticket_id}?undone=yes")
    return forms.submit(request, Undo, ["reason"], undo, page=page, done=done)


def _page(
    request: PageRequest,
    organizer: Principal,
    event_id: UUID,
    ticket_id: UUID,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Page:
    with snapshot() as tx:
        event = own_events.read(tx, organizer, event_id)
        ticket = holders.read_of_event(tx, organizer, event_id, ticket_id)
        [item] = [each for each in OrderResponse.read(tx, ticket.order_id).items if each.id == ticket.item_id]
    return rendering.form_page(
        "organizer/attendee.html",
        request,
        viewer=organizer,
        errors=errors,
        problem=problem,
        address=desk.address(event_id, f"attendees/{ticket_id}"),
        event=event,
        ticket=ticket,
        holder_email=item.attendee_email or "",
        is_saved=request.query.get("saved") == "yes",
        is_undone=request.query.get("undone") == "yes",
    )
