"""Giving tickets back: the exact amount before asking, and how far each refund is (PS-015..018)."""

from uuid import UUID

from shared.catalog import events
from shared.cloud.database import snapshot, transaction
from shared.identity.tokens import Principal
from shared.problems import Problem
from shared.refunds import requests as refund_requests
from shared.refunds import schemas as refund_schemas
from shared.refunds.requests import RefundRequest
from shared.refunds.schemas import RefundPage
from shared.site import forms, rendering
from shared.web import App, SignedIn
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")


@pages.page("/refunds")
def refunds(request: PageRequest, viewer: SignedIn) -> Page:
    """A buyer's refunds, newest first, each with what it waits for."""
    with snapshot() as tx:
        listing = refund_schemas.listed(tx, viewer, RefundPage(page_size=100))
        titles = {each.event_id: events.get(tx, each.event_id).title for each in listing.items}
    return rendering.page("refunds.html", request, refunds=listing.items, titles=titles)


@pages.page("/refunds/new/{order_id}")
def new_refund(request: PageRequest, order_id: UUID, viewer: SignedIn) -> Page:
    """The page with what can be given back of an order, and exactly how much money comes back for each ticket."""
    return _page(request, viewer, order_id)


@pages.form("/refunds/new/{order_id}")
def ask(request: PageRequest, order_id: UUID, viewer: SignedIn) -> Page | Redirect:
    """Ask for the money back."""
    given = {"order_id": order_id, "ticket_ids": request.form.getlist("ticket_ids") or None}
    reason = request.form.get("reason", "").strip()
    wanted, errors = forms.read(RefundRequest, {**given, "reason": reason}, request.language)
    if wanted is None:
        return _page(request, viewer, order_id, errors=errors)
    try:
        with transaction() as tx:
            refund_requests.request(tx, viewer.id, wanted)
    except Problem as problem:
        return _page(request, viewer, order_id, problem=problem)
    return Redirect(f"/orders/{order_id}")


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
