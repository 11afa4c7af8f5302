"""An event's orders: found by what the organizer knows of one, each with its history (ISO-1)."""

from functools import partial
from uuid import UUID

from shared.catalog import own_events
from shared.catalog.events import EventResponse
from shared.cloud.database import Transaction, snapshot
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.problems import NotFound, Problem
from shared.refunds import schemas as refund_schemas
from shared.reports import order_history, order_search
from shared.reports.order_search import OrderSearch
from shared.sales import schemas as order_schemas
from shared.site import forms, lists, rendering
from shared.site.organizer import desk
from shared.states import OrderStatus
from shared.tickets import pickups
from shared.tickets.gate import Undo
from shared.web import App, Organizer
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")


@pages.page("/organizer/events/{event_id}/orders")
def orders(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page:
    """The orders that match the words and the state, newest first."""
    filters = forms.non_empty(request.query, "q", "status")
    wanted, errors = forms.read(OrderSearch, {**filters, **lists.page_of(request)}, request.language)
    with snapshot() as tx:
        event = own_events.read(tx, organizer, event_id)
        listing = order_search.search(tx, organizer, event_id, wanted or OrderSearch())
    return rendering.form_page(
        "organizer/orders.html",
        request,
        viewer=organizer,
        errors=errors,
        given=request.query,
        event=event,
        listing=listing,
        filters=filters,
        statuses=list(OrderStatus),
    )


@pages.page("/organizer/events/{event_id}/orders/{order_id}")
def order(request: PageRequest, event_id: UUID, order_id: UUID, organizer: Organizer) -> Page:
    """One order: what it holds, and all that happened to it."""
    return _page(request, organizer, event_id, order_id)


@pages.form("/organizer/events/{event_id}/orders/{order_id}/resend")
def resend(request: PageRequest, event_id: UUID, order_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Mail the tickets again to the buyer and the attendees."""

    def enqueue(tx: Transaction) -> None:
        _require_of_event(tx, organizer, event_id, order_id)
        mails.enqueue_e_tickets_again(tx, order_id)

    if problem := forms.try_to(enqueue):
        return _page(request, organizer, event_id, order_id, problem=problem)
    return Redirect(desk.address(event_id, f"orders/{order_id}?mailed=yes"))


@pages.form("/organizer/events/{event_id}/orders/{order_id}/hand-over-again")
def undo_pickup(request: PageRequest, event_id: UUID, order_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Undo a mistaken hand-over, with a reason for the audit trail: the products wait at the counter again."""

    def undo(tx: Transaction, wanted: Undo) -> None:
        _require_of_event(tx, organizer, event_id, order_id)
        pickups.undo(tx, organizer, order_id, wanted)

    page = partial(_page, request, organizer, event_id, order_id)
    done = desk.address(event_id, f"orders/{order_id}?undone=yes")
    return forms.submit(request, Undo, ["reason"], undo, page=page, done=done)


def _require_of_event(tx: Transaction, organizer: Principal, event_id: UUID, order_id: UUID) -> EventResponse:
    """The event of an order that the caller may see. Raises NotFound, also for an order of another event."""
    event = own_events.read(tx, organizer, event_id)
    order_schemas.require_access(tx, order_id, organizer)
    if order_schemas.OrderResponse.read(tx, order_id).event_id != event_id:
        raise NotFound
    return event


def _page(
    request: PageRequest,
    organizer: Principal,
    event_id: UUID,
    order_id: UUID,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Page:
    with snapshot() as tx:
        event = _require_of_event(tx, organizer, event_id, order_id)
        found = order_schemas.read_visible(tx, order_id, organizer)
        history = order_history.read(tx, organizer, order_id)
        refunds = refund_schemas.of_order(tx, order_id)
    return rendering.form_page(
        "organizer/order.html",
        request,
        viewer=organizer,
        errors=errors,
        problem=problem,
        address=desk.address(event_id, f"orders/{order_id}"),
        event=event,
        order=found,
        history=history,
        refunds=refunds,
        is_mailed=request.query.get("mailed") == "yes",
        is_undone=request.query.get("undone") == "yes",
    )
