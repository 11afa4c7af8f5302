"""Giving tickets back: the exact amount before asking, and how far each refund is (PS-015..018)."""

from uuid import UUID

from shared.catalog import events
from shared.cloud.database import snapshot, transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound, Problem
from shared.refunds import requests as refund_requests
from shared.refunds import schemas as refund_schemas
from shared.refunds.requests import RefundPreview, RefundRequest
from shared.refunds.schemas import RefundQuery
from shared.site import forms, rendering
from shared.site.languages import translate
from shared.web import App, SignedIn
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")


@pages.page("/refunds")
def refunds(request: PageRequest, viewer: SignedIn) -> Page:
    """A buyer's refunds, newest first, each with what it waits for."""
    with snapshot() as tx:
        listing = refund_schemas.list_page(tx, viewer, RefundQuery(page_size=100))
        titles = {each.event_id: events.get(tx, each.event_id).title for each in listing.items}
    return rendering.page("refunds.html", request, refunds=listing.items, titles=titles)


@pages.page("/refunds/new/{order_id}")
def new_refund(request: PageRequest, order_id: UUID, viewer: SignedIn) -> Page:
    """The page with what can be given back of an order, and exactly how much money comes back for each ticket."""
    return _page(request, viewer, order_id)


@pages.form("/refunds/new/{order_id}")
def request_refund(request: PageRequest, order_id: UUID, viewer: SignedIn) -> Page | Redirect:
    """Ask for the money back."""
    given = {"order_id": order_id, "reason": request.form.get("reason", "").strip()}
    done = f"/orders/{order_id}"
    wanted, errors = forms.read(RefundRequest, given, request.language)
    try:
        with transaction() as tx:
            some, is_nothing = _chosen(refund_requests.preview(tx, viewer.id, order_id), request)
            if is_nothing:
                errors["ticket_ids"] = translate(request.language, "Choose what you give back.")
            elif wanted:
                asked = refund_requests.request(tx, viewer.id, wanted.model_copy(update={"ticket_ids": some}))
                done = f"{done}#refund-{asked.id}"
    except NotFound:
        raise
    except Problem as problem:
        return _page(request, viewer, order_id, problem=problem)
    return _page(request, viewer, order_id, errors=errors) if errors else Redirect(done)


def _chosen(preview: RefundPreview, request: PageRequest) -> tuple[list[UUID] | None, bool]:
    """The chosen tickets, or None for the whole order with its goods; and whether nothing is chosen of many."""
    possible = [line.ticket_id for line in preview.lines if line.ticket_id and not line.obstacle]
    chosen = [ticket_id for ticket_id in possible if str(ticket_id) in request.form.getlist("ticket_ids")]
    return (None if chosen == possible else chosen), bool(possible) and not chosen


def _page(
    request: PageRequest,
    viewer: Principal,
    order_id: UUID,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Page:
    preview = None
    try:
        with transaction() as tx:
            preview = refund_requests.preview(tx, viewer.id, order_id)
            event = events.get(tx, preview.event_id)
    except NotFound:
        raise
    except Problem as refused:
        problem, event = problem or refused, None
    return rendering.form_page(
        "refund_request.html",
        request,
        viewer=viewer,
        errors=errors,
        problem=problem,
        address=f"/refunds/new/{order_id}",
        preview=preview,
        event=event,
        order_id=order_id,
    )
