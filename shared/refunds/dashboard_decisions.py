"""Decisions of admins about dashboard refunds: money that went back at a gateway's dashboard and stands in suspense.

Either it was for items of the order, which are given back by it, or for none. The rest is then goodwill: the
platform bears it, and nothing waits in suspense any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from shared.accounting import ledger
from shared.accounting.ledger import Share, SoldItem
from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.models import RequestModel, ResponseModel
from shared.payments import records as payment_records
from shared.problems import Invalid, Problem
from shared.refunds import approval, dashboard
from shared.refunds import records as refund_records
from shared.sales import orders
from shared.sales.orders import Order
from shared.states import OrderStatus, RefundKind

_ITEMS = text(f"""
    SELECT {ledger.SOLD_ITEM_COLUMNS}, returned_at IS NOT NULL AS is_returned, EXISTS (
            SELECT 1 FROM refund_items n WHERE n.order_item_id = i.id AND NOT n.is_rejected) AS is_in_refund
    FROM order_items i WHERE order_id = :order_id AND id = ANY(:ids) ORDER BY position
""")

SOLD = (OrderStatus.PAID, OrderStatus.REFUNDED)
"""The states of an order whose money may have been for its items."""


@dataclass(frozen=True)
class _Item(SoldItem):
    """An item that the money may have been for, and what else has given it back."""

    is_returned: bool
    is_in_refund: bool


class DashboardRefundRequest(RequestModel):
    """The items of its order that the money was for; none where it was goodwill."""

    item_ids: Annotated[list[UUID], Field(max_length=500)]


class DashboardRefundResponse(ResponseModel):
    """The decision, in rupiah: the amount for the items, and the part that the platform bears."""

    payment_id: UUID
    order_id: UUID
    order_status: str
    item_ids: list[UUID]
    for_items: int
    goodwill: int


class NothingInSuspense(Problem):
    """No money of this payment waits for a decision. Somebody has decided already, or it has settled itself."""

    status, slug = 409, "nothing-in-suspense"


class InAnotherRefund(Problem):
    """Some of these items are given back already, or a refund of them is requested. Decide about that refund first."""

    status, slug = 409, "item-in-another-refund"


def decide(
    tx: Transaction, admin_id: UUID, payment_id: UUID, wanted: DashboardRefundRequest
) -> DashboardRefundResponse:
    """Return the items that the money was for, and book the rest as goodwill. Idempotent.

    Raises NotFound, Invalid, NothingInSuspense, InAnotherRefund, TicketUsed, ProductsPickedUp.
    """
    order = orders.lock(tx, payment_records.read(tx, payment_id).order_id)
    suspense = ledger.suspense_amount(tx, order.id)
    item_ids = sorted(set(wanted.item_ids))
    values = {"order_id": order.id, "ids": item_ids}
    items = [_Item(**row._mapping) for row in tx.execute(_ITEMS, values)]
    if len(items) != len(item_ids):
        raise Invalid.field("item_ids", "names a line that is not in this order")
    if suspense <= 0:
        if not items or not all(item.is_returned for item in items):
            raise NothingInSuspense
        return _response(tx, payment_id, order, item_ids, for_items=0, goodwill=0)
    if items and order.status not in SOLD:
        raise Invalid.field("item_ids", "must be empty, as this order has sold nothing")
    if any(item.is_returned or item.is_in_refund for item in items):
        raise InAnotherRefund
    for_items = _return_items(tx, admin_id, order, payment_id, items, suspense) if items else 0
    goodwill = ledger.suspense_amount(tx, order.id)
    ledger.post_goodwill(tx, goodwill, order_id=order.id)
    dashboard.close_tasks(tx, order.id, by=admin_id)
    details = {"item_ids": [str(each) for each in item_ids], "for_items": for_items, "goodwill": goodwill}
    audit.record(
        tx, "payment.dashboard_refund_decided", subject="payment", subject_id=payment_id, actor_id=admin_id, **details
    )
    return _response(tx, payment_id, order, item_ids, for_items=for_items, goodwill=goodwill)


def _return_items(
    tx: Transaction, admin_id: UUID, order: Order, payment_id: UUID, items: Sequence[SoldItem], suspense: int
) -> int:
    """End what these items had bought, book their part of the money, and return it."""
    amounts, left = {}, suspense
    for item in items:
        amounts[item.id] = min(left, item.price_paid + item.platform_fee)
        left -= amounts[item.id]
    refund = refund_records.add(tx, payment_id, RefundKind.REQUESTED, 0, "Given back at the gateway.", amounts)
    approval.approve_and_return_items(tx, order, refund, _share(items, suspense - left), by=admin_id)
    return suspense - left


def _share(items: Sequence[SoldItem], amount: int) -> Share:
    """The shares of a dashboard refund: the organizer's, up to their part of the items, then commission, then fee."""
    whole = Share.of_whole(items)
    left = amount + whole.promotion
    organizer = min(left, whole.organizer)
    commission = min(left - organizer, whole.commission)
    return Share(organizer, commission, left - organizer - commission, whole.promotion)


def _response(
    tx: Transaction, payment_id: UUID, order: Order, item_ids: list[UUID], *, for_items: int, goodwill: int
) -> DashboardRefundResponse:
    return DashboardRefundResponse(
        payment_id=payment_id,
        order_id=order.id,
        order_status=orders.lock(tx, order.id).status,
        item_ids=item_ids,
        for_items=for_items,
        goodwill=goodwill,
    )
