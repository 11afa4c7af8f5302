"""Money that goes back. Here: a payment that can't be used goes back in full (LATE-1).

The row comes first and the gateway is called with the row's id as key, so that a repeat after a crash
can't pay twice. What a gateway can't send back by itself (a bank transfer) becomes a manual task.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit, manual_tasks, outbox
from shared.cloud.database import Transaction, transaction
from shared.gateways import accounts
from shared.gateways.errors import GatewayRefused
from shared.gateways.facts import RefundFact, RefundState
from shared.money import ledger

log = logging.getLogger(__name__)

REASON = "The payment came too late or twice, and is returned in full."

_OWE = text("""
    INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status)
    SELECT order_id, p.id, o.user_id, 'unusable_payment', p.received_amount, :reason, 'approved'
    FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.id = :payment_id
    ON CONFLICT (payment_id) WHERE kind = 'unusable_payment' DO NOTHING
    RETURNING id, amount
""")
_TAKEN_BACK = text("""
    INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status)
    SELECT order_id, p.id, o.user_id, 'by_gateway', p.received_amount, :reason, 'completed'
    FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.id = :payment_id
    RETURNING id
""")
_BEGIN = text("""
    UPDATE refunds SET status = 'processing', updated_at = now()
    WHERE id = :id AND status IN ('approved', 'processing')
""")
_READ = text("""
    SELECT r.id, r.order_id, r.payment_id, r.amount, r.status, r.gateway_refund_id, p.gateway,
        p.gateway_reference, p.external_id
    FROM refunds r JOIN payments p ON p.id = r.payment_id
    WHERE r.id = :id
""")
_OF_PAYMENT = text("SELECT id FROM refunds WHERE payment_id = :payment_id AND kind = 'unusable_payment'")
_OF_GATEWAY = text("""
    SELECT payment_id FROM refunds WHERE gateway_refund_id = :reference OR CAST(id AS text) = :ours LIMIT 1
""")
_SENT = text("""
    UPDATE refunds SET gateway_refund_id = :gateway_refund_id, updated_at = now() WHERE id = :id
""")
_COMPLETED = text("""
    UPDATE refunds SET status = 'completed', failure = NULL, updated_at = now()
    WHERE id = :id AND status <> 'completed'
    RETURNING id
""")
_FAILED = text("""
    UPDATE refunds SET status = 'failed', failure = :failure, updated_at = now()
    WHERE id = :id AND status <> 'completed'
""")
_PAYMENT_REFUNDED = text("UPDATE payments SET status = 'refunded', updated_at = now() WHERE id = :payment_id")


@dataclass(frozen=True)
class Refund:
    """A refund with what its gateway must know. `amount` in rupiah."""

    id: UUID
    order_id: UUID
    payment_id: UUID
    amount: int
    status: str
    gateway_refund_id: str | None
    gateway: str
    gateway_reference: str | None
    external_id: str


def owe_unusable_payment(tx: Transaction, payment_id: UUID, gateway: str, *, order_id: UUID) -> UUID | None:
    """Owe a customer the whole of a payment that buys nothing; None where we do already."""
    row = tx.execute(_OWE, {"payment_id": payment_id, "reason": REASON}).first()
    if row is None:
        return None
    ledger.post_to_refund(tx, payment_id, gateway, row.amount, order_id=order_id)
    audit.record(tx, "refund.approved", subject="refund", subject_id=row.id, amount=row.amount, order_id=order_id)
    outbox.add(tx, "refund.approved", {"refund_id": row.id})
    refund_id: UUID = row.id
    return refund_id


def record_taken_back(tx: Transaction, payment_id: UUID, reason: str) -> None:
    """Note a refund that was made at the gateway without us."""
    refund_id = tx.execute(_TAKEN_BACK, {"payment_id": payment_id, "reason": reason}).scalar_one()
    tx.execute(_PAYMENT_REFUNDED, {"payment_id": payment_id})
    audit.record(tx, "refund.by_gateway", subject="refund", subject_id=refund_id)


def pay_back(refund_id: UUID) -> str:
    """Send an approved refund through its gateway; return its status afterwards. Safe to repeat.

    Raises GatewayUnavailable where the gateway gave no answer: call again.
    """
    with transaction() as tx:
        tx.execute(_BEGIN, {"id": refund_id})
        refund = _read(tx, refund_id)
    if refund.status != "processing":
        return refund.status
    try:
        fact = _SEND[refund.gateway](refund)
    except GatewayRefused as refused:
        with transaction() as tx:
            _fail(tx, refund, refused.code)
        return "failed"
    with transaction() as tx:
        return apply(tx, refund_id, fact)


def apply(tx: Transaction, refund_id: UUID, fact: RefundFact) -> str:
    """Book what the gateway says of a refund; the same fact twice changes nothing."""
    refund = _read(tx, refund_id)
    tx.execute(_SENT, {"id": refund_id, "gateway_refund_id": fact.gateway_reference})
    if fact.state is RefundState.SUCCEEDED:
        return complete(tx, refund)
    if fact.state is RefundState.FAILED and refund.status != "completed":
        _fail(tx, refund, fact.failure_code or fact.raw_status)
        return "failed"
    return refund.status


def complete(tx: Transaction, refund: Refund) -> str:
    """The money is back with the customer: close the refund, the payment and the debt."""
    if tx.execute(_COMPLETED, {"id": refund.id}).first():
        tx.execute(_PAYMENT_REFUNDED, {"payment_id": refund.payment_id})
        ledger.post_refunded(tx, refund.id, refund.gateway, refund.amount, order_id=refund.order_id)
        audit.record(tx, "refund.completed", subject="refund", subject_id=refund.id, amount=refund.amount)
        outbox.add(tx, "refund.processed", {"refund_id": refund.id, "order_id": refund.order_id})
    return "completed"


def of_payment(tx: Transaction, payment_id: UUID) -> Refund | None:
    """The refund of an unusable payment, if there is one."""
    found = tx.execute(_OF_PAYMENT, {"payment_id": payment_id}).scalar_one_or_none()
    return _read(tx, found) if found else None


def payment_named_by(tx: Transaction, fact: RefundFact) -> UUID | None:
    """The payment whose refund a gateway's webhook is about, by its id there or by ours."""
    names = {"reference": fact.gateway_reference, "ours": fact.reference}
    found: UUID | None = tx.execute(_OF_GATEWAY, names).scalar()
    return found


def ask_about(payment_id: UUID) -> str:
    """Ask the gateway what became of a payment's refund, and book it; return the refund's status.

    Raises GatewayUnavailable where the gateway gave no answer: call again.
    """
    with transaction() as tx:
        refund = of_payment(tx, payment_id)
    if refund is None or refund.status != "processing":
        return refund.status if refund else "none"
    fact = _ASK[refund.gateway](refund)
    if fact is None:
        return refund.status
    with transaction() as tx:
        return apply(tx, refund.id, fact)


def _read(tx: Transaction, refund_id: UUID) -> Refund:
    return Refund(**tx.execute(_READ, {"id": refund_id}).one()._mapping)


def _fail(tx: Transaction, refund: Refund, failure: str) -> None:
    log.warning("refund.failed", extra={"refund_id": str(refund.id), "failure": failure})
    tx.execute(_FAILED, {"id": refund.id, "failure": failure})
    audit.record(tx, "refund.failed", subject="refund", subject_id=refund.id, failure=failure)
    manual_tasks.add(
        tx, "refund_by_hand", subject="refund", subject_id=refund.id, failure=failure, amount=refund.amount
    )


def _by_xendit(refund: Refund) -> RefundFact:
    return accounts.xendit().refund(
        invoice_id=refund.gateway_reference or "",
        amount=refund.amount,
        reference_id=str(refund.id),
        idempotency_key=str(refund.id),
        reason="DUPLICATE",
    )


def _by_midtrans(refund: Refund) -> RefundFact:
    return accounts.midtrans().refund(
        order_id=refund.external_id, amount=refund.amount, refund_key=str(refund.id), reason=REASON
    )


_SEND: dict[str, Callable[[Refund], RefundFact]] = {"xendit": _by_xendit, "midtrans": _by_midtrans}


def _asked_of_xendit(refund: Refund) -> RefundFact | None:
    return accounts.xendit().refund_fact(refund.gateway_refund_id) if refund.gateway_refund_id else None


def _asked_of_midtrans(refund: Refund) -> RefundFact | None:
    return accounts.midtrans().refund_fact(refund.external_id, str(refund.id))


_ASK: dict[str, Callable[[Refund], RefundFact | None]] = {
    "xendit": _asked_of_xendit,
    "midtrans": _asked_of_midtrans,
}
