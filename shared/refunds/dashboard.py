"""Refunds that somebody has made at a gateway's dashboard: the money has left, and is booked at once.

It first offsets the owed and unsent refunds of the same payment, then those of the order's sale: whoever has got back
more than a payment brought has been paid for the tickets. The rest waits in the suspense account `dashboard_refunds`
until the order's items are returned, or a person decides. Every function takes an open transaction with the order
locked; the same total reported twice is booked once.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.accounting import ledger
from shared.accounting.accounts import Account
from shared.cloud import manual_tasks
from shared.cloud.database import Transaction
from shared.gateways.statuses import GatewayPaymentStatus
from shared.refunds import records as refund_records
from shared.refunds.records import Refund
from shared.states import RefundKind

_IS_BOOKED = """
    (r.kind = 'by_gateway' OR (r.method = 'gateway' AND EXISTS (
        SELECT 1 FROM ledger_postings l
        WHERE l.kind IN ('refund_paid_by_hand', 'refund_paid_at_dashboard') AND l.reference_id = r.id)))
"""
_OF_PAYMENT = text(f"""
    SELECT CAST(r.id AS text) AS id, r.amount, {_IS_BOOKED} AS is_booked,
        COALESCE(r.method = 'gateway', false) AND r.status IN ('processing', 'completed') AS was_sent
    FROM refunds r  -- Uses index: refunds_payment
    WHERE r.payment_id = :payment_id AND NOT (r.kind = 'by_gateway' AND r.status = 'rejected')
""")
_OWED = text("""
    SELECT r.id FROM refunds r
    WHERE r.order_id = (SELECT order_id FROM payments WHERE id = :payment_id)
        AND (r.payment_id = :payment_id OR r.kind = ANY(:of_sale))
        AND r.status IN ('approved', 'failed') AND NOT EXISTS (
            SELECT 1 FROM disbursements d WHERE d.refund_id = r.id AND d.status IN ('sending', 'succeeded'))
    ORDER BY r.payment_id <> :payment_id, r.created_at, r.id
""")
_OF_ORDER = text("""
    SELECT COALESCE(sum(r.amount), 0) FROM refunds r JOIN payments p ON p.id = r.payment_id
    WHERE r.order_id = :order_id AND r.kind = 'by_gateway' AND r.status = 'completed' AND p.status = 'paid'
""")
_PAYMENTS = text("SELECT id FROM payments WHERE order_id = :order_id")
_TASKS = ("payment_refunded", "payment_partially_refunded")

GIVES_BACK_SALE = (RefundKind.REQUESTED, RefundKind.CANCELLATION)
"""The kinds of refunds that give back what an order had bought, whichever of its payments they are of."""


@dataclass(frozen=True)
class _Returned:
    """A refund of a payment: booked as made at the dashboard, or ours, which has left through the gateway or not."""

    id: str
    amount: int
    is_booked: bool
    was_sent: bool


def booked_amount(tx: Transaction, payment_id: UUID) -> int:
    """The booked dashboard refunds of a payment, in rupiah."""
    return sum(row.amount for row in _rows(tx, payment_id) if row.is_booked)


def unbooked_amount(tx: Transaction, payment_id: UUID, reported: GatewayPaymentStatus) -> int:
    """The dashboard refunds of a payment that are not booked yet, in rupiah: refunded there, and not by us."""
    rows = _rows(tx, payment_id)
    ours = {row.id: row for row in rows if not row.is_booked}
    if reported.refunded_by_key:
        by_us = sum(amount for key, amount in reported.refunded_by_key.items() if key in ours)
    else:
        by_us = sum(row.amount for row in ours.values() if row.was_sent)
    elsewhere = reported.refunded_amount - by_us
    return elsewhere - sum(row.amount for row in rows if row.is_booked)


def record(tx: Transaction, payment_id: UUID, gateway: str, amount: int, *, against: str, reason: str) -> int:
    """Book a dashboard refund of `amount`; return what exceeds the owed refunds, booked on the account `against`."""
    left, paid = amount, 0
    for refund in _owed(tx, payment_id):
        if refund.payment_id != payment_id or not refund.amount:
            continue
        if refund.amount <= left:
            refund_records.complete_at_dashboard(tx, refund)
            left -= refund.amount
        elif left:
            refund_records.reduce(tx, refund, left)
            left, paid = 0, paid + left
    if not left + paid:
        return 0
    order_id = _record(tx, payment_id, gateway, paid, left, against, reason)
    if left and against == Account.DASHBOARD_REFUNDS:
        offset_owed_refunds(tx, payment_id)
        left = min(left, ledger.suspense_amount(tx, order_id))
    return left


def offset_owed_refunds(tx: Transaction, payment_id: UUID) -> None:
    """Offset the owed and unsent refunds of a payment, and of its order's sale, against money in suspense."""
    for refund in _owed(tx, payment_id):
        offset_refund(tx, refund)


def offset_refund(tx: Transaction, refund: Refund) -> None:
    """Offset one refund, which neither gateway nor bank has received."""
    amount = min(refund.amount, suspense_amount(tx, refund))
    if amount <= 0:
        return
    if amount == refund.amount <= _suspense_of_payment(tx, refund):
        ledger.post_paid_from_suspense(tx, refund.id, amount, order_id=refund.order_id)
        refund_records.reattribute(tx, refund.payment_id, amount)
        refund_records.complete_at_dashboard(tx, refund, is_booked=True)
    else:
        ledger.post_reduced_from_suspense(tx, refund.id, amount, order_id=refund.order_id)
        refund_records.reduce(tx, refund, amount)
    if not ledger.suspense_amount(tx, refund.order_id):
        close_tasks(tx, refund.order_id)


def close_tasks(tx: Transaction, order_id: UUID, *, by: UUID | None = None) -> None:
    """Close the tasks about an order's dashboard refunds, as none of their money waits any more."""
    payment_ids = tx.execute(_PAYMENTS, {"order_id": order_id}).scalars().all()
    manual_tasks.close_kinds(tx, _TASKS, payment_ids, by=by)


def suspense_amount(tx: Transaction, refund: Refund) -> int:
    """The money in suspense that pays a refund, in rupiah: its order's if it is of the sale, else its payment's."""
    if refund.kind in GIVES_BACK_SALE:
        return ledger.suspense_amount(tx, refund.order_id)
    return _suspense_of_payment(tx, refund)


def _suspense_of_payment(tx: Transaction, refund: Refund) -> int:
    by_payment = ledger.suspense_amount_of_payment(tx, refund.order_id, refund.payment_id)
    return min(by_payment, ledger.suspense_amount(tx, refund.order_id))


def of_order(tx: Transaction, order_id: UUID) -> int:
    """The dashboard refunds of an order's sale, in rupiah."""
    return int(tx.execute(_OF_ORDER, {"order_id": order_id}).scalar_one())


def _record(tx: Transaction, payment_id: UUID, gateway: str, paid: int, left: int, against: str, reason: str) -> UUID:
    """Record a dashboard refund and book it; return its order."""
    refund: Refund = refund_records.record_gateway_refund(tx, payment_id, paid + left, reason)
    ledger.post_dashboard_refund(
        tx, refund.id, gateway, paid=paid, left=left, against=against, order_id=refund.order_id
    )
    return refund.order_id


def _owed(tx: Transaction, payment_id: UUID) -> list[Refund]:
    """The owed and unsent refunds of a payment, then those of its order's sale."""
    ids = tx.execute(_OWED, {"payment_id": payment_id, "of_sale": list(GIVES_BACK_SALE)}).scalars().all()
    return [refund_records.read(tx, each) for each in ids]


def _rows(tx: Transaction, payment_id: UUID) -> list[_Returned]:
    return [_Returned(**row._mapping) for row in tx.execute(_OF_PAYMENT, {"payment_id": payment_id})]
