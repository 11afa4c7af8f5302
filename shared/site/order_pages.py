"""An order's page: one address that tells the truth in every state, and becomes the tickets (PS-002..007, TS-019)."""

from collections.abc import Mapping
from uuid import UUID

from shared.catalog import events
from shared.cloud import clock
from shared.cloud.database import snapshot, transaction
from shared.identity import profiles
from shared.identity.profiles import ProfileResponse
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.models import PageQuery
from shared.payments import checkout, sync
from shared.payments.checkout import CheckoutRequest
from shared.problems import Problem, TryAgain
from shared.refunds import schemas as refund_schemas
from shared.sales import digital_units
from shared.sales import orders as order_records
from shared.sales import schemas as order_schemas
from shared.site import forms, offers, order_view, payment_choices, rendering, snap_popup
from shared.site.languages import gettext_noop as _
from shared.site.languages import translate
from shared.site.order_view import OrderView
from shared.tickets import holders
from shared.tickets.holders import TicketResponse
from shared.web import App, SignedIn
from shared.web.pages import Language, Page, PageRequest, Redirect

MAX_PAGES = 1000
_HOLDER = {
    "name": _("Name as on the identity card or passport"),
    "email": _("E-mail address"),
    "identity": _("NIK (16 digits) or passport number"),
}
"""The labels of a holder's fields. In a field's name the place of its ticket in the order follows."""
_WRONG_IDENTITY = _("must be a NIK of 16 digits, or a passport number of 6 to 9 letters and digits")

pages = App("site")


@pages.page("/orders")
def my_orders(request: PageRequest, viewer: SignedIn) -> Page | Redirect:
    """A buyer's orders, newest first, each with its event. Gate staff, who buy nothing, go on to the gate."""
    if viewer.role == "staff":
        return Redirect("/gate")
    page = PageQuery(page=forms.whole_number(request.query.get("page", ""), MAX_PAGES) or 1)
    with snapshot() as tx:
        listing = order_schemas.list_own(tx, viewer.id, page)
        shown = {order.event_id: events.get(tx, order.event_id) for order in listing.items}
        refunds = refund_schemas.of_orders(tx, [order.id for order in listing.items])
    at = clock.now()
    views = [order_view.of(order, shown[order.event_id], refunds[order.id], at) for order in listing.items]
    return rendering.page("orders.html", request, viewer=viewer, orders=views, listing=listing)


@pages.page("/orders/{order_id}")
def order(request: PageRequest, order_id: UUID, viewer: SignedIn) -> Page:
    """The order as it is now; while its money is awaited, after asking the gateway where that is due."""
    found = _read(viewer, order_id)
    if found.is_waiting_for_money and sync.refresh(order_id):
        found = _read(viewer, order_id)
    return _page(request, viewer, found)


@pages.page("/orders/{order_id}/snap")
def snap(request: PageRequest, order_id: UUID, viewer: SignedIn) -> Page | Redirect:
    """Midtrans's popup, on a page of its own, since it needs a policy of its own (MID-1)."""
    found = _read(viewer, order_id)
    if found.open is None or found.open.snap_token is None:
        return Redirect(f"/orders/{order_id}")
    return snap_popup.page(request, found, found.open.snap_token)


@pages.form("/orders/{order_id}/pay")
def pay(request: PageRequest, order_id: UUID, viewer: SignedIn) -> Page | Redirect:
    """Name who the tickets are for, and start to pay."""
    found = _read(viewer, order_id)
    wanted, errors = _wanted(request, found)
    if wanted is None:
        return _page(request, viewer, found, errors=errors)
    try:
        checkout.checkout(viewer.id, order_id, wanted, may_move=True)
    except TryAgain:
        return _page(request, viewer, _read(viewer, order_id), failed_gateway=wanted.gateway)
    except Problem as problem:
        return _page(request, viewer, _read(viewer, order_id), problem=problem)
    return Redirect(f"/orders/{order_id}")


@pages.form("/orders/{order_id}/cancel")
def cancel(request: PageRequest, order_id: UUID, viewer: SignedIn) -> Page | Redirect:
    """Give up an order that isn't paid; its tickets are free again at once."""
    try:
        with transaction() as tx:
            order_records.cancel(tx, order_records.lock_own(tx, order_id, viewer.id))
    except Problem as problem:
        return _page(request, viewer, _read(viewer, order_id), problem=problem)
    return Redirect(f"/orders/{order_id}")


@pages.form("/orders/{order_id}/resend")
def resend(request: PageRequest, order_id: UUID, viewer: SignedIn) -> Page | Redirect:
    """Mail the tickets again."""
    try:
        with transaction() as tx:
            order_schemas.require_access(tx, order_id, viewer)
            mails.enqueue_e_tickets_again(tx, order_id)
    except Problem as problem:
        return _page(request, viewer, _read(viewer, order_id), problem=problem)
    return Redirect(f"/orders/{order_id}?mailed=yes")


@pages.form("/orders/{order_id}/reveal")
def reveal(order_id: UUID, viewer: SignedIn) -> Redirect:
    """Show the digital units; that they were shown is kept, as they can't be given back then (PROD-2)."""
    order_schemas.read_and_reveal(order_id, viewer)
    return Redirect(f"/orders/{order_id}#codes")


def _read(viewer: Principal, order_id: UUID) -> OrderView:
    with snapshot() as tx:
        found = order_schemas.read_visible(tx, order_id, viewer)
        event = events.get(tx, found.event_id)
        refunds = refund_schemas.of_order(tx, order_id)
        are_goods_issued = order_records.is_issued(tx, order_id)
    return order_view.of(found, event, refunds, clock.now(), are_goods_issued=are_goods_issued)


def _page(
    request: PageRequest,
    viewer: Principal,
    found: OrderView,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    failed_gateway: str | None = None,
) -> Page:
    amount = found.order.amount_missing or found.order.total_amount
    failed_gateway = failed_gateway or found.silent_gateway
    wanted = request.form.get("method") or (found.open.payment_method if found.open else "")
    tickets: list[TicketResponse] = []
    with snapshot() as tx:
        choices = payment_choices.of_amount(tx, amount, failed_gateway=failed_gateway)
        if found.state in ("paid", "issuing"):
            tickets = [holders.read(tx, viewer, each.id) for each in found.tickets]
        buyer = profiles.read(tx, viewer.id)
        has_hidden = found.state == "paid" and digital_units.has_unrevealed(tx, found.order.id)
    holder_labels = {name: translate(request.language, words) for name, words in _HOLDER.items()}
    return rendering.form_page(
        "order.html",
        request,
        viewer=viewer,
        errors=errors,
        problem=problem,
        address=f"/orders/{found.order.id}",
        view=found,
        order=found.order,
        event=found.event,
        offer=offers.of_event(found.event, found.at),
        tickets=tickets,
        has_hidden_units=has_hidden,
        buyer=buyer,
        buyer_name=_real_name(buyer),
        holder_labels=holder_labels,
        labels=_labels(holder_labels, len(found.named_items), request.language),
        choices=choices,
        chosen=payment_choices.nearest(choices, wanted),
        failed_gateway=failed_gateway,
        mailed=request.query.get("mailed") == "yes",
    )


def _labels(holder: Mapping[str, str], tickets: int, language: Language) -> dict[str, str]:
    """The label of each field of so many holders, for the summary of what is wrong."""
    if tickets == 1:
        return {f"{name}_0": label for name, label in holder.items()}
    numbered = [translate(language, "ticket %(number)s", number=index + 1) for index in range(tickets)]
    return {
        f"{name}_{index}": f"{label} · {ticket}"
        for index, ticket in enumerate(numbered)
        for name, label in holder.items()
    }


def _real_name(buyer: ProfileResponse) -> str:
    """The buyer's name; nothing where it is only the beginning of their address, which no identity card says."""
    return "" if buyer.full_name == buyer.email.partition("@")[0] else buyer.full_name


def _wanted(request: PageRequest, found: OrderView) -> tuple[CheckoutRequest | None, dict[str, str]]:
    """The buyer's choice of how to pay, and the holder of each ticket: an empty line means the same as the first.

    What is wrong with the first ticket's is told there alone.
    """
    form = request.form
    attendees: list[checkout.NamedAttendee] = []
    errors: dict[str, str] = {}
    first = {name: form.get(f"{name}_0", "").strip() for name in ("name", "email")}
    for index, item in enumerate(found.named_items):
        own = {name: words for name in first if (words := form.get(f"{name}_{index}", "").strip())}
        number = form.get(f"identity_{index}", "").strip()
        attendee, wrong = forms.read(
            checkout.NamedAttendee,
            {"item_id": item.id, **first, **own, **({"identity_number": number} if number else {})},
            request.language,
        )
        if attendee:
            attendees.append(attendee)
        if index:
            wrong = {name: message for name, message in wrong.items() if name in own or name not in first}
        if wrong.pop("identity_number", None):  # the form has one field for both, and no type
            wrong["identity"] = translate(request.language, _WRONG_IDENTITY)
        errors |= {f"{name}_{index}": message for name, message in wrong.items()}
    method, _, gateway = form.get("method", "").partition("@")
    wanted, wrong = forms.read(
        CheckoutRequest,
        {"payment_method": method, **({"gateway": gateway} if gateway else {}), "attendees": attendees},
        request.language,
    )
    if errors or wanted is None:
        return None, errors | ({"method": translate(request.language, "Choose a way to pay.")} if wrong else {})
    return wanted, {}
