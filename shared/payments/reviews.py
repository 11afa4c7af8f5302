"""Money whose amount does not fit its order, and what an admin makes of it (LATE-1, ISO-3).

    accept   the order is paid; what is missing or too much becomes a difference in our books
    refund   all of it goes back, and an order that waited for it ends
    top up   the order is kept for a day, and its buyer is asked to pay what is missing

Until then the money stands as unallocated in the ledger, and a live order keeps what it holds.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit, clock
from shared.cloud.database import Transaction
from shared.messages import mails
from shared.models import Answer, Listing, Page
from shared.money import dashboard_refunds, ledger, refunds
from shared.payments import attempts, settlement
from shared.payments.attempts import Attempt
from shared.problems import Problem
from shared.sales import orders
from shared.sales.orders import Order

_WAITING = f"p.received_amount <> p.amount AND p.review_decision IS NULL AND {attempts.IS_SET_ASIDE}"
_SELECT = f"""
    SELECT p.id AS payment_id, p.order_id, o.event_id, o.status AS order_status, o.review_reason, p.gateway,
        p.gateway_reference, p.amount AS expected_amount, p.received_amount, o.total_amount, p.paid_at
    FROM payments p JOIN orders o ON o.id = p.order_id WHERE {_WAITING}
"""
_LIST = text(f"{_SELECT} ORDER BY p.paid_at, p.id LIMIT :page_size OFFSET :offset  -- Uses index: payments_to_review")
_COUNT = text(f"SELECT count(*) FROM payments p WHERE {_WAITING}")
_OF_ORDER = text(f"SELECT p.id FROM payments p WHERE p.order_id = :order_id AND {_WAITING} ORDER BY p.id")


class ReviewAnswer(Answer):
    """A payment that does not fit. Amounts in rupiah: asked for by the payment, received, and the order's total."""

    payment_id: UUID
    order_id: UUID
    event_id: UUID
    order_status: str
    review_reason: str | None
    gateway: str
    gateway_reference: str | None
    expected_amount: int
    received_amount: int
    total_amount: int
    paid_at: datetime


class DecisionAnswer(Answer):
    """What was decided, and how the order stands now."""

    payment_id: UUID
    decision: Literal["accepted", "refunded", "topped_up", "waiting"]
    order_status: str


class NotInReview(Problem):
    """Nothing about this payment is left to decide."""

    status, slug = 409, "not-in-review"


class NotAcceptable(Problem):
    """This order can't be paid any more. Refund the money instead."""

    status, slug = 409, "order-not-payable"


class NotShort(Problem):
    """Only a live order that was underpaid can be topped up. Accept or refund the money instead."""

    status, slug = 409, "order-not-underpaid"


def waiting(tx: Transaction, page: Page) -> Listing[ReviewAnswer]:
    """What waits for a decision, oldest first."""
    rows = tx.execute(_LIST, {"page_size": page.page_size, "offset": page.offset}).mappings()
    return Listing[ReviewAnswer].of(page, [ReviewAnswer(**row) for row in rows], tx.execute(_COUNT).scalar_one())


def accept(tx: Transaction, admin_id: UUID, payment_id: UUID) -> DecisionAnswer:
    """Let this payment count as the whole; what else came for the order is still to be decided about.

    Raises NotFound, NotInReview, NotAcceptable, SoldOut, AlreadyRegistered.
    """
    order, attempt = _lock(tx, payment_id)
    paid_at = clock.now()
    if order.status in orders.LIVE:
        orders.mark_paid(tx, order, paid_at)
    elif order.status == "expired":
        orders.revive(tx, order, paid_at)
    else:
        raise NotAcceptable
    sale = replace(settlement.sale_of(order, attempt), received=0, set_aside=_left(tx, attempt))
    settlement.sold(tx, order, attempt, sale)
    _decide(tx, attempt, "accepted", admin_id)
    return _answer(tx, payment_id, order.id, "accepted")


def refund(tx: Transaction, admin_id: UUID, payment_id: UUID) -> DecisionAnswer:
    """Send all of it back. Raises NotFound, NotInReview."""
    order, attempt = _lock(tx, payment_id)
    _give_back(tx, attempt, by=admin_id)
    if order.status in orders.LIVE and order.review_reason:
        orders.end_for_good(tx, order)
    return _answer(tx, payment_id, order.id, "refunded")


def top_up(tx: Transaction, admin_id: UUID, payment_id: UUID) -> DecisionAnswer:
    """Ask the buyer for what is missing, within a day. Raises NotFound, NotInReview, NotShort."""
    order, attempt = _lock(tx, payment_id)
    missing = order.total_amount - ledger.set_aside(tx, order.id)
    if order.status not in orders.LIVE or missing <= 0:
        raise NotShort
    orders.wait_for_rest(tx, order)
    whole = attempts.lock_open(tx, order.id)
    if whole:  # asks for more than the rest
        attempts.close(tx, whole)
    audit.record(tx, "payment.top_up", subject="payment", subject_id=attempt.id, actor_id=admin_id, missing=missing)
    mails.ask_about_order(
        tx, "top_up_needed", order.id, once_key=f"top_up_needed:{attempt.id}", context={"amount": missing}
    )
    return _answer(tx, payment_id, order.id, "waiting")


def give_back_all_of(tx: Transaction, order: Order) -> None:
    """Send back what came for an order and waits for a decision: there will be no event. It is locked."""
    for payment_id in tx.execute(_OF_ORDER, {"order_id": order.id}).scalars().all():
        _give_back(tx, attempts.lock(tx, payment_id), by=None)


def _give_back(tx: Transaction, attempt: Attempt, *, by: UUID | None) -> None:
    amount = _left(tx, attempt)
    refund_id = refunds.add(tx, attempt.id, "review", amount, "The amount did not fit the order.", {})
    refunds.approve_unallocated(tx, refunds.read(tx, refund_id), by=by)
    _decide(tx, attempt, "refunded", by)


def _left(tx: Transaction, attempt: Attempt) -> int:
    """What came in by a payment, less what somebody gave back of it at the gateway's dashboard."""
    return (attempt.received_amount or 0) - dashboard_refunds.booked(tx, attempt.id)


def _lock(tx: Transaction, payment_id: UUID) -> tuple[Order, Attempt]:
    order = orders.lock(tx, attempts.read(tx, payment_id).order_id)
    attempt = attempts.lock(tx, payment_id)
    if payment_id not in tx.execute(_OF_ORDER, {"order_id": order.id}).scalars().all():
        raise NotInReview
    return order, attempt


def _decide(tx: Transaction, attempt: Attempt, decision: str, by: UUID | None) -> None:
    attempts.mark_reviewed(tx, attempt.id, decision, by=by)
    audit.record(tx, f"payment.{decision}", subject="payment", subject_id=attempt.id, actor_id=by)


def _answer(tx: Transaction, payment_id: UUID, order_id: UUID, decision: Any) -> DecisionAnswer:
    status = orders.lock(tx, order_id).status
    return DecisionAnswer(payment_id=payment_id, decision=decision, order_status=status)
