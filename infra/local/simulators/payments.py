"""The payments that both simulated gateways hold: one row each, changed under its lock.

    open ─► pending ─► paid ─► partially_refunded ─► refunded
              ├─► challenged ─► paid      └─► reversed
              ├─► failed, cancelled         └─► charged_back (a card)
              └─► expired (by the clock, when it is read)

`open` is a Midtrans page whose visitor has not chosen a method; `closed` is such a page that ended.
Money may come in after the end, as it does in life.
"""

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import Column, Connection, Row, select

from infra.local.simulators.tables import movements, payments, refunds


class SimulatedStatus(StrEnum):
    """The status of a simulated payment."""

    OPEN = "open"
    CLOSED = "closed"
    PENDING = "pending"
    CHALLENGED = "challenged"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    REVERSED = "reversed"
    CHARGED_BACK = "charged_back"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


AWAITED = frozenset({SimulatedStatus.OPEN, SimulatedStatus.PENDING, SimulatedStatus.CHALLENGED})
"""Nothing has been decided yet."""

HOLDS_MONEY = frozenset({SimulatedStatus.PAID, SimulatedStatus.PARTIALLY_REFUNDED})

_ENDED_BY_THE_CLOCK = {SimulatedStatus.OPEN: SimulatedStatus.CLOSED, SimulatedStatus.PENDING: SimulatedStatus.EXPIRED}


class NotPossible(Exception):
    """The payment is in a state that forbids it; the text says which."""


@dataclass(frozen=True)
class Payment:
    """One payment as read; `status` already counts what the clock has done."""

    gateway: str
    reference: str
    external_id: str
    transaction_id: str
    token: str | None
    status: SimulatedStatus
    amount: int
    paid_amount: int | None
    refunded_amount: int
    methods: list[str]
    channel: str | None
    qr_string: str | None
    va_number: str | None
    request: dict[str, Any]
    idempotency_key: str | None
    expires_at: datetime
    paid_at: datetime | None
    updated_at: datetime
    created_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Read it from a row of `payments`."""
        payment = cls(**{field.name: getattr(row, field.name) for field in fields(cls)})
        stored = SimulatedStatus(payment.status)
        if payment.expires_at <= datetime.now(UTC) and stored in _ENDED_BY_THE_CLOCK:
            return replace(payment, status=_ENDED_BY_THE_CLOCK[stored], updated_at=payment.expires_at)
        return replace(payment, status=stored)

    @property
    def left(self) -> int:
        """The rupiah that have come in and not gone back."""
        return (self.paid_amount or 0) - self.refunded_amount


def add(tx: Connection, **values: Any) -> Payment:
    """Remember a new payment."""
    return Payment.of(tx.execute(payments.insert().values(**values).returning(payments)).one())


def change(tx: Connection, payment: Payment, **values: Any) -> Payment:
    """Set columns of a locked payment."""
    values.setdefault("updated_at", datetime.now(UTC))
    statement = payments.update().where(
        payments.c.gateway == payment.gateway, payments.c.reference == payment.reference
    )
    return Payment.of(tx.execute(statement.values(**values).returning(payments)).one())


def find(tx: Connection, gateway: str, reference: str) -> Payment | None:
    """The payment with this reference, locked until the transaction ends."""
    return _lock_by(tx, gateway, payments.c.reference, reference)


def find_by_token(tx: Connection, gateway: str, token: str) -> Payment | None:
    """The payment whose page has this token, locked."""
    return _lock_by(tx, gateway, payments.c.token, token)


def find_by_transaction(tx: Connection, gateway: str, transaction_id: str) -> Payment | None:
    """The payment with the gateway's own id, locked."""
    return _lock_by(tx, gateway, payments.c.transaction_id, transaction_id)


def find_by_account(tx: Connection, gateway: str, number: str) -> Payment | None:
    """The payment with this account or bill number, locked."""
    return _lock_by(tx, gateway, payments.c.va_number, number)


def newest(
    tx: Connection,
    gateway: str,
    external_id: str | None,
    limit: int,
    *,
    after: datetime | None = None,
    before: datetime | None = None,
    older_than: str | None = None,
) -> list[Payment]:
    """The newest payments, of all or with one of our ids; `older_than` is the reference of one of them."""
    query = select(payments).where(payments.c.gateway == gateway)
    if external_id is not None:
        query = query.where(payments.c.external_id == external_id)
    if after is not None:
        query = query.where(payments.c.created_at >= after)
    if before is not None:
        query = query.where(payments.c.created_at <= before)
    if older_than is not None:
        last = select(payments.c.created_at).where(payments.c.gateway == gateway, payments.c.reference == older_than)
        query = query.where(payments.c.created_at < last.scalar_subquery())
    return [Payment.of(row) for row in tx.execute(query.order_by(payments.c.created_at.desc()).limit(limit))]


def pay(tx: Connection, payment: Payment, *, channel: str, amount: int) -> Payment:
    """`amount` comes in through `channel`, also after the end. Raises NotPossible for what is paid."""
    if payment.status not in AWAITED | {
        SimulatedStatus.EXPIRED,
        SimulatedStatus.CLOSED,
        SimulatedStatus.FAILED,
        SimulatedStatus.CANCELLED,
    }:
        raise NotPossible(f"already {payment.status}")
    now = datetime.now(UTC)
    _move(tx, payment, "payment", amount, now)
    return change(tx, payment, status=SimulatedStatus.PAID, channel=channel, paid_amount=amount, paid_at=now)


def challenge(tx: Connection, payment: Payment, *, channel: str) -> Payment:
    """A card payment comes under fraud review."""
    _require(payment, AWAITED)
    return change(tx, payment, status=SimulatedStatus.CHALLENGED, channel=channel)


def end(tx: Connection, payment: Payment, status: SimulatedStatus) -> Payment:
    """The payment ends unpaid as `status`; done already is no error. Raises NotPossible for what is paid."""
    if payment.status in (status, SimulatedStatus.EXPIRED):
        return payment
    _require(payment, AWAITED | {SimulatedStatus.CLOSED})
    return change(tx, payment, status=status)


def reverse(tx: Connection, payment: Payment) -> Payment:
    """The bank takes the money back minutes after it came."""
    _require(payment, frozenset({SimulatedStatus.PAID}))
    _move(tx, payment, "reversal", -payment.left, datetime.now(UTC))
    return change(tx, payment, status=SimulatedStatus.REVERSED)


def charge_back(tx: Connection, payment: Payment) -> Payment:
    """A card's owner disputes the payment, and the bank takes what is left of it. Raises NotPossible for no card."""
    _require(payment, HOLDS_MONEY)
    if payment.channel != "CREDIT_CARD":
        raise NotPossible("was made by no card")
    _move(tx, payment, "chargeback", -payment.left, datetime.now(UTC))
    return change(tx, payment, status=SimulatedStatus.CHARGED_BACK)


def refund(
    tx: Connection,
    payment: Payment,
    *,
    refund_id: str,
    reference: str,
    amount: int,
    reason: str | None,
    settles_at: datetime,
    idempotency_key: str | None = None,
) -> Payment:
    """Send `amount` back. Raises NotPossible where there isn't that much of it."""
    _require(payment, HOLDS_MONEY)
    if not 0 < amount <= payment.left:
        raise NotPossible(f"only {payment.left} is left")
    tx.execute(
        refunds.insert().values(
            id=refund_id,
            gateway=payment.gateway,
            payment_reference=payment.reference,
            reference=reference,
            idempotency_key=idempotency_key,
            amount=amount,
            reason=reason,
            settles_at=settles_at,
        )
    )
    _move(tx, payment, "refund", -amount, settles_at)
    refunded = payment.refunded_amount + amount
    status = SimulatedStatus.REFUNDED if amount == payment.left else SimulatedStatus.PARTIALLY_REFUNDED
    return change(tx, payment, status=status, refunded_amount=refunded)


def refunds_of(tx: Connection, payment: Payment) -> list[Row[Any]]:
    """The refunds of a payment, oldest first."""
    query = (
        select(refunds)
        .where(refunds.c.gateway == payment.gateway, refunds.c.payment_reference == payment.reference)
        .order_by(refunds.c.number)
    )
    return list(tx.execute(query))


def note_movement(
    tx: Connection, gateway: str, kind: str, reference: str, external_id: str, amount: int, at: datetime
) -> None:
    """Write down that `amount` came in (or, negative, went out) at `at`."""
    tx.execute(
        movements.insert().values(
            gateway=gateway, kind=kind, reference=reference, external_id=external_id, amount=amount, at=at
        )
    )


def _move(tx: Connection, payment: Payment, kind: str, amount: int, at: datetime) -> None:
    note_movement(tx, payment.gateway, kind, payment.reference, payment.external_id, amount, at)


def _require(payment: Payment, allowed: frozenset[SimulatedStatus]) -> None:
    if payment.status not in allowed:
        raise NotPossible(f"is {payment.status}")


def _lock_by(tx: Connection, gateway: str, column: Column[Any], value: str) -> Payment | None:
    query = select(payments).where(payments.c.gateway == gateway, column == value).limit(1).with_for_update()
    row = tx.execute(query).first()
    return Payment.of(row) if row else None
