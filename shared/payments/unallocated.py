"""Unallocated money: it was received, matches no order, and waits for a decision or its refund.

It is refunded in full without a decision once its order has ended, or was paid by another payment. Every function takes
an open transaction with the order locked.
"""

from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.payments import records as payment_records
from shared.payments.records import Payment, ReviewDecision
from shared.refunds import approval
from shared.refunds import dashboard as dashboard_refunds
from shared.refunds import records as refund_records
from shared.sales import orders
from shared.sales.orders import Order
from shared.states import OrderStatus, RefundKind

WAITING = f"p.received_amount <> p.amount AND p.review_decision IS NULL AND {payment_records.IS_SET_ASIDE}"
"""Condition on `payments p`: its money waits for a decision."""

_OF_ORDER = text(f"SELECT p.id FROM payments p WHERE p.order_id = :order_id AND {WAITING} ORDER BY p.id")


def of_order(tx: Transaction, order_id: UUID) -> list[UUID]:
    """The payments of an order whose money waits for a decision."""
    return list(tx.execute(_OF_ORDER, {"order_id": order_id}).scalars())


def unrefunded_amount(tx: Transaction, payment: Payment) -> int:
    """The received amount of a payment, less what somebody refunded at the gateway's dashboard."""
    return (payment.received_amount or 0) - dashboard_refunds.booked_amount(tx, payment.id)


def refund(tx: Transaction, payment: Payment, *, by: UUID | None) -> None:
    """Owe the buyer all that is left of a payment."""
    added = refund_records.add(
        tx, payment.id, RefundKind.REVIEW, unrefunded_amount(tx, payment), "The amount did not fit the order.", {}
    )
    approval.approve_unallocated(tx, added, by=by)
    record_decision(tx, payment, "refunded", by)


def refund_all(tx: Transaction, order_id: UUID) -> int:
    """Owe the buyer all unallocated money of an order; return the number of payments. Idempotent."""
    waiting = of_order(tx, order_id)
    for payment_id in waiting:
        refund(tx, payment_records.lock(tx, payment_id), by=None)
    return len(waiting)


def refund_if_ended(tx: Transaction, order: Order) -> int:
    """Refund all unallocated payments of an order that can't be paid any more; leave those of any other."""
    if order.status in (*orders.LIVE, OrderStatus.PAID):
        return 0
    return refund_all(tx, order.id)


def record_decision(tx: Transaction, payment: Payment, decision: ReviewDecision, by: UUID | None) -> None:
    """Record the decision about a payment, by an admin or the system (`by` None)."""
    payment_records.mark_reviewed(tx, payment.id, decision, by=by)
    audit.record(tx, f"payment.{decision}", subject="payment", subject_id=payment.id, actor_id=by)
