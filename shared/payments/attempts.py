"""A try to pay an order at a gateway: recorded before the gateway hears of it, so that a crash loses none.

opening ──► pending ──► paid ──► refunded
   │           │
   └──► expired / failed
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud import audit, manual_tasks, outbox
from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.gateways.facts import OpenedPayment, PaymentFact
from shared.problems import NotFound, TryAgain, violated_constraint
from shared.sales.orders import Order

OPEN = ("opening", "pending")
OPENING = "payment.opening"
"""The audit line of a new try; its correlation id is that of the buyer's checkout."""

_COLUMNS = """
    id, order_id, attempt, gateway, external_id, gateway_reference, payment_method, status, amount,
    COALESCE(unique_code, 0) AS unique_code, received_amount, snap_token, expires_at, created_at
"""
_READ = text(f"SELECT {_COLUMNS} FROM payments WHERE id = :id")
_LOCK = text(f"SELECT {_COLUMNS} FROM payments WHERE id = :id FOR UPDATE")
_LOCK_OPEN = text(f"""
    SELECT {_COLUMNS} FROM payments WHERE order_id = :order_id AND status IN ('opening', 'pending') FOR UPDATE
""")
_ADD = text(f"""
    INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, amount, unique_code, expires_at)
    SELECT :order_id, n, :gateway, CAST(:order_id AS text) || '-' || n, :payment_method, :amount, :unique_code,
        :expires_at
    FROM (SELECT COALESCE(max(attempt), 0) + 1 AS n FROM payments WHERE order_id = :order_id) AS next
    RETURNING {_COLUMNS}
""")
_ADD_FREE = text("""
    INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, amount, received_amount,
        status, expires_at, paid_at)
    VALUES (:order_id, 1, 'none', CAST(:order_id AS text) || '-1', 'FREE', 0, 0, 'paid', :expires_at, now())
    RETURNING id
""")
_OPENED = text("""
    UPDATE payments SET status = CASE status WHEN 'opening' THEN 'pending' ELSE status END,
        gateway_reference = :gateway_reference, redirect_url = :redirect_url, snap_token = :snap_token,
        qr_string = :qr_string, va_number = :va_number, updated_at = now()
    WHERE id = :id
""")
_PAID = text("""
    UPDATE payments SET status = 'paid', received_amount = :received_amount, channel = :channel,
        transaction_id = :transaction_id, paid_at = :paid_at, ended_at = NULL, must_end_at_gateway = false,
        gateway_reference = COALESCE(gateway_reference, :gateway_reference), updated_at = now()
    WHERE id = :id
""")
_ENDED = text("""
    UPDATE payments SET status = :status, failure = :failure, ended_at = now(), updated_at = now()
    WHERE id = :id
""")
_MUST_END = text("UPDATE payments SET must_end_at_gateway = true, updated_at = now() WHERE id = :id")
_TOPPED_UP = text("""
    UPDATE payments SET review_decision = 'topped_up', reviewed_at = now()
    WHERE order_id = :order_id AND received_amount <> amount AND review_decision IS NULL
    RETURNING id
""")
IS_SET_ASIDE = """
    EXISTS (SELECT 1 FROM ledger_postings l WHERE l.kind = 'unallocated_payment' AND l.reference_id = p.id)
"""
"""Condition on `payments p`: its money fitted nothing. Money of another currency is not booked as rupiah at all."""
_WAITS = text(f"SELECT p.review_decision IS NULL AND {IS_SET_ASIDE} FROM payments p WHERE p.id = :id")
_REVIEWED = text("""
    UPDATE payments SET review_decision = :decision, reviewed_at = now(), reviewed_by = :by, updated_at = now()
    WHERE id = :id AND review_decision IS NULL
""")
_ENDED_AT_GATEWAY = text("UPDATE payments SET must_end_at_gateway = false WHERE id = :id")
_PAID_BY = text("""
    SELECT id FROM payments p WHERE order_id = :order_id AND status = 'paid' AND gateway <> 'none'
        AND (review_decision IN ('accepted', 'topped_up')
            OR EXISTS (SELECT 1 FROM ledger_postings l WHERE l.kind = 'sale' AND l.reference_id = p.id))
    ORDER BY received_amount DESC, id LIMIT 1
""")
_BY_NAME = text("""
    SELECT id FROM payments WHERE gateway = :gateway
      AND (external_id = :external_id OR gateway_reference = :gateway_reference)
    LIMIT 1
""")


@dataclass(frozen=True)
class Attempt:
    """A row of payments. `amount` is asked for, `unique_code` of it not for the order (ISO-3), `received_amount` came.

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

    @property
    def is_open(self) -> bool:
        """Whether it can still be paid, as far as we know."""
        return self.status in OPEN


def read(tx: Transaction, payment_id: UUID) -> Attempt:
    """A payment as it is. Raises NotFound."""
    row = tx.execute(_READ, {"id": payment_id}).first()
    if row is None:
        raise NotFound
    return Attempt(**row._mapping)


def lock(tx: Transaction, payment_id: UUID) -> Attempt:
    """Lock a payment; its order is locked before. Raises NotFound."""
    row = tx.execute(_LOCK, {"id": payment_id}).first()
    if row is None:
        raise NotFound
    return Attempt(**row._mapping)


def lock_open(tx: Transaction, order_id: UUID) -> Attempt | None:
    """The one payment of an order that is open, locked; the database allows no second."""
    row = tx.execute(_LOCK_OPEN, {"order_id": order_id}).first()
    return Attempt(**row._mapping) if row else None


def paid_by(tx: Transaction, order_id: UUID) -> UUID | None:
    """The payment that brought (most of) what bought an order, which refunds go back by; None where it cost nothing."""
    found: UUID | None = tx.execute(_PAID_BY, {"order_id": order_id}).scalar()
    return found


def named(tx: Transaction, gateway: str, external_id: str | None, gateway_reference: str | None) -> UUID | None:
    """The payment a gateway speaks of, by our id or by its own."""
    names = {"gateway": gateway, "external_id": external_id, "gateway_reference": gateway_reference}
    found: UUID | None = tx.execute(_BY_NAME, names).scalar()
    return found


def add(tx: Transaction, order: Order, *, gateway: str, method: str, amount: int, expires_at: datetime) -> Attempt:
    """Record that we are about to ask a gateway for `amount` rupiah (and a unique code on top, where those are on).

    The external id is the order's and the number of the try.
    """
    values = {"order_id": order.id, "gateway": gateway, "payment_method": method, "expires_at": expires_at}
    for code in _codes():
        try:
            with tx.begin_nested():
                row = tx.execute(_ADD, {**values, "amount": amount + (code or 0), "unique_code": code}).one()
        except DBAPIError as error:
            if violated_constraint(error) == "one_open_unique_amount":
                continue
            raise
        audit.record(tx, OPENING, subject="payment", subject_id=row.id, actor_id=order.user_id, gateway=gateway)
        return Attempt(**row._mapping)
    raise TryAgain("Too many people are paying this very amount. Try again in a minute.", retry_after_seconds=60)


def _codes() -> Iterable[int | None]:
    """What to add to an amount so that no open payment has the same: tried in random order (ISO-3)."""
    if settings().unique_codes != "on":
        return (None,)
    return random.sample(range(1, 1000), 999)


def add_free(tx: Transaction, order: Order) -> UUID:
    """Record that an order that costs nothing is paid."""
    payment_id: UUID = tx.execute(
        _ADD_FREE, {"order_id": order.id, "expires_at": order.reservation_expires_at}
    ).scalar_one()
    return payment_id


def mark_opened(tx: Transaction, attempt: Attempt, opened: OpenedPayment) -> None:
    """Keep what the buyer needs to pay. A payment that has moved on meanwhile keeps its status."""
    tx.execute(
        _OPENED,
        {
            "id": attempt.id,
            "gateway_reference": opened.gateway_reference,
            "redirect_url": opened.redirect_url,
            "snap_token": opened.snap_token,
            "qr_string": opened.qr_string,
            "va_number": opened.va_number,
        },
    )


def mark_paid(tx: Transaction, attempt: Attempt, fact: PaymentFact, received: int, paid_at: datetime) -> None:
    """Money of this payment is with the gateway."""
    tx.execute(
        _PAID,
        {
            "id": attempt.id,
            "received_amount": received,
            "channel": fact.channel,
            "transaction_id": fact.transaction_id,
            "gateway_reference": fact.gateway_reference,
            "paid_at": paid_at,
        },
    )


def mark_ended(tx: Transaction, attempt: Attempt, status: str, failure: str | None = None) -> None:
    """Nobody will pay it: `status` is expired or failed."""
    tx.execute(_ENDED, {"id": attempt.id, "status": status, "failure": failure})


def close(tx: Transaction, attempt: Attempt) -> None:
    """Give up an open payment on our side and ask for its end at the gateway (`payment.closing`)."""
    mark_ended(tx, attempt, "expired")
    must_end(tx, attempt)


def must_end(tx: Transaction, attempt: Attempt) -> None:
    """Note that the gateway may still take money for this payment, and have that ended."""
    tx.execute(_MUST_END, {"id": attempt.id})
    outbox.add(tx, "payment.closing", {"payment_id": attempt.id})


def waits_for_review(tx: Transaction, payment_id: UUID) -> bool:
    """Whether the money of a payment fits nothing and nobody has decided about it yet."""
    return bool(tx.execute(_WAITS, {"id": payment_id}).scalar_one())


def mark_reviewed(tx: Transaction, payment_id: UUID, decision: str, *, by: UUID | None = None) -> None:
    """Odd money is decided about, or (`by` None) has settled itself: `decision` is accepted or refunded."""
    tx.execute(_REVIEWED, {"id": payment_id, "decision": decision, "by": by})
    manual_tasks.close(tx, payment_id, by=by)


def mark_topped_up(tx: Transaction, order_id: UUID) -> None:
    """What was missing of an order's underpaid payments has come: nobody has to decide about them any more."""
    for payment_id in tx.execute(_TOPPED_UP, {"order_id": order_id}).scalars():
        manual_tasks.close(tx, payment_id, by=None)


def mark_ended_at_gateway(tx: Transaction, attempt: Attempt) -> None:
    """The gateway takes no more money for it."""
    tx.execute(_ENDED_AT_GATEWAY, {"id": attempt.id})
