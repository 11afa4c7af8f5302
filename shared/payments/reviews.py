"""Reviews of payments whose amount does not match their order, and an admin's decision (LATE-1, ISO-3).

    accept   the order is paid; what is missing or too much becomes a difference in our books
    refund   all of it goes back, and an order that waited for it ends
    top up   the order is kept for another day, and its buyer is asked for the missing rest

Until then the money stands as unallocated in the ledger, and a live order keeps what it holds: for good where more
came in than was asked for, for a day where something is missing (`status_handling`).
"""

from dataclasses import replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud import audit, clock
from shared.cloud.database import Transaction
from shared.models import Listing, PageQuery, ResponseModel
from shared.payments import records as payment_records
from shared.payments import status_handling, unallocated
from shared.payments.records import Payment
from shared.problems import Problem
from shared.sales import orders
from shared.sales.orders import NotPayable, Order
from shared.states import OrderStatus

_SELECT = f"""
    SELECT p.id AS payment_id, p.order_id, o.event_id, o.status AS order_status, o.review_reason, p.gateway,
        p.gateway_reference, p.amount AS expected_amount, p.received_amount, o.total_amount, p.paid_at
    FROM payments p JOIN orders o ON o.id = p.order_id WHERE {unallocated.WAITING}
"""
_LIST = text(f"{_SELECT} ORDER BY p.paid_at, p.id LIMIT :page_size OFFSET :offset  -- Uses index: payments_to_review")
_COUNT = text(f"SELECT count(*) FROM payments p WHERE {unallocated.WAITING}")
_ONE = text(f"{_SELECT} AND p.id = :payment_id")

_REFUND_INSTEAD = "This order can't be paid any more. Refund the money instead."


class ReviewResponse(ResponseModel):
    """A payment whose amount does not match. Amounts in rupiah: requested, received, and the order's total."""

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


Decision = Literal["accepted", "refunded", "topped_up", "waiting"]


class DecisionResponse(ResponseModel):
    """The decision, and the order's status after it."""

    payment_id: UUID
    decision: Decision
    order_status: str


class NotInReview(Problem):
    """Nothing about this payment is left to decide."""

    status, slug = 409, "not-in-review"


class NotUnderpaid(Problem):
    """Only a live order that was underpaid can be topped up. Accept or refund the money instead."""

    status, slug = 409, "order-not-underpaid"


def list_waiting(tx: Transaction, page: PageQuery) -> Listing[ReviewResponse]:
    """The payments that wait for a decision, oldest first."""
    rows = tx.execute(_LIST, {"page_size": page.page_size, "offset": page.offset}).mappings()
    return Listing[ReviewResponse].of(page, [ReviewResponse(**row) for row in rows], tx.execute(_COUNT).scalar_one())


def read_waiting(tx: Transaction, payment_id: UUID) -> ReviewResponse:
    """One payment that waits for a decision. Raises NotFound, NotInReview."""
    row = tx.execute(_ONE, {"payment_id": payment_id}).mappings().first()
    if row is None:
        payment_records.read(tx, payment_id)
        raise NotInReview
    return ReviewResponse(**row)


def missing_amount(tx: Transaction, waiting: ReviewResponse) -> int:
    """The missing amount of a payment's order, in rupiah; negative if more came in than its total."""
    return waiting.total_amount - ledger.unallocated_amount(tx, waiting.order_id)


def accept(tx: Transaction, admin_id: UUID, payment_id: UUID) -> DecisionResponse:
    """Accept this payment as the full price; other money that came for the order still waits for a decision.

    Raises NotFound, NotInReview, NotPayable, SoldOut, AlreadyRegistered.
    """
    order, payment = _lock(tx, payment_id)
    paid_at = clock.now()
    if order.status == OrderStatus.EXPIRED:
        orders.revive(tx, order, paid_at)
    elif order.status not in orders.LIVE:
        raise NotPayable(_REFUND_INSTEAD)
    sale = replace(
        status_handling.sale_of(order, payment), received=0, set_aside=unallocated.unrefunded_amount(tx, payment)
    )
    status_handling.complete_sale(tx, order, payment, sale)
    status_handling.expire_open_payment(tx, order)
    unallocated.record_decision(tx, payment, "accepted", admin_id)
    if order.status in orders.LIVE:
        orders.mark_paid(tx, order, paid_at)
    return _response(tx, payment_id, order.id, "accepted")


def refund(tx: Transaction, admin_id: UUID, payment_id: UUID) -> DecisionResponse:
    """Refund all of it. Raises NotFound, NotInReview."""
    order, payment = _lock(tx, payment_id)
    unallocated.refund(tx, payment, by=admin_id)
    if order.status in orders.LIVE and order.review_reason:
        orders.cancel_unpayable(tx, order)
    return _response(tx, payment_id, order.id, "refunded")


def top_up(tx: Transaction, admin_id: UUID, payment_id: UUID) -> DecisionResponse:
    """Ask the buyer for what is missing, within a day. Raises NotFound, NotInReview, NotUnderpaid."""
    order, payment = _lock(tx, payment_id)
    missing = order.total_amount - ledger.unallocated_amount(tx, order.id)
    if order.status not in orders.LIVE or missing <= 0:
        raise NotUnderpaid
    deadline = orders.extend_for_top_up(tx, order)
    status_handling.request_top_up(tx, order, payment, missing=missing, deadline=deadline)
    audit.record(tx, "payment.top_up", subject="payment", subject_id=payment.id, actor_id=admin_id, missing=missing)
    return _response(tx, payment_id, order.id, "waiting")


def _lock(tx: Transaction, payment_id: UUID) -> tuple[Order, Payment]:
    order = orders.lock(tx, payment_records.read(tx, payment_id).order_id)
    payment = payment_records.lock(tx, payment_id)
    if payment_id not in unallocated.of_order(tx, order.id):
        raise NotInReview
    return order, payment


def _response(tx: Transaction, payment_id: UUID, order_id: UUID, decision: Decision) -> DecisionResponse:
    status = orders.lock(tx, order_id).status
    return DecisionResponse(payment_id=payment_id, decision=decision, order_status=status)
