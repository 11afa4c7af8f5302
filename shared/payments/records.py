"""Payments of orders at gateways: recorded before the gateway is called, so that a crash loses none.

opening ──► pending ──► paid ──► refunded
   │           │
   └──► expired / failed
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud import audit, manual_tasks, outbox
from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.gateways.statuses import KEEPS_MONEY, GatewayPaymentState, GatewayPaymentStatus, OpenedPayment
from shared.problems import NotFound, TryAgain, violated_constraint
from shared.sales.orders import Order
from shared.states import PaymentStatus

ReviewDecision = Literal["accepted", "refunded"]

CLAIM_SECONDS = 60
"""The time a checkout has for a gateway before another may take over: more than its time-outs, look-ups included."""
OPENING = "payment.opening"
"""The audit action of a new payment; its correlation id is that of the buyer's checkout."""

_IS_OPEN = "status IN ('opening', 'pending')"
_COLUMNS = f"""
    id, order_id, attempt, gateway, external_id, gateway_reference, payment_method, status, amount,
    COALESCE(unique_code, 0) AS unique_code, received_amount, snap_token, expires_at, created_at, duplicate_of,
    {_IS_OPEN} AS is_open, claimed_until, COALESCE(status = 'opening' AND claimed_until > now(), false) AS is_claimed
"""
_READ = text(f"SELECT {_COLUMNS} FROM payments WHERE id = :id")
_LOCK = text(f"SELECT {_COLUMNS} FROM payments WHERE id = :id FOR UPDATE")
_LOCK_OPEN = text(f"""
    SELECT {_COLUMNS} FROM payments WHERE order_id = :order_id AND {_IS_OPEN} FOR UPDATE
""")
_ADD = text(f"""
    INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, amount, unique_code, expires_at,
        claimed_until)
    SELECT :order_id, n, :gateway, CAST(:order_id AS text) || '-' || n, :payment_method, :amount, :unique_code,
        :expires_at, now() + make_interval(secs => :claim_seconds)
    FROM (SELECT COALESCE(max(attempt), 0) + 1 AS n FROM payments WHERE order_id = :order_id) AS next
    RETURNING {_COLUMNS}
""")
_ADD_DUPLICATE = text(f"""
    INSERT INTO payments (order_id, attempt, gateway, external_id, gateway_reference, payment_method, amount,
        unique_code, expires_at, status, ended_at, duplicate_of)
    SELECT order_id, (SELECT max(attempt) + 1 FROM payments WHERE order_id = p.order_id), gateway, external_id,
        :gateway_reference, payment_method, amount, unique_code, expires_at, 'expired', now(), id
    FROM payments p WHERE id = :id
    RETURNING {_COLUMNS}
""")
_CLAIM = text(f"""
    UPDATE payments SET claimed_until = now() + make_interval(secs => :claim_seconds) WHERE id = :id
    RETURNING {_COLUMNS}
""")
_RELEASE_CLAIM = text("UPDATE payments SET claimed_until = NULL WHERE id = :id AND claimed_until = :claimed_until")
_SET_REFERENCE = text("UPDATE payments SET gateway_reference = :gateway_reference WHERE id = :id")
_ADD_FREE = text("""
    INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, amount, received_amount,
        status, expires_at, paid_at)
    VALUES (:order_id, 1, 'none', CAST(:order_id AS text) || '-1', 'FREE', 0, 0, 'paid', :expires_at, now())
    RETURNING id
""")
_OPENED = text("""
    UPDATE payments SET status = CASE status WHEN 'opening' THEN 'pending' ELSE status END,
        gateway_reference = :gateway_reference, redirect_url = :redirect_url, snap_token = :snap_token,
        qr_string = :qr_string, va_number = :va_number, biller_code = :biller_code, claimed_until = NULL,
        updated_at = now()
    WHERE id = :id
""")
_PAID = text(f"""
    UPDATE payments SET status = 'paid', received_amount = :received_amount, channel = :channel,
        transaction_id = :transaction_id, paid_at = :paid_at, ended_at = NULL, must_end_at_gateway = false,
        gateway_reference = COALESCE(gateway_reference, :gateway_reference), updated_at = now()
    WHERE id = :id
    RETURNING {_COLUMNS}
""")
_ENDED = text("""
    UPDATE payments SET status = :status, failure = :failure, ended_at = now(), updated_at = now()
    WHERE id = :id
""")
_MUST_END = text("UPDATE payments SET must_end_at_gateway = true, updated_at = now() WHERE id = :id")
IS_SET_ASIDE = """
    EXISTS (SELECT 1 FROM ledger_postings l WHERE l.kind = 'unallocated_payment' AND l.reference_id = p.id)
"""
"""Condition on `payments p`: its amount did not match. Money in another currency is not booked as rupiah at all."""
_TOPPED_UP = text(f"""
    UPDATE payments p SET review_decision = 'topped_up', reviewed_at = now()
    WHERE order_id = :order_id AND received_amount <> amount AND review_decision IS NULL AND {IS_SET_ASIDE}
    RETURNING id
""")
_WAITS = text(f"SELECT p.review_decision IS NULL AND {IS_SET_ASIDE} FROM payments p WHERE p.id = :id")
_REVIEWED = text("""
    UPDATE payments SET review_decision = :decision, reviewed_at = now(), reviewed_by = :by, updated_at = now()
    WHERE id = :id AND review_decision IS NULL
""")
_REFUNDED = text("UPDATE payments SET status = 'refunded', updated_at = now() WHERE id = :id AND status = 'paid'")
_ALL_REFUNDED = text(f"""
    UPDATE payments p SET status = 'refunded', updated_at = now()
    WHERE order_id = :order_id AND status = 'paid' AND (review_decision IS NOT NULL OR NOT {IS_SET_ASIDE})
""")
_ENDED_AT_GATEWAY = text("UPDATE payments SET must_end_at_gateway = false WHERE id = :id")
_FIND_BY_REFERENCE = text("""
    SELECT id FROM payments WHERE gateway = :gateway
      AND (external_id = :external_id OR gateway_reference = :gateway_reference)
    ORDER BY COALESCE(gateway_reference = :gateway_reference, false) DESC, attempt LIMIT 1
""")
_ANY_SINCE = text("""
    SELECT EXISTS (SELECT 1 FROM payments  -- Uses index: payments_gateway_created
        WHERE gateway = :gateway AND created_at >= :since)
""")
_UNRECORDED = text("""
    SELECT reference FROM unnest(CAST(:references AS text[])) AS reference
    WHERE NOT EXISTS (SELECT 1 FROM payments WHERE gateway = :gateway AND gateway_reference = reference
        AND (received_amount IS NOT NULL OR reference <> ALL(CAST(:paid AS text[]))))
""")


@dataclass(frozen=True)
class Payment:
    """A row of payments. `amount` is requested, including `unique_code` (ISO-3), and `received_amount` was received.

    All are rupiah.
    """

    id: UUID
    order_id: UUID
    attempt: int
    gateway: str
    external_id: str
    gateway_reference: str | None
    payment_method: str
    status: str
    amount: int
    unique_code: int
    received_amount: int | None
    snap_token: str | None
    expires_at: datetime
    created_at: datetime
    duplicate_of: UUID | None
    is_open: bool
    """True if it could still be paid, as far as we know, when the row was read."""
    claimed_until: datetime | None
    is_claimed: bool
    """True if a checkout is opening it at its gateway, as far as we know."""

    @property
    def was_given_up(self) -> bool:
        """True if it ended here without money: its gateway must not take any for it."""
        return self.status in (PaymentStatus.EXPIRED, PaymentStatus.FAILED)


def read(tx: Transaction, payment_id: UUID) -> Payment:
    """A payment as it is. Raises NotFound."""
    row = tx.execute(_READ, {"id": payment_id}).first()
    if row is None:
        raise NotFound
    return Payment(**row._mapping)


def lock(tx: Transaction, payment_id: UUID) -> Payment:
    """Lock a payment; its order is locked before. Raises NotFound."""
    row = tx.execute(_LOCK, {"id": payment_id}).first()
    if row is None:
        raise NotFound
    return Payment(**row._mapping)


def lock_open(tx: Transaction, order_id: UUID) -> Payment | None:
    """The one payment of an order that is open, locked; the database allows no second."""
    row = tx.execute(_LOCK_OPEN, {"order_id": order_id}).first()
    return Payment(**row._mapping) if row else None


def find_by_reference(
    tx: Transaction, gateway: str, external_id: str | None, gateway_reference: str | None
) -> UUID | None:
    """The payment that a gateway names, by its own id or else by ours."""
    names = {"gateway": gateway, "external_id": external_id, "gateway_reference": gateway_reference}
    found: UUID | None = tx.execute(_FIND_BY_REFERENCE, names).scalar()
    return found


def add(tx: Transaction, order: Order, *, gateway: str, method: str, amount: int, expires_at: datetime) -> Payment:
    """Record a payment before its gateway is called, for `amount` rupiah (plus a unique code, if those are on).

    Its external id is the order's id and the number of the payment.
    """
    values = {
        "order_id": order.id,
        "gateway": gateway,
        "payment_method": method,
        "expires_at": expires_at,
        "claim_seconds": CLAIM_SECONDS,
    }
    for code in _codes():
        try:
            with tx.begin_nested():
                row = tx.execute(_ADD, {**values, "amount": amount + (code or 0), "unique_code": code}).one()
        except DBAPIError as error:
            if violated_constraint(error) == "one_open_unique_amount":
                continue
            raise
        audit.record(tx, OPENING, subject="payment", subject_id=row.id, actor_id=order.user_id, gateway=gateway)
        return Payment(**row._mapping)
    raise TryAgain("Too many people are paying this very amount. Try again in a minute.", retry_after_seconds=60)


def _codes() -> Iterable[int | None]:
    """The unique codes to add to an amount, in random order, so that no open payment has the same amount (ISO-3)."""
    if settings().unique_codes != "on":
        return (None,)
    return random.sample(range(1, 1000), 999)


def claim(tx: Transaction, payment: Payment) -> Payment:
    """Take over a payment that is opening, from a checkout that failed or died."""
    return Payment(**tx.execute(_CLAIM, {"id": payment.id, "claim_seconds": CLAIM_SECONDS}).one()._mapping)


def release_claim(tx: Transaction, payment: Payment) -> None:
    """Release a claim, so that the next checkout need not wait."""
    tx.execute(_RELEASE_CLAIM, {"id": payment.id, "claimed_until": payment.claimed_until})


def lock_matching(tx: Transaction, payment: Payment, reported: GatewayPaymentStatus) -> Payment | None:
    """The payment, locked, that a status under the external id of `payment` is about; None where it does not matter.

    One external id can have several invoices at its gateway. One that no payment has kept becomes a payment of its own
    if it is paid or can be: a duplicate, which is cancelled at the gateway. The order is locked.
    """
    held = find_by_reference(tx, payment.gateway, None, reported.gateway_reference)
    if held or reported.external_id != payment.external_id:
        return lock(tx, held) if held else None
    original = lock(tx, payment.duplicate_of or payment.id)
    if original.gateway_reference is None:
        if not original.is_open and reported.state is GatewayPaymentState.PENDING:
            tx.execute(_SET_REFERENCE, {"id": original.id, "gateway_reference": reported.gateway_reference})
            require_cancellation(tx, original)
        return lock(tx, original.id)
    if reported.state not in KEEPS_MONEY | {GatewayPaymentState.PENDING}:
        return None
    return add_duplicate(
        tx, original, reported.gateway_reference, can_be_paid=reported.state is GatewayPaymentState.PENDING
    )


def add_duplicate(tx: Transaction, original: Payment, gateway_reference: str, *, can_be_paid: bool = True) -> Payment:
    """Record another invoice under the external id of a payment, and have it cancelled unless it is paid already."""
    row = tx.execute(_ADD_DUPLICATE, {"id": original.id, "gateway_reference": gateway_reference}).one()
    duplicate = Payment(**row._mapping)
    audit.record(tx, "payment.duplicate", subject="payment", subject_id=duplicate.id, duplicate_of=original.id)
    if can_be_paid:
        require_cancellation(tx, duplicate)
    return duplicate


def has_any_since(tx: Transaction, gateway: str, since: datetime) -> bool:
    """True if any payment was opened at a gateway since then."""
    found: bool = tx.execute(_ANY_SINCE, {"gateway": gateway, "since": since}).scalar_one()
    return found


def find_unrecorded(tx: Transaction, gateway: str, statuses: Sequence[GatewayPaymentStatus]) -> set[str]:
    """The references at a gateway which no payment has, or whose money none has."""
    references = [reported.gateway_reference for reported in statuses]
    paid = [reported.gateway_reference for reported in statuses if reported.state is GatewayPaymentState.PAID]
    values = {"gateway": gateway, "references": references, "paid": paid}
    return set(tx.execute(_UNRECORDED, values).scalars())


def add_free(tx: Transaction, order: Order) -> UUID:
    """Record that an order that costs nothing is paid."""
    payment_id: UUID = tx.execute(
        _ADD_FREE, {"order_id": order.id, "expires_at": order.reservation_expires_at}
    ).scalar_one()
    return payment_id


def mark_opened(tx: Transaction, payment: Payment, opened: OpenedPayment) -> None:
    """Keep what the buyer needs to pay. A payment that has moved on meanwhile keeps its status."""
    tx.execute(
        _OPENED,
        {
            "id": payment.id,
            "gateway_reference": opened.gateway_reference,
            "redirect_url": opened.redirect_url,
            "snap_token": opened.snap_token,
            "qr_string": opened.qr_string,
            "va_number": opened.va_number,
            "biller_code": opened.biller_code,
        },
    )


def mark_paid(
    tx: Transaction, payment: Payment, reported: GatewayPaymentStatus, received: int, paid_at: datetime
) -> Payment:
    """Mark a payment as paid at its gateway; return it as it is then."""
    row = tx.execute(
        _PAID,
        {
            "id": payment.id,
            "received_amount": received,
            "channel": reported.channel,
            "transaction_id": reported.transaction_id,
            "gateway_reference": reported.gateway_reference,
            "paid_at": paid_at,
        },
    ).one()
    return Payment(**row._mapping)


def mark_ended(tx: Transaction, payment: Payment, status: str, failure: str | None = None) -> None:
    """Mark a payment as ended: `status` is expired or failed."""
    tx.execute(_ENDED, {"id": payment.id, "status": status, "failure": failure})


def expire_and_cancel(tx: Transaction, payment: Payment) -> None:
    """Expire an open payment on our side, and request its cancellation at the gateway (`payment.closing`)."""
    mark_ended(tx, payment, PaymentStatus.EXPIRED)
    require_cancellation(tx, payment)


def require_cancellation(tx: Transaction, payment: Payment) -> None:
    """Record that the gateway may still take money for this payment, and enqueue its cancellation there."""
    tx.execute(_MUST_END, {"id": payment.id})
    outbox.add(tx, "payment.closing", {"payment_id": payment.id})


def waits_for_review(tx: Transaction, payment_id: UUID) -> bool:
    """True if a payment's amount did not match, and nobody has decided about it yet."""
    return bool(tx.execute(_WAITS, {"id": payment_id}).scalar_one())


def mark_reviewed(tx: Transaction, payment_id: UUID, decision: ReviewDecision, *, by: UUID | None = None) -> None:
    """Record the decision about an amount mismatch, by an admin or the system (`by` None): accepted or refunded."""
    tx.execute(_REVIEWED, {"id": payment_id, "decision": decision, "by": by})
    manual_tasks.close(tx, payment_id, by=by)


def mark_topped_up(tx: Transaction, order_id: UUID) -> None:
    """Close the reviews of an order's underpaid payments: the missing amount has come."""
    for payment_id in tx.execute(_TOPPED_UP, {"order_id": order_id}).scalars():
        manual_tasks.close(tx, payment_id, by=None)


def mark_ended_at_gateway(tx: Transaction, payment: Payment) -> None:
    """Record that the gateway takes no more money for a payment."""
    tx.execute(_ENDED_AT_GATEWAY, {"id": payment.id})


def mark_refunded(tx: Transaction, payment_id: UUID) -> None:
    """Mark a payment as refunded in full."""
    tx.execute(_REFUNDED, {"id": payment_id})


def mark_all_refunded(tx: Transaction, order_id: UUID) -> None:
    """Mark all payments of a locked order as refunded, but for those whose money waits for a decision."""
    tx.execute(_ALL_REFUNDED, {"order_id": order_id})
