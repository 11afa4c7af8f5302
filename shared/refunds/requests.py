"""Refunds as people ask for them and decide them (PS-015, PS-016, PS-018).

    request   the buyer, up to seven days before the event, for a whole order or some of its tickets
    approve   the organizer: tickets void, stock free, money owed, in one transaction
    reject    the organizer, with a reason: nothing has changed, and the buyer is told

Nine tenths of the price paid go back, and fees stay (PS-018). What an item gives back is written down
when it is asked for, and the database lets no other refund have it. Where nothing was paid for the items,
nobody has to decide: the request gives them back at once. So it does with the whole price and its fees, until the
event starts, where the event was moved after the purchase and its organizer had offered that.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from shared.accounting.ledger import Share
from shared.catalog import changes
from shared.catalog.editing import EventCancelled
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.models import RequestModel, ResponseModel, line
from shared.payments import records as payment_records
from shared.problems import Invalid, NotFound, Problem
from shared.refunds import dashboard as dashboard_refunds
from shared.refunds import records as refund_records
from shared.refunds.records import Refund
from shared.refunds.schemas import RefundResponse
from shared.rupiah import percent_of
from shared.sales import orders
from shared.states import EventStatus, OrderStatus, RefundKind, RefundStatus
from shared.tickets import issuing, products

BACK_PERCENT = 90
WINDOW_DAYS = 7

_WINDOW = text("""
    SELECT start_date >= now() + make_interval(days => :days) AS is_open, start_date > now() AS is_ahead
    FROM events WHERE id = :event_id
""")
_ITEMS = text("""
    SELECT i.id, t.id AS ticket_id, c.kind, c.name AS description, i.unit_price - i.discount AS price_paid,
        i.platform_fee,
        n.refund_id, i.returned_at IS NOT NULL AND f.status = 'completed' AS is_gone,
        CASE WHEN i.returned_at IS NOT NULL OR n.refund_id IS NOT NULL THEN 'already_requested'
            WHEN t.status = 'used' THEN 'ticket_used'
            WHEN c.kind = 'product' AND p.order_id IS NOT NULL THEN 'picked_up'
            WHEN u.revealed_at IS NOT NULL AND NOT c.refundable_after_reveal THEN 'unit_revealed' END AS obstacle
    FROM order_items i JOIN ticket_tiers c ON c.id = i.tier_id LEFT JOIN tickets t ON t.order_item_id = i.id
        LEFT JOIN pickups p ON p.order_id = i.order_id AND p.status = 'picked_up'
        LEFT JOIN digital_units u ON u.item_id = i.id
        LEFT JOIN refund_items n ON n.order_item_id = i.id AND NOT n.is_rejected
        LEFT JOIN refunds f ON f.id = n.refund_id
    WHERE i.order_id = :order_id ORDER BY i.position
""")
_PRICES = text("SELECT unit_price - discount FROM order_items WHERE order_id = :order_id")
_ASKED = text("""
    SELECT COALESCE(sum(amount), 0) FROM refunds
    WHERE order_id = :order_id AND kind = 'requested' AND status <> 'rejected'
""")
_SHARES = text("""
    SELECT id, unit_price - discount AS price_paid, platform_discount, commission, platform_fee, waived_fee,
        platform_waived_fee
    FROM order_items WHERE id = ANY(:item_ids)
""")


Obstacle = Literal["already_requested", "ticket_used", "picked_up", "unit_revealed"]


_BY_ITSELF = "This event was cancelled: everything goes back to its buyers by itself, fees included."


class RefundRequest(RequestModel):
    """A buyer's request to return some tickets of an order, or all that are left of it."""

    order_id: UUID
    ticket_ids: Annotated[list[UUID], Field(min_length=1, max_length=500)] | None = None
    reason: Annotated[str, line(1000)]


class NotRefundableLine(ResponseModel):
    """A unit of an order that the request does not give back, and why."""

    item_id: UUID
    ticket_id: UUID | None
    kind: str
    description: str
    reason: Obstacle


class RefundRequestedResponse(RefundResponse):
    """A refund as it was asked for. Of a whole order, `not_refundable` lists what the refund leaves out."""

    not_refundable: list[NotRefundableLine]


class Rejection(RequestModel):
    """Why not."""

    reason: Annotated[str, line(1000)]


class NotRefundable(Problem):
    """Only a paid order can be given back. Look at its status."""

    status, slug = 409, "order-not-refundable"


class WindowClosed(Problem):
    """Refunds can be asked for until seven days before the event. That time is over."""

    status, slug = 409, "refund-window-closed"


class AlreadyRequested(Problem):
    """Some of this is in another refund already: `refunds` tells what each waits for. Look at your refunds."""

    status, slug = 409, "refund-already-requested"

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        waits_for = {refund["waits_for"] for refund in members.get("refunds", ())}
        super().__init__(detail or (_ADVICE.get(waits_for.pop()) if len(waits_for) == 1 else None), **members)


_ADVICE = {
    "decision": "You have asked for this refund already. Its organizer has not decided about it yet.",
    "bank_account": "This refund is approved and waits for your bank account. Set one, and it is sent there.",
    "bank_account_wait": "This refund is approved and goes to your new bank account a day after you set it.",
    "bank_account_frozen": "This refund is approved, but your bank account was stopped. Set it again to use it.",
    "transfer": "This refund is approved and on its way to you. Look at your refunds.",
}


class UnitRevealed(Problem):
    """You have looked at this digital unit, so it can't be given back. Its organizer may allow it for the tier."""

    status, slug = 409, "unit-revealed"


class NothingToRefund(Invalid):
    """All that was paid for these is back with you already. Look at your refunds."""

    slug = "nothing-to-refund"


class AlreadyDecided(Problem):
    """This refund has been decided the other way."""

    status, slug = 409, "refund-already-decided"


class NotRetryable(Problem):
    """Only a refund that failed, or waits for a bank account, can be sent again."""

    status, slug = 409, "refund-not-retryable"


def request(tx: Transaction, buyer_id: UUID, wanted: RefundRequest) -> RefundRequestedResponse:
    """Ask for money back; for what has cost nothing, or where the event was moved, give it back.

    Raises NotFound, NotRefundable, WindowClosed, EventCancelled, TicketUsed, ProductsPickedUp, UnitRevealed,
    AlreadyRequested, NothingToRefund and Invalid.
    """
    order = orders.lock_own(tx, wanted.order_id, buyer_id)
    if order.status != OrderStatus.PAID:
        raise NotRefundable(order_status=order.status)
    is_whole = _is_whole(tx, order)
    chosen, left_out = _chosen(tx, order.id, wanted.ticket_ids)
    amounts = {item.id: _amount(item, is_whole=is_whole) for item in chosen}
    refund = refund_records.read(tx, _add(tx, order, amounts, wanted.reason, is_whole=is_whole))
    if refund.amount == 0 or is_whole:
        _give_back(tx, order, refund, by=buyer_id, is_whole=is_whole)
    now = RefundResponse.read(tx, refund.id)
    return RefundRequestedResponse(**now.model_dump(), not_refundable=[_line(item) for item in left_out])


def approve(tx: Transaction, caller: Principal, refund_id: UUID) -> RefundResponse:
    """Give the money back: decided twice is no error.

    Raises NotFound, AlreadyDecided, TicketUsed, and EventCancelled, as then all of it goes back and not nine tenths.
    """
    order, refund = _lock(tx, caller, refund_id)
    if refund.status == RefundStatus.REJECTED:
        raise AlreadyDecided
    if refund.status == RefundStatus.REQUESTED:
        if orders.lock_event(tx, order.event_id) == EventStatus.CANCELLED:
            raise EventCancelled(_BY_ITSELF)
        _give_back(tx, order, refund, by=caller.id)
    return RefundResponse.read(tx, refund_id)


def reject(tx: Transaction, caller: Principal, refund_id: UUID, rejection: Rejection) -> RefundResponse:
    """Decline, and tell the buyer why. Raises NotFound, AlreadyDecided."""
    _, refund = _lock(tx, caller, refund_id)
    if refund.status not in (RefundStatus.REQUESTED, RefundStatus.REJECTED):
        raise AlreadyDecided
    if refund.status == RefundStatus.REQUESTED:
        refund_records.reject(tx, refund, rejection.reason, by=caller.id)
        mails.enqueue_about_order(
            tx,
            "refund_rejected",
            refund.order_id,
            dedupe_key=f"refund_rejected:{refund.id}",
            context={"refund_id": refund.id},
        )
    return RefundResponse.read(tx, refund_id)


def retry(tx: Transaction, caller: Principal, refund_id: UUID) -> RefundResponse:
    """Have a refund that failed, or waits, sent again. Raises NotFound, NotRetryable."""
    _, refund = _lock(tx, caller, refund_id)
    if refund.status not in (RefundStatus.APPROVED, RefundStatus.FAILED):
        raise NotRetryable(refund_status=refund.status)
    refund_records.reopen(tx, refund)
    return RefundResponse.read(tx, refund_id)


def _is_whole(tx: Transaction, order: orders.Order) -> bool:
    """Whether all goes back, fees included, as the event was moved. Raises EventCancelled, WindowClosed."""
    if orders.lock_event(tx, order.event_id) == EventStatus.CANCELLED:
        raise EventCancelled(_BY_ITSELF)
    window = tx.execute(_WINDOW, {"event_id": order.event_id, "days": WINDOW_DAYS}).one()
    is_moved = window.is_ahead and changes.allow_refund(tx, order.event_id, order.created_at)
    if not is_moved and not window.is_open:
        raise WindowClosed
    return is_moved


def _amount(item: Any, *, is_whole: bool) -> int:
    if is_whole:
        return int(item.price_paid + item.platform_fee)
    return percent_of(item.price_paid, BACK_PERCENT)


def _chosen(tx: Transaction, order_id: UUID, ticket_ids: Sequence[UUID] | None) -> tuple[Sequence[Any], Sequence[Any]]:
    """The items that a request gives back, and those of a whole order that it can't."""
    items = [item for item in tx.execute(_ITEMS, {"order_id": order_id}) if not item.is_gone]
    if ticket_ids is not None:
        wanted = set(ticket_ids)
        items = [item for item in items if item.ticket_id in wanted]
        if len(items) != len(wanted):
            raise Invalid.field("ticket_ids", "names a ticket that is not, or no longer, good in this order")
    left_out = [item for item in items if item.obstacle]
    if left_out and (ticket_ids is not None or len(left_out) == len(items)):
        raise _refusal(tx, left_out)
    return [item for item in items if not item.obstacle], left_out


def _refusal(tx: Transaction, items: Sequence[Any]) -> Problem:
    """Why these items can't be given back: the first reason of `Obstacle` that there is, and all of them one by one."""
    found = {item.obstacle for item in items}
    lines = [_line(item).model_dump(mode="json") for item in items]
    if "already_requested" in found:
        ids = sorted({item.refund_id for item in items if item.refund_id})
        states = [RefundResponse.read(tx, refund_id).state for refund_id in ids]
        return AlreadyRequested(refunds=states, not_refundable=lines)
    if "ticket_used" in found:
        used = [str(item.ticket_id) for item in items if item.obstacle == "ticket_used"]
        return issuing.TicketUsed(ticket_ids=used, not_refundable=lines)
    refusal = issuing.ProductsPickedUp if "picked_up" in found else UnitRevealed
    return refusal(not_refundable=lines)


def _line(item: Any) -> NotRefundableLine:
    return NotRefundableLine(
        item_id=item.id, ticket_id=item.ticket_id, kind=item.kind, description=item.description, reason=item.obstacle
    )


def _add(tx: Transaction, order: orders.Order, amounts: Mapping[UUID, int], reason: str, *, is_whole: bool) -> UUID:
    wanted = sum(amounts.values())
    amount = min(wanted, _left(tx, order.id, is_whole=is_whole)) if wanted else 0
    payment_id = payment_records.find_paying(tx, order.id) or (
        None if wanted else payment_records.find_free(tx, order.id)
    )
    if payment_id is None or (wanted and amount <= 0):
        raise NothingToRefund
    return refund_records.add(tx, payment_id, RefundKind.REQUESTED, amount, reason, amounts)


def _left(tx: Transaction, order_id: UUID, *, is_whole: bool = False) -> int:
    """The amount an order may still refund: no more than came in, and no more than the rule allows.

    The rule is nine tenths of all its lines, and all that came in where the sale is undone.
    """
    left = refund_records.refundable_amount(tx, order_id)
    at_dashboard = dashboard_refunds.of_order(tx, order_id)
    if is_whole or not at_dashboard:
        return left
    rule = sum(percent_of(price, BACK_PERCENT) for price in tx.execute(_PRICES, {"order_id": order_id}).scalars())
    asked = int(tx.execute(_ASKED, {"order_id": order_id}).scalar_one())
    return min(left, rule - asked - at_dashboard)


def _cut(tx: Transaction, order: orders.Order, refund: Refund, *, is_whole: bool) -> Refund:
    """A request, without what went back at a dashboard since it was made."""
    excess = min(-_left(tx, order.id, is_whole=is_whole), refund.amount)
    if excess > 0:
        refund_records.reduce(tx, refund, excess)
    return refund_records.read(tx, refund.id)


def _give_back(tx: Transaction, order: orders.Order, refund: Refund, *, by: UUID, is_whole: bool = False) -> None:
    refund = _cut(tx, order, refund, is_whole=is_whole)
    share = _share(tx, refund_records.items_of(tx, refund.id), is_whole=is_whole)
    end_purchase(tx, order, refund, share, by=by)


def end_purchase(tx: Transaction, order: orders.Order, refund: Refund, share: Share, *, by: UUID) -> None:
    """Approve a refund of a locked order, and end what its items had bought. Raises TicketUsed, ProductsPickedUp."""
    item_ids = refund_records.items_of(tx, refund.id)
    issuing.void_unused(tx, item_ids)
    mails.enqueue_ticket_void(tx, order.id, item_ids, "refunded")
    refund_records.approve(tx, refund, share, organizer_id=order.organizer_id, by=by)
    orders.return_items(tx, item_ids)
    products.void_if_all_went_back(tx, order.id)
    if refund.amount == 0:
        refund_records.complete_without_money(tx, refund)


def _share(tx: Transaction, item_ids: Sequence[UUID], *, is_whole: bool) -> Share:
    """A refund at the buyer's wish is the organizer's to give: their share of the price, which is all of it.

    Where the event was moved the sale is undone, as by a cancellation (PS-021): the platform earns no fee either.

    Where the platform had paid for a promo code, it gets back what the buyer doesn't. Elsewhere the commission is what
    the buyer doesn't get: where that was rounded the other way, the commission gives the rupiah. Fees stay, whoever
    paid them: a promo code's issuer gets back none that it waived.
    """
    items = tx.execute(_SHARES, {"item_ids": list(item_ids)}).all()
    if is_whole:
        return Share.of_whole(items)
    kept = {item.id: item.price_paid - percent_of(item.price_paid, BACK_PERCENT) for item in items}
    return Share(
        organizer=sum(item.price_paid + item.platform_discount - item.commission for item in items),
        commission=sum(item.commission - kept[item.id] for item in items if not item.platform_discount),
        promotion=sum(
            item.platform_discount - item.commission + kept[item.id] for item in items if item.platform_discount
        ),
    )


def _lock(tx: Transaction, caller: Principal, refund_id: UUID) -> tuple[orders.Order, Refund]:
    order = orders.lock(tx, refund_records.read(tx, refund_id).order_id)
    if not caller.may_act_for(order.organizer_id):
        raise NotFound
    return order, refund_records.read(tx, refund_id)
