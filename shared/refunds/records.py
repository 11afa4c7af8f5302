"""Refunds: the rows and their transitions. Every function takes an open transaction with the order locked.

    requested ──► approved ──► processing ──► completed
        │             ▲             │
        └─► rejected  └── failed ◄──┘      retried under the same debt

Requests and decisions are in `requests` and `approval`, sending in `execution`.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud import audit, manual_tasks, outbox
from shared.cloud.database import Transaction
from shared.field_types import as_uuid
from shared.gateways import registry
from shared.gateways.statuses import GatewayRefundState, GatewayRefundStatus
from shared.payments import records as payment_records
from shared.problems import NotFound
from shared.rupiah import percent_of
from shared.sales import orders
from shared.states import OrderStatus, RefundKind, RefundMethod, RefundStatus

log = logging.getLogger(__name__)

BACK_PERCENT = 90
"""The percentage of the price that a buyer's request gives back (PS-018)."""
OPEN = (RefundStatus.APPROVED, RefundStatus.PROCESSING, RefundStatus.FAILED)
"""The states of a refund that is owed and not completed."""

_COLUMNS = """
    r.id, r.order_id, r.payment_id, r.user_id, r.kind, r.amount, r.status, r.method, r.reason, r.gateway_refund_id,
    ARRAY(SELECT order_item_id FROM refund_items WHERE refund_id = r.id) AS item_ids,
    COALESCE((SELECT sum(amount) FROM refund_items WHERE refund_id = r.id), 0) AS items_amount,
    p.gateway, p.gateway_reference, p.external_id, COALESCE(p.channel, p.payment_method) AS channel
"""
_READ = text(f"SELECT {_COLUMNS} FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.id = :id")
_OF_PAYMENT = text(f"""
    SELECT {_COLUMNS} FROM refunds r JOIN payments p ON p.id = r.payment_id  -- Uses index: refunds_payment
    WHERE r.payment_id = :payment_id AND r.method IS DISTINCT FROM 'disbursement'
      AND r.status IN ('approved', 'processing', 'completed')
    ORDER BY r.created_at, r.id
""")
_INSERT_GATEWAY_REFUND = text("""
    INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status, decided_at, method)
    SELECT order_id, p.id, o.user_id, 'by_gateway', :amount, :reason, 'completed', now(), 'gateway'
    FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.id = :payment_id
    RETURNING id, order_id
""")
_ADD = text("""
    INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status)
    SELECT o.id, p.id, o.user_id, :kind, :amount, :reason, 'requested'
    FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.id = :payment_id
    RETURNING id
""")
_ADD_ITEM = text("""
    INSERT INTO refund_items (refund_id, order_item_id, amount) VALUES (:refund_id, :item_id, :amount)
""")
_REJECTED = text("""
    UPDATE refunds SET status = 'rejected', approved_by = :by, rejection_reason = :reason, decided_at = now(),
        updated_at = now()
    WHERE id = :id
""")
_FREE_ITEMS = text("UPDATE refund_items SET is_rejected = true WHERE refund_id = :id")
_WAITING = text("""
    UPDATE refunds SET status = 'approved', method = 'disbursement', failure = :failure, updated_at = now()
    WHERE id = :id
""")
_NAMED = text(
    "UPDATE refunds SET gateway_refund_id = :name WHERE id = :id AND gateway_refund_id IS DISTINCT FROM :name"
)
_COMPLETED = text("""
    UPDATE refunds SET status = 'completed', failure = NULL, updated_at = now()
    WHERE id = :id AND status <> 'completed'
    RETURNING id
""")
_COMPLETED_MANUALLY = text("""
    UPDATE refunds SET status = 'completed', method = :method, failure = NULL, sent_at = COALESCE(sent_at, now()),
        updated_at = now()
    WHERE id = :id
""")
_FAILED = text("""
    UPDATE refunds SET status = 'failed', failure = :failure, updated_at = now() WHERE id = :id
""")
_ALL_BACK = text("""
    SELECT NOT EXISTS (SELECT 1 FROM order_items WHERE order_id = :order_id AND returned_at IS NULL)
       AND NOT EXISTS (
        SELECT 1 FROM refunds WHERE order_id = :order_id AND status IN ('approved', 'processing', 'failed'))
""")
_REFUNDABLE = text("""
    WITH of_sale AS (SELECT p.id, p.received_amount FROM payments p WHERE p.order_id = :order_id AND p.status = 'paid'
            AND (p.gateway = 'none' OR p.review_decision IN ('accepted', 'topped_up')
                OR EXISTS (SELECT 1 FROM ledger_postings l WHERE l.kind = 'sale' AND l.reference_id = p.id)))
    SELECT (SELECT id FROM of_sale ORDER BY received_amount DESC, id LIMIT 1) AS payment_id,
        COALESCE((SELECT sum(e.amount) FROM ledger_postings l JOIN ledger_entries e ON e.posting_id = l.id
            WHERE l.order_id = :order_id AND l.kind = 'sale'
                AND (e.account LIKE 'gateway_clearing:%' OR e.account = 'unallocated')), 0) AS received,
        ARRAY(SELECT unit_price - discount FROM order_items WHERE order_id = :order_id) AS prices,
        COALESCE(sum(r.amount) FILTER (WHERE r.kind = 'requested' AND r.status <> 'rejected'), 0) AS requested,
        COALESCE(sum(r.amount) FILTER (WHERE r.kind = 'cancellation' AND r.status <> 'rejected'), 0) AS cancelled,
        COALESCE(sum(r.amount) FILTER (
            WHERE r.kind = 'by_gateway' AND r.status = 'completed' AND r.payment_id IN (SELECT id FROM of_sale)), 0)
        + COALESCE((SELECT sum(e.amount) FROM ledger_postings l JOIN ledger_entries e ON e.posting_id = l.id
            JOIN refunds u ON u.id = l.reference_id
            WHERE l.order_id = :order_id AND e.account = 'dashboard_refunds'
                AND u.payment_id NOT IN (SELECT id FROM of_sale)), 0) AS at_dashboard
    FROM refunds r WHERE r.order_id = :order_id
""")
_REDUCED = text("UPDATE refunds SET amount = amount - :amount, updated_at = now() WHERE id = :id")
_BY_GATEWAY = text("""
    SELECT id, amount FROM refunds  -- Uses index: refunds_payment
    WHERE payment_id = :payment_id AND kind = 'by_gateway' AND status = 'completed' ORDER BY created_at DESC, id
""")
_REATTRIBUTED = text("""
    UPDATE refunds SET status = 'rejected', rejection_reason = 'It has paid another refund of this payment.',
        updated_at = now()
    WHERE id = :id
""")
_WOULD_EXCEED = text("""
    SELECT r.amount + COALESCE((SELECT sum(amount) FROM refunds
            WHERE order_id = r.order_id AND id <> r.id AND status IN ('processing', 'completed')), 0)
        > COALESCE((SELECT sum(received_amount) FROM payments WHERE order_id = r.order_id), 0)
    FROM refunds r WHERE r.id = :id
""")
_REQUESTED = text("""
    SELECT id FROM refunds WHERE order_id = :order_id AND status = 'requested' ORDER BY id
""")
_MOVE = text("""
    UPDATE refunds SET user_id = :to_user, updated_at = now()
    WHERE user_id = :from_user  -- Uses index: refunds_user
    RETURNING id, status
""")
_ANY_OF_OURS = text("""
    SELECT EXISTS (SELECT 1 FROM refunds WHERE order_id = :order_id AND status <> 'rejected' AND kind <> 'by_gateway')
""")
_TOO_MUCH = text("""
    SELECT COALESCE((SELECT sum(amount) FROM refunds WHERE order_id = :order_id AND status <> 'rejected'), 0)
        > COALESCE((SELECT sum(received_amount) FROM payments WHERE order_id = :order_id), 0)
""")
_ANY = text("SELECT EXISTS (SELECT 1 FROM refunds WHERE order_id = :order_id AND status <> 'rejected')")
_FIND_BY_REFERENCE = text("""
    SELECT id, payment_id FROM refunds WHERE gateway_refund_id = :reference  -- Uses index: refunds_gateway_refund_id
    UNION SELECT id, payment_id FROM refunds WHERE id = :ours
    LIMIT 1
""")


@dataclass(frozen=True)
class Refund:
    """A refund with what its gateway needs. `amount` in rupiah; `channel` is how the buyer had paid."""

    id: UUID
    order_id: UUID
    payment_id: UUID
    user_id: UUID
    kind: str
    amount: int
    status: str
    method: str | None
    reason: str
    gateway_refund_id: str | None
    item_ids: list[UUID]
    """The order items that it gives back."""
    items_amount: int
    """The amount requested for them: more than `amount` if some of it was refunded otherwise."""
    gateway: str
    gateway_reference: str | None
    external_id: str
    channel: str

    @property
    def was_sent(self) -> bool:
        """True if it was handed to the gateway or the bank."""
        return self.status in (RefundStatus.PROCESSING, RefundStatus.COMPLETED)


def read(tx: Transaction, refund_id: UUID) -> Refund:
    """A refund as it is. Raises NotFound."""
    row = tx.execute(_READ, {"id": refund_id}).first()
    if row is None:
        raise NotFound
    return Refund(**row._mapping)


def gateway_refunds_of(tx: Transaction, payment_id: UUID) -> list[Refund]:
    """The refunds of a payment that went, are going, or are to go through its gateway."""
    return [Refund(**row._mapping) for row in tx.execute(_OF_PAYMENT, {"payment_id": payment_id})]


def has_any(tx: Transaction, order_id: UUID) -> bool:
    """True if an order has any refund that is not rejected."""
    found: bool = tx.execute(_ANY, {"order_id": order_id}).scalar_one()
    return found


def has_own(tx: Transaction, order_id: UUID) -> bool:
    """Like `has_any`, dashboard refunds aside."""
    found: bool = tx.execute(_ANY_OF_OURS, {"order_id": order_id}).scalar_one()
    return found


def exceeds_received(tx: Transaction, order_id: UUID) -> bool:
    """True if the refunds of an order exceed what was received, because of dashboard refunds."""
    found: bool = tx.execute(_TOO_MUCH, {"order_id": order_id}).scalar_one()
    return found


def would_exceed_received(tx: Transaction, refund_id: UUID) -> bool:
    """True if this refund would bring the sent refunds of its order above what was received."""
    found: bool = tx.execute(_WOULD_EXCEED, {"id": refund_id}).scalar_one()
    return found


def refundable(tx: Transaction, order_id: UUID, *, is_whole: bool) -> tuple[UUID | None, int]:
    """The payment by which an order is refunded, and the rupiah that may still be refunded.

    Of several payments it is the one that brought most; for a free order it is the payment of Rp 0. The limit is what
    came in (the price with its fees, unless an admin accepted a payment of more or less) without what is refunded or
    requested back already, or went back at a dashboard, also beyond the debt of a payment that bought nothing. After a
    refund at a gateway's dashboard the sum is limited to nine tenths of the price of all items (PS-018), unless the
    `is_whole` sale is undone.
    """
    row = tx.execute(_REFUNDABLE, {"order_id": order_id}).one()
    left = int(row.received - row.requested - row.cancelled - row.at_dashboard)
    if row.at_dashboard and not is_whole:
        rule = sum(percent_of(price, BACK_PERCENT) for price in row.prices)
        left = min(left, rule - int(row.requested + row.at_dashboard))
    return row.payment_id, left


def find_by_reference(tx: Transaction, reported: GatewayRefundStatus) -> tuple[UUID, UUID] | None:
    """The refund that a webhook is about, by the gateway's id or ours, and its payment."""
    names = {"reference": reported.gateway_reference, "ours": as_uuid(reported.reference)}
    row = tx.execute(_FIND_BY_REFERENCE, names).first()
    return (row.id, row.payment_id) if row else None


def record_reversal(tx: Transaction, payment_id: UUID, amount: int, reason: str) -> None:
    """Record that the last `amount` of a payment was refunded by its gateway, and tell the buyer."""
    record_gateway_refund(tx, payment_id, amount, reason)
    payment_records.mark_refunded(tx, payment_id)


def record_gateway_refund(tx: Transaction, payment_id: UUID, amount: int, reason: str) -> Refund:
    """Record a refund that was made at the gateway without us, and tell the buyer."""
    values = {"payment_id": payment_id, "amount": amount, "reason": reason}
    refund_id, order_id = tx.execute(_INSERT_GATEWAY_REFUND, values).one()
    audit.record(tx, "refund.by_gateway", subject="refund", subject_id=refund_id, amount=amount)
    outbox.add(tx, "refund.processed", {"refund_id": refund_id, "order_id": order_id})
    return read(tx, refund_id)


def complete_at_dashboard(tx: Transaction, refund: Refund, *, is_booked: bool = False) -> None:
    """Complete a refund that was sent in full at the dashboard of the payment's gateway."""
    tx.execute(_COMPLETED_MANUALLY, {"id": refund.id, "method": RefundMethod.GATEWAY})
    if not is_booked:
        ledger.post_refund_paid(tx, refund.id, refund.gateway, refund.amount, order_id=refund.order_id, is_manual=True)
    audit.record(tx, "refund.by_gateway", subject="refund", subject_id=refund.id, amount=refund.amount)
    _close(tx, refund)


def reattribute(tx: Transaction, payment_id: UUID, amount: int) -> None:
    """Attribute `amount` of a payment's dashboard refunds to another refund of the same payment."""
    left = amount
    for row in tx.execute(_BY_GATEWAY, {"payment_id": payment_id}).all():
        taken = min(left, int(row.amount))
        tx.execute(_REATTRIBUTED if taken == row.amount else _REDUCED, {"id": row.id, "amount": taken})
        left -= taken
        if not left:
            return


def reduce(tx: Transaction, refund: Refund, amount: int) -> None:
    """Reduce a refund by `amount`, which has gone back otherwise; complete an owed one of which nothing is left."""
    tx.execute(_REDUCED, {"id": refund.id, "amount": amount})
    audit.record(tx, "refund.reduced", subject="refund", subject_id=refund.id, amount=amount)
    if amount == refund.amount and refund.status in OPEN:
        complete_without_money(tx, refund)


def move(tx: Transaction, from_user: UUID, to_user: UUID) -> None:
    """Give the refunds of an account to another one; those that wait for a bank account look for its."""
    for refund in tx.execute(_MOVE, {"from_user": from_user, "to_user": to_user}).all():
        if refund.status == RefundStatus.APPROVED:
            outbox.add(tx, "refund.approved", {"refund_id": refund.id})


def add(tx: Transaction, payment_id: UUID, kind: str, amount: int, reason: str, items: Mapping[UUID, int]) -> Refund:
    """Add a requested refund of `items` (to the amount of each).

    The database refuses an item that another refund has, and more than came in.
    """
    refund_id: UUID = tx.execute(
        _ADD, {"payment_id": payment_id, "kind": kind, "amount": amount, "reason": reason}
    ).scalar_one()
    rows = [{"refund_id": refund_id, "item_id": item_id, "amount": each} for item_id, each in items.items()]
    if rows:
        tx.execute(_ADD_ITEM, rows)
    return read(tx, refund_id)


def reject(tx: Transaction, refund: Refund, reason: str, *, by: UUID | None) -> None:
    """Reject a requested refund; its items may be requested again, or go back for another reason."""
    tx.execute(_REJECTED, {"id": refund.id, "by": by, "reason": reason})
    tx.execute(_FREE_ITEMS, {"id": refund.id})
    manual_tasks.close(tx, refund.id, by=by)
    audit.record(tx, "refund.rejected", subject="refund", subject_id=refund.id, actor_id=by)


def reject_requested(tx: Transaction, order_id: UUID, reason: str) -> None:
    """Reject the undecided refunds of an order, as the whole order is refunded otherwise."""
    for refund_id in tx.execute(_REQUESTED, {"order_id": order_id}).scalars().all():
        reject(tx, read(tx, refund_id), reason, by=None)


def switch_to_transfer(tx: Transaction, refund: Refund, failure: str | None) -> None:
    """Send a refund to the buyer's bank account instead, as the gateway can't (PS-017)."""
    tx.execute(_WAITING, {"id": refund.id, "failure": failure})
    if refund.method != RefundMethod.TRANSFER:
        audit.record(tx, "refund.by_disbursement", subject="refund", subject_id=refund.id, failure=failure)


def apply(tx: Transaction, refund: Refund, reported: GatewayRefundStatus) -> GatewayRefundState:
    """Book the status that the gateway reports of a refund; the same status twice changes nothing.

    FAILED is left to the caller, which may send it another way.
    """
    tx.execute(_NAMED, {"id": refund.id, "name": reported.gateway_reference})
    if reported.state is GatewayRefundState.SUCCEEDED:
        complete_by_gateway(tx, refund)
    return reported.state


def complete_by_gateway(tx: Transaction, refund: Refund) -> None:
    """Complete a refund that the gateway has sent, and close the debt to the buyer."""
    if tx.execute(_COMPLETED, {"id": refund.id}).first():
        ledger.post_refund_paid(tx, refund.id, refund.gateway, refund.amount, order_id=refund.order_id)
        _close(tx, refund)


def complete_without_money(tx: Transaction, refund: Refund) -> None:
    """Complete a refund of which nothing is left to send. Its items are returned already."""
    if tx.execute(_COMPLETED, {"id": refund.id}).first():
        _close(tx, refund)


def complete_by_transfer(tx: Transaction, refund: Refund) -> None:
    """Complete a refund that has arrived in the buyer's bank account; its transfer is booked already."""
    if tx.execute(_COMPLETED, {"id": refund.id}).first():
        _close(tx, refund)


def complete_manually(tx: Transaction, refund: Refund, gateway: str, note: str, *, by: UUID) -> None:
    """Complete a waiting or failed refund that a person has sent at a gateway's dashboard.

    There the payment was refunded, if the gateway can do that; else the transfer gateway paid a bank account.
    """
    is_refunded = gateway == refund.gateway and (gateway != registry.TRANSFERS or refund.method == RefundMethod.GATEWAY)
    method = RefundMethod.GATEWAY if is_refunded else RefundMethod.TRANSFER
    tx.execute(_COMPLETED_MANUALLY, {"id": refund.id, "method": method})
    ledger.post_refund_paid(tx, refund.id, gateway, refund.amount, order_id=refund.order_id, is_manual=True)
    audit.record(
        tx, "refund.paid_by_hand", subject="refund", subject_id=refund.id, actor_id=by, through=gateway, note=note
    )
    manual_tasks.close(tx, refund.id, by=by)
    _close(tx, refund)


def fail(tx: Transaction, refund: Refund, failure: str) -> None:
    """Mark a refund as failed: the debt stays, and it can be sent again (PS-025)."""
    log.warning("refund.failed", extra={"refund_id": str(refund.id), "failure": failure})
    tx.execute(_FAILED, {"id": refund.id, "failure": failure})
    audit.record(tx, "refund.failed", subject="refund", subject_id=refund.id, failure=failure)


def requeue(tx: Transaction, refund: Refund) -> None:
    """Enqueue a waiting or failed refund again."""
    outbox.add(tx, "refund.approved", {"refund_id": refund.id})


def close_order(tx: Transaction, order_id: UUID) -> None:
    """Lock an order, and mark it and its payments as refunded if it is paid, whatever of its items was not returned."""
    order = orders.lock(tx, order_id)
    if order.status == OrderStatus.PAID:
        payment_records.mark_all_refunded(tx, order_id)
        orders.mark_refunded(tx, order)


def finish_order(tx: Transaction, order_id: UUID) -> None:
    """Close a locked order whose items are all returned and whose refunds are all completed (PS-019)."""
    if tx.execute(_ALL_BACK, {"order_id": order_id}).scalar_one():
        close_order(tx, order_id)


def _close(tx: Transaction, refund: Refund) -> None:
    if refund.kind in (RefundKind.UNUSABLE_PAYMENT, RefundKind.REVIEW):
        payment_records.mark_refunded(tx, refund.payment_id)
    audit.record(tx, "refund.completed", subject="refund", subject_id=refund.id, amount=refund.amount)
    manual_tasks.close(tx, refund.id, by=None)
    outbox.add(tx, "refund.processed", {"refund_id": refund.id, "order_id": refund.order_id})
    finish_order(tx, refund.order_id)
