"""Refund requests of buyers: up to seven days before the event, for a whole order or some of its tickets.

PS-015, PS-016, PS-018. The organizer decides (`approval`).

Nine tenths of the price paid go back, and fees stay (PS-018). Each item's amount is recorded with the request, and the
database allows no other refund of the item. Items that cost nothing are returned at once, without a decision, unless
their organizer has paid their fee: who took and returned such tickets again and again would have the organizer pay each
time. So is the whole price with its fees, until the event starts, if the event was moved after the purchase and its
organizer offered that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from shared.catalog.editing import EventCancelled
from shared.cloud.database import Transaction
from shared.field_types import line
from shared.models import RequestModel, ResponseModel
from shared.problems import Invalid, Problem
from shared.refunds import approval
from shared.refunds import records as refund_records
from shared.refunds.records import BACK_PERCENT, Refund
from shared.refunds.schemas import RefundResponse
from shared.rupiah import percent_of
from shared.sales import orders
from shared.states import EventStatus, OrderStatus, RefundKind
from shared.tickets import voiding

WINDOW_DAYS = 7

_WINDOW = text("""
    SELECT start_date >= now() + make_interval(days => :days) AS is_open, start_date > now() AND EXISTS (
        SELECT 1 FROM event_changes c  -- Uses index: event_changes_event
        WHERE c.event_id = e.id AND c.allows_refund AND c.changed_at >= :bought_at
            AND COALESCE(c.moved_at, c.changed_at) >= :bought_at) AS was_moved
    FROM events e WHERE id = :event_id
""")
_ITEMS = text("""
    SELECT i.id, t.id AS ticket_id, c.kind, c.name AS description, i.attendee_name AS holder,
        i.unit_price - i.discount AS price_paid, i.platform_fee,
        i.waived_fee > i.platform_waived_fee AS has_fee_of_organizer,
        n.refund_id, i.returned_at IS NOT NULL AND COALESCE(f.status = 'completed', false) AS is_gone,
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

Obstacle = Literal["already_requested", "ticket_used", "picked_up", "unit_revealed"]


@dataclass(frozen=True)
class _Item:
    """A unit of an order, what was paid for it, and why it can't be given back; `is_gone` where it has been."""

    id: UUID
    ticket_id: UUID | None
    kind: str
    description: str
    holder: str | None
    price_paid: int
    platform_fee: int
    has_fee_of_organizer: bool
    """True if the organizer's promo code waived the fee, so that the organizer has paid it."""
    refund_id: UUID | None
    is_gone: bool
    obstacle: Obstacle | None


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
    """A requested refund. Of a whole order, `not_refundable` lists what the refund leaves out."""

    not_refundable: list[NotRefundableLine]


class RefundPreviewLine(ResponseModel):
    """A unit of an order: the amount that returning it gives back, in rupiah, or why it can't be returned."""

    ticket_id: UUID | None
    description: str
    holder: str | None
    amount: int
    obstacle: Obstacle | None


class RefundPreview(ResponseModel):
    """The part of an order that can be given back. `amount` is what a request for all of it would give, in rupiah."""

    event_id: UUID
    is_whole: bool
    """True if fees come back too, as the event was moved."""
    amount: int | None
    """None where nothing can be given back any more."""
    lines: list[RefundPreviewLine]


class NotRefundable(Problem):
    """Only a paid order can be given back. Look at its status."""

    status, slug = 409, "order-not-refundable"


class WindowClosed(Problem):
    """Refunds can be requested until seven days before the event. That time is over."""

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


def request(tx: Transaction, buyer_id: UUID, wanted: RefundRequest) -> RefundRequestedResponse:
    """Request a refund. It is approved at once if the items cost nobody anything, or if the event was moved.

    Raises NotFound, NotRefundable, WindowClosed, EventCancelled, TicketUsed, ProductsPickedUp, UnitRevealed,
    AlreadyRequested, NothingToRefund and Invalid.
    """
    order, event_status = orders.lock_own_with_event(tx, wanted.order_id, buyer_id)
    is_whole = _is_whole(tx, order, event_status)
    chosen, left_out = _chosen(tx, order.id, wanted.ticket_ids)
    amounts = {item.id: _amount(item, is_whole=is_whole) for item in chosen}
    refund = _add(tx, order, amounts, wanted.reason, is_whole=is_whole)
    costs_nobody = refund.amount == 0 and not any(item.has_fee_of_organizer for item in chosen)
    if costs_nobody or is_whole:
        approval.approve_request(tx, order, refund, by=buyer_id, is_whole=is_whole)
    now = RefundResponse.read(tx, refund.id)
    return RefundRequestedResponse(**now.model_dump(), not_refundable=[_line(item) for item in left_out])


def preview(tx: Transaction, buyer_id: UUID, order_id: UUID) -> RefundPreview:
    """Calculate what a request would give back, as `request` does; nothing is written.

    Raises NotFound, NotRefundable, WindowClosed and EventCancelled.
    """
    order, event_status = orders.lock_own_with_event(tx, order_id, buyer_id)
    is_whole = _is_whole(tx, order, event_status)
    items = _items(tx, order_id)
    amounts = [_amount(item, is_whole=is_whole) for item in items if not item.obstacle]
    payment_id, left = refund_records.refundable(tx, order.id, is_whole=is_whole)
    is_possible = bool(amounts) and payment_id is not None and (left > 0 or not sum(amounts))
    return RefundPreview(
        event_id=order.event_id,
        is_whole=is_whole,
        amount=min(sum(amounts), max(left, 0)) if is_possible else None,
        lines=[
            RefundPreviewLine(
                ticket_id=item.ticket_id,
                description=item.description,
                holder=item.holder,
                amount=_amount(item, is_whole=is_whole),
                obstacle=item.obstacle,
            )
            for item in items
        ],
    )


def _is_whole(tx: Transaction, order: orders.Order, event_status: str) -> bool:
    """True if all goes back, fees included, as the event was moved.

    Raises NotRefundable, EventCancelled, WindowClosed.
    """
    if order.status != OrderStatus.PAID:
        raise NotRefundable(order_status=order.status)
    if event_status == EventStatus.CANCELLED:
        raise EventCancelled(approval.BY_ITSELF)
    values = {"event_id": order.event_id, "days": WINDOW_DAYS, "bought_at": order.created_at}
    window = tx.execute(_WINDOW, values).one()
    if not window.was_moved and not window.is_open:
        raise WindowClosed
    return bool(window.was_moved)


def _amount(item: _Item, *, is_whole: bool) -> int:
    if is_whole:
        return int(item.price_paid + item.platform_fee)
    return percent_of(item.price_paid, BACK_PERCENT)


def _items(tx: Transaction, order_id: UUID) -> list[_Item]:
    """The units of an order that are still there."""
    found = [_Item(**row._mapping) for row in tx.execute(_ITEMS, {"order_id": order_id})]
    return [item for item in found if not item.is_gone]


def _chosen(tx: Transaction, order_id: UUID, ticket_ids: Sequence[UUID] | None) -> tuple[list[_Item], list[_Item]]:
    """The items that a request gives back, and those of a whole order that it can't."""
    items = _items(tx, order_id)
    if ticket_ids is not None:
        wanted = set(ticket_ids)
        items = [item for item in items if item.ticket_id in wanted]
        if len(items) != len(wanted):
            raise Invalid.field("ticket_ids", "names a ticket that is not, or no longer, good in this order")
    left_out = [item for item in items if item.obstacle]
    if left_out and (ticket_ids is not None or len(left_out) == len(items)):
        raise _refusal(tx, left_out)
    return [item for item in items if not item.obstacle], left_out


def _refusal(tx: Transaction, items: Sequence[_Item]) -> Problem:
    """The refusal of items that can't be given back: the first reason of `Obstacle`, and all items one by one."""
    found = {item.obstacle for item in items}
    lines = [_line(item).model_dump(mode="json") for item in items]
    if "already_requested" in found:
        ids = sorted({item.refund_id for item in items if item.refund_id})
        states = [RefundResponse.read(tx, refund_id).state for refund_id in ids]
        return AlreadyRequested(refunds=states, not_refundable=lines)
    if "ticket_used" in found:
        used = [str(item.ticket_id) for item in items if item.obstacle == "ticket_used"]
        return voiding.TicketUsed(ticket_ids=used, not_refundable=lines)
    refusal = voiding.ProductsPickedUp if "picked_up" in found else UnitRevealed
    return refusal(not_refundable=lines)


def _line(item: _Item) -> NotRefundableLine:
    return NotRefundableLine(
        item_id=item.id, ticket_id=item.ticket_id, kind=item.kind, description=item.description, reason=item.obstacle
    )


def _add(tx: Transaction, order: orders.Order, amounts: Mapping[UUID, int], reason: str, *, is_whole: bool) -> Refund:
    """Add the request, for no more than is still refundable of the order. Raises NothingToRefund."""
    payment_id, left = refund_records.refundable(tx, order.id, is_whole=is_whole)
    wanted = sum(amounts.values())
    if payment_id is None or (wanted and left <= 0):
        raise NothingToRefund
    return refund_records.add(tx, payment_id, RefundKind.REQUESTED, min(wanted, max(left, 0)), reason, amounts)
