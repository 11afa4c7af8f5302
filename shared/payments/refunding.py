"""Refunds as people ask for them and decide them (PS-015, PS-016, PS-018).

    request   the buyer, up to seven days before the event, for a whole order or some of its tickets
    approve   the organizer: tickets void, stock free, money owed, in one transaction
    reject    the organizer, with a reason: nothing has changed, and the buyer is told

Nine tenths of the price paid go back, and fees stay (PS-018). What an item gives back is written down
when it is asked for, and the database lets no other refund have it.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.models import Body, line
from shared.money import refunds
from shared.money.ledger import Share
from shared.money.refund_answers import RefundAnswer
from shared.money.refunds import Refund
from shared.payments import attempts
from shared.problems import Invalid, NotFound, Problem
from shared.rupiah import percent_of
from shared.sales import orders
from shared.tickets import issuing, products

KEPT_PERCENT = 10
WINDOW_DAYS = 7

_WINDOW = text("""
    SELECT status = 'cancelled' AS is_cancelled, start_date >= now() + make_interval(days => :days) AS is_open
    FROM events WHERE id = :event_id
""")
_ITEMS = text("""
    SELECT i.id, t.id AS ticket_id, i.unit_price - i.discount AS price_paid,
        t.status IS NOT DISTINCT FROM 'used' OR (c.kind = 'product' AND p.order_id IS NOT NULL) AS is_used,
        EXISTS (SELECT 1 FROM refund_items n WHERE n.order_item_id = i.id AND NOT n.is_rejected) AS is_asked_back
    FROM order_items i JOIN ticket_tiers c ON c.id = i.tier_id LEFT JOIN tickets t ON t.order_item_id = i.id
        LEFT JOIN pickups p ON p.order_id = i.order_id AND p.status = 'picked_up'
    WHERE i.order_id = :order_id AND i.returned_at IS NULL ORDER BY i.position
""")
_SHARES = text("""
    SELECT unit_price - discount AS price_paid, platform_discount, commission
    FROM order_items WHERE id = ANY(:item_ids)
""")


class RefundRequest(Body):
    """What a buyer wants to give back: some tickets of an order, or all that is left of it."""

    order_id: UUID
    ticket_ids: Annotated[list[UUID], Field(min_length=1, max_length=500)] | None = None
    reason: Annotated[str, line(1000)]


class Rejection(Body):
    """Why not."""

    reason: Annotated[str, line(1000)]


class NotRefundable(Problem):
    """Only a paid order can be given back. Look at its status."""

    status, slug = 409, "order-not-refundable"


class WindowClosed(Problem):
    """Refunds can be asked for until seven days before the event. That time is over."""

    status, slug = 409, "refund-window-closed"


class EventCancelled(Problem):
    """This event was cancelled: everything goes back to its buyers by itself, fees included."""

    status, slug = 409, "event-cancelled"


class AlreadyRequested(Problem):
    """Some of these tickets are in another refund already. Look at your refunds."""

    status, slug = 409, "refund-already-requested"


class NothingToRefund(Invalid):
    """Nothing was paid for these tickets."""

    slug = "nothing-to-refund"


class AlreadyDecided(Problem):
    """This refund has been decided the other way."""

    status, slug = 409, "refund-already-decided"


class NotRetryable(Problem):
    """Only a refund that failed, or waits for a bank account, can be sent again."""

    status, slug = 409, "refund-not-retryable"


def request(tx: Transaction, buyer_id: UUID, wanted: RefundRequest) -> RefundAnswer:
    """Ask for money back.

    Raises NotFound, NotRefundable, WindowClosed, EventCancelled, TicketUsed, AlreadyRequested,
    NothingToRefund and Invalid.
    """
    order = orders.lock_own(tx, wanted.order_id, buyer_id)
    if order.status != "paid":
        raise NotRefundable(order_status=order.status)
    event = tx.execute(_WINDOW, {"event_id": order.event_id, "days": WINDOW_DAYS}).one()
    if event.is_cancelled:
        raise EventCancelled
    if not event.is_open:
        raise WindowClosed
    items = _chosen(tx.execute(_ITEMS, {"order_id": order.id}).all(), wanted.ticket_ids)
    amount = min(sum(items.values()), refunds.left_of_sale(tx, order.id))
    payment_id = attempts.paid_by(tx, order.id)
    if amount <= 0 or payment_id is None:
        raise NothingToRefund
    refund_id = refunds.add(tx, payment_id, "requested", amount, wanted.reason, items)
    return RefundAnswer.read(tx, refund_id)


def approve(tx: Transaction, caller: Principal, refund_id: UUID) -> RefundAnswer:
    """Give the money back: decided twice is no error.

    Raises NotFound, AlreadyDecided, TicketUsed, and EventCancelled, as then all of it goes back and not nine tenths.
    """
    order, refund = _lock(tx, caller, refund_id)
    if refund.status == "rejected":
        raise AlreadyDecided
    if refund.status == "requested":
        if orders.hold_event(tx, order.event_id) == "cancelled":
            raise EventCancelled
        item_ids = refunds.items_of(tx, refund.id)
        issuing.void_unused(tx, item_ids)
        mails.ask_ticket_void(tx, order.id, item_ids, "refunded")
        refunds.approve(tx, refund, _share(tx, item_ids), organizer_id=order.organizer_id, by=caller.id)
        orders.return_items(tx, item_ids)
        products.void_if_all_went_back(tx, order.id)
    return RefundAnswer.read(tx, refund_id)


def reject(tx: Transaction, caller: Principal, refund_id: UUID, rejection: Rejection) -> RefundAnswer:
    """Decline, and tell the buyer why. Raises NotFound, AlreadyDecided."""
    _, refund = _lock(tx, caller, refund_id)
    if refund.status not in ("requested", "rejected"):
        raise AlreadyDecided
    if refund.status == "requested":
        refunds.reject(tx, refund, rejection.reason, by=caller.id)
        mails.ask_about_order(
            tx,
            "refund_rejected",
            refund.order_id,
            once_key=f"refund_rejected:{refund.id}",
            context={"refund_id": refund.id},
        )
    return RefundAnswer.read(tx, refund_id)


def retry(tx: Transaction, caller: Principal, refund_id: UUID) -> RefundAnswer:
    """Have a refund that failed, or waits, sent again. Raises NotFound, NotRetryable."""
    _, refund = _lock(tx, caller, refund_id)
    if refund.status not in ("approved", "failed"):
        raise NotRetryable(refund_status=refund.status)
    refunds.reopen(tx, refund)
    return RefundAnswer.read(tx, refund_id)


def _chosen(items: Sequence[Any], ticket_ids: Sequence[UUID] | None) -> Mapping[UUID, int]:
    """What each item gives back, in rupiah."""
    if ticket_ids is None:
        unused = [item for item in items if not item.is_used]
        chosen = [item for item in unused if not item.is_asked_back]
        if not chosen:
            raise AlreadyRequested if unused else issuing.TicketUsed
    else:
        wanted = set(ticket_ids)
        chosen = [item for item in items if item.ticket_id in wanted]
        if len(chosen) != len(wanted):
            raise Invalid.field("ticket_ids", "names a ticket that is not, or no longer, good in this order")
        if any(item.is_asked_back for item in chosen):
            raise AlreadyRequested
        if used := [item.ticket_id for item in chosen if item.is_used]:
            raise issuing.TicketUsed(ticket_ids=[str(ticket_id) for ticket_id in used])
    return {item.id: item.price_paid - percent_of(item.price_paid, KEPT_PERCENT) for item in chosen}


def _share(tx: Transaction, item_ids: Sequence[UUID]) -> Share:
    """A refund at the buyer's wish is the organizer's to give: their share of the price, which is all of it.

    Where the platform had paid for a promo code, it gets back what the buyer doesn't.
    """
    items = tx.execute(_SHARES, {"item_ids": list(item_ids)}).all()
    return Share(
        organizer=sum(item.price_paid + item.platform_discount - item.commission for item in items),
        promotion=sum(
            item.platform_discount - item.commission + percent_of(item.price_paid, KEPT_PERCENT)
            for item in items
            if item.platform_discount
        ),
    )


def _lock(tx: Transaction, caller: Principal, refund_id: UUID) -> tuple[orders.Order, Refund]:
    order = orders.lock(tx, refunds.read(tx, refund_id).order_id)
    if not caller.may_act_for(order.organizer_id):
        raise NotFound
    return order, refunds.read(tx, refund_id)
