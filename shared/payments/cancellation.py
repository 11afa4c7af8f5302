"""Cancellation of events (PS-021, FN-013..017): the sale stops at once, then everybody is refunded in full.

    start   the event is cancelled and its tiers are off sale, in one transaction
    run_batch   batch after batch: each order in a transaction of its own, until none is left; then the penalty

After a crash it continues with the orders that are left: an order that has ended is not found again, and its items
can't be in two refunds. Cloud Tasks drives it, and reconcile finds one that has stopped.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.accounting import ledger
from shared.accounting.ledger import Share, SoldItem
from shared.catalog import editing
from shared.cloud import audit, tasks
from shared.cloud.database import Transaction, after_commit, transaction
from shared.cloud.settings import settings
from shared.field_types import line
from shared.identity import people
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.models import RequestModel, ResponseModel
from shared.payments import unallocated
from shared.payouts import records as payout_records
from shared.problems import NotFound, Problem, refused_by_schema
from shared.refunds import approval
from shared.refunds import records as refund_records
from shared.rupiah import percent_of
from shared.sales import orders
from shared.sales.orders import Order
from shared.states import EventStatus, OrderStatus, RefundKind
from shared.tickets import voiding

NOTICE_DAYS = 14
PENALTY_PERCENT = 5
BATCH_SECONDS = 20
"""The time that one task works before it hands over to the next: well below any time-out on the way."""

log = logging.getLogger(__name__)

_MAY = text("""
    SELECT start_date >= now() + make_interval(days => :days) AS in_time, end_date <= now() AS is_over,
        EXISTS (SELECT 1 FROM payouts p WHERE p.event_id = e.id) AS is_paid_out
    FROM events e WHERE id = :event_id
""")
_BEGIN = text("""
    INSERT INTO event_cancellations (event_id, requested_by, reason, penalty_percent, orders)
    SELECT :event_id, :by, :reason, :penalty_percent, count(*) FROM orders
    WHERE event_id = :event_id AND status IN ('reserved', 'pending_payment', 'paid')
    ON CONFLICT (event_id) DO NOTHING
""")
_MUST_END = """
    (o.status IN ('reserved', 'pending_payment') OR (o.status = 'paid' AND EXISTS (
        SELECT 1 FROM order_items i WHERE i.order_id = o.id AND i.returned_at IS NULL)))
"""
ORDERS_LEFT = f"""
    SELECT o.id FROM orders o WHERE o.event_id = :event_id AND {_MUST_END}  -- Uses index: orders_event_created
    ORDER BY o.id LIMIT 200
"""
"""The orders of `:event_id` that still have to end."""
_NEXT = text(ORDERS_LEFT)
_TOUCH = text("UPDATE event_cancellations SET updated_at = now() WHERE event_id = :event_id AND finished_at IS NULL")
_ITEMS = text(f"""
    SELECT {ledger.SOLD_ITEM_COLUMNS} FROM order_items
    WHERE order_id = :order_id AND returned_at IS NULL ORDER BY position
""")
_SALES = text("""
    SELECT COALESCE(sum(GREATEST(price - returned_before, 0)), 0) FROM (
        SELECT sum(i.unit_price - i.discount) AS price, COALESCE((
            SELECT -sum(e.amount) FROM ledger_postings l JOIN ledger_entries e ON e.posting_id = l.id
            WHERE l.kind = 'refund_owed' AND l.reference_id = r.id AND e.account = 'dashboard_refunds'
        ), 0) AS returned_before
        FROM refunds r JOIN refund_items n ON n.refund_id = r.id JOIN order_items i ON i.id = n.order_item_id
        JOIN orders o ON o.id = r.order_id
        WHERE o.event_id = :event_id AND r.kind = 'cancellation' AND NOT n.is_rejected
        GROUP BY r.id) AS cancelled
""")
# Order by order, as `_refund_in_full` and `refundable` compute it; the sales are those that `_SALES` finds afterwards.
_COST = text("""
    WITH items AS (
        SELECT o.id AS order_id, count(k.id) AS tickets, sum(i.unit_price - i.discount) AS price,
            sum(i.platform_fee) AS fees, sum(i.unit_price - i.discount + i.platform_discount - i.commission
                - i.waived_fee + i.platform_waived_fee) AS earnings
        FROM orders o JOIN order_items i ON i.order_id = o.id  -- Uses index: orders_event_created
            LEFT JOIN tickets k ON k.order_item_id = i.id AND k.status <> 'void'
        WHERE o.event_id = :event_id AND o.status = 'paid' AND i.returned_at IS NULL
        GROUP BY o.id),
    paid AS (
        SELECT i.*, COALESCE(b.received, 0) - COALESCE(r.returned, 0) AS left_over, COALESCE(b.suspense, 0) AS suspense,
            COALESCE(r.has_any, false) AS has_any
        FROM items i
        LEFT JOIN LATERAL (
            SELECT sum(e.amount) FILTER (WHERE l.kind = 'sale'
                    AND (e.account LIKE 'gateway_clearing:%' OR e.account = 'unallocated')) AS received,
                sum(e.amount) FILTER (WHERE e.account = 'dashboard_refunds') AS suspense
            FROM ledger_postings l JOIN ledger_entries e ON e.posting_id = l.id  -- Uses index: ledger_postings_order
            WHERE l.order_id = i.order_id) AS b ON true
        LEFT JOIN LATERAL (
            SELECT sum(f.amount) FILTER (WHERE f.kind IN ('requested', 'cancellation') OR (f.kind = 'by_gateway'
                    AND f.status = 'completed' AND p.status = 'paid')) AS returned, count(*) > 0 AS has_any
            FROM refunds f JOIN payments p ON p.id = f.payment_id  -- Uses index: refunds_order
            WHERE f.order_id = i.order_id AND f.status NOT IN ('requested', 'rejected')) AS r ON true),
    owed AS (
        SELECT *, CASE WHEN has_any THEN LEAST(price + fees, left_over) ELSE left_over END AS amount FROM paid)
    SELECT count(*) AS paid_orders, CAST(COALESCE(sum(tickets), 0) AS bigint) AS tickets,
        CAST(COALESCE(sum(amount), 0) AS bigint) AS refunds, CAST(COALESCE(sum(fees), 0) AS bigint) AS fees,
        CAST(COALESCE(sum(GREATEST(price - GREATEST(LEAST(price + fees - amount, suspense), 0), 0)), 0) AS bigint)
            AS sales,
        CAST(COALESCE(sum(earnings), 0) AS bigint) AS earnings,
        (SELECT count(*) FROM orders h WHERE h.event_id = :event_id AND h.status IN ('reserved', 'pending_payment'))
            AS held_orders
    FROM owed
""")
_FINISH = text("""
    UPDATE event_cancellations SET finished_at = now(), updated_at = now(), penalty = :penalty
    WHERE event_id = :event_id AND finished_at IS NULL
    RETURNING event_id
""")
_ORGANIZER = text("SELECT organizer_id FROM events WHERE id = :event_id")
_LOCK = text("SELECT penalty_percent, finished_at FROM event_cancellations WHERE event_id = :event_id FOR UPDATE")
_PROGRESS = text(f"""
    SELECT c.event_id, c.reason, c.orders, c.penalty, c.created_at AS started_at, c.finished_at,
        count(o.id) FILTER (WHERE {_MUST_END}) AS orders_left,
        (SELECT count(*) FROM refunds r JOIN orders x ON x.id = r.order_id
            WHERE x.event_id = c.event_id AND r.kind = 'cancellation') AS refunds,
        (SELECT count(*) FROM refunds r JOIN orders x ON x.id = r.order_id
            WHERE x.event_id = c.event_id AND r.kind = 'cancellation' AND r.status = 'completed') AS refunds_completed
    FROM event_cancellations c LEFT JOIN orders o ON o.event_id = c.event_id
    WHERE c.event_id = :event_id GROUP BY c.event_id
""")


class Cancellation(RequestModel):
    """The reason why there will be no event. An admin may waive the organizer's penalty."""

    reason: Annotated[str, line(1000)]
    waive_penalty: bool = False


class CancellationResponse(ResponseModel):
    """The progress of a cancellation. `penalty` in rupiah, once all orders have ended."""

    event_id: UUID
    reason: str
    orders: int
    orders_left: int
    refunds: int
    refunds_completed: int
    penalty: int | None
    started_at: datetime
    finished_at: datetime | None


class CancellationCost(ResponseModel):
    """The cost of a cancellation at this moment, in rupiah.

    `refunds` is what buyers get back for `paid_orders`, `fees` the part of it that the platform gives back.
    The organizer gives up `earnings`, what these orders had earned them, and owes the `penalty` of
    `penalty_percent` of `sales`; `cost` is both together. `held_orders` end unpaid.
    """

    event_id: UUID
    paid_orders: int
    held_orders: int
    tickets: int
    refunds: int
    fees: int
    sales: int
    earnings: int
    penalty_percent: int
    penalty: int
    cost: int


class CancellationTooLate(Problem):
    """An organizer may cancel up to fourteen days before the event. Ask our support to cancel it for you."""

    status, slug = 409, "cancellation-too-late"


class EventOver(Problem):
    """The event is over, or its organizer has been paid, so it can't be cancelled any more."""

    status, slug = 409, "event-over"


class ApprovalRequired(Problem):
    """A second admin has to approve what an admin cancels. Request it at `request_at`."""

    status, slug = 409, "approval-required"


def start(tx: Transaction, caller: Principal, event_id: UUID, wanted: Cancellation) -> CancellationResponse:
    """Cancel an event and begin to refund everybody; a repeated call returns the progress.

    Raises NotFound, EventOver, CancellationTooLate for organizers, and ApprovalRequired for admins.
    """
    needs_approval = caller.role == "admin" and settings().cancellation_approval == "required"
    return _start(tx, caller, event_id, wanted, needs_approval=needs_approval)


def start_approved(tx: Transaction, approver: Principal, event_id: UUID, wanted: Cancellation) -> CancellationResponse:
    """Cancel an event as `start` does, on the request of one admin and with the approval of another.

    Raises NotFound, EventOver.
    """
    return _start(tx, approver, event_id, wanted)


def _start(
    tx: Transaction, caller: Principal, event_id: UUID, wanted: Cancellation, *, needs_approval: bool = False
) -> CancellationResponse:
    event = editing.lock(tx, caller, event_id)
    if event.status != EventStatus.CANCELLED:
        if needs_approval:
            raise ApprovalRequired(request_at=f"/api/v1/admin/events/{event_id}/cancellation")
        _refuse_too_late(tx, caller, event_id)
        editing.cancel(tx, event)
        audit.record(
            tx, "event.cancelled", subject="event", subject_id=event_id, actor_id=caller.id, reason=wanted.reason
        )
    waived = wanted.waive_penalty and caller.role == "admin"
    percent = 0 if waived else PENALTY_PERCENT
    values = {"event_id": event_id, "by": caller.id, "reason": wanted.reason, "penalty_percent": percent}
    if tx.execute(_BEGIN, values).rowcount:
        after_commit(tx, lambda: _enqueue_next_batch(event_id))
    return _progress(tx, event_id)


def cost(tx: Transaction, caller: Principal, event_id: UUID) -> CancellationCost:
    """Calculate what `start` would cost now; nothing is written.

    Raises NotFound, CancellationTooLate for organizers, EventOver, and EventCancelled where it is cancelled.
    """
    if editing.read(tx, caller, event_id).status == EventStatus.CANCELLED:
        raise editing.EventCancelled
    _refuse_too_late(tx, caller, event_id)
    row = tx.execute(_COST, {"event_id": event_id}).mappings().one()
    penalty = percent_of(row["sales"], PENALTY_PERCENT)
    return CancellationCost(
        event_id=event_id, **row, penalty_percent=PENALTY_PERCENT, penalty=penalty, cost=row["earnings"] + penalty
    )


def progress(tx: Transaction, caller: Principal, event_id: UUID) -> CancellationResponse:
    """The progress of a cancellation, for the event's organizer and admins. Raises NotFound."""
    editing.read(tx, caller, event_id)
    return _progress(tx, event_id)


def run_batch(event_id: UUID) -> bool:
    """End orders of a cancelled event for a while; return whether all are done. Enqueues another task if not.

    An order that a constraint of the database keeps from ending keeps no other: it is raised once the others are done.
    """
    deadline = time.monotonic() + BATCH_SECONDS
    refused: dict[UUID, DBAPIError] = {}
    while time.monotonic() < deadline:
        with transaction() as tx:
            tx.execute(_TOUCH, {"event_id": event_id})
            left = tx.execute(_NEXT, {"event_id": event_id}).scalars().all()
        batch = [order_id for order_id in left if order_id not in refused]
        if not batch:
            return _end_run(event_id, list(refused.values()))
        for order_id in batch:
            if error := _refusal_to_cancel(order_id):
                refused[order_id] = error
            if time.monotonic() > deadline:
                break
    _enqueue_next_batch(event_id)
    return False


def _end_run(event_id: UUID, refused: Sequence[DBAPIError]) -> bool:
    """Finish the cancellation, whose orders have all ended. Raises the first error of an order that has not."""
    if refused:
        raise refused[0]
    with transaction() as tx:
        _finish(tx, event_id)
    return True


def _refusal_to_cancel(order_id: UUID) -> DBAPIError | None:
    """End an order; the error where the database refuses it."""
    try:
        with transaction() as tx:
            cancel_order(tx, order_id)
    except DBAPIError as error:
        if not refused_by_schema(error):
            raise
        log.error("cancellation.order_refused", extra={"order_id": str(order_id)}, exc_info=error)
        return error
    return None


def cancel_order(tx: Transaction, order_id: UUID) -> None:
    """End one order of a cancelled event, whatever its status; an order that has ended is left alone."""
    order = orders.lock(tx, order_id)
    if order.status in orders.LIVE:
        unallocated.refund_all(tx, order.id)
        orders.cancel_unpayable(tx, order)
    elif order.status == OrderStatus.PAID:
        _refund_in_full(tx, order)


def _refund_in_full(tx: Transaction, order: Order) -> None:
    """Refund every item that is left, with its fee: the whole sale is undone.

    If nothing of the order was refunded before, all that came in goes back, even if that was more or less than its
    price.
    """
    refund_records.reject_requested(tx, order.id, "The event was cancelled: all goes back instead.")
    items = [SoldItem(**row._mapping) for row in tx.execute(_ITEMS, {"order_id": order.id})]
    if not items:
        return
    amounts = {item.id: item.price_paid + item.platform_fee for item in items}
    payment_id, left = refund_records.refundable(tx, order.id, is_whole=True)
    amount = min(sum(amounts.values()), left) if refund_records.has_any(tx, order.id) else left
    share = Share.of_whole(items)
    must_be_undone = amount or (share != Share(organizer=0) and not sum(amounts.values()))
    voiding.void(tx, order.id)
    mails.enqueue_ticket_void(tx, order.id, list(amounts), "event_cancelled")
    if must_be_undone and payment_id:
        _add_full_refund(tx, order, payment_id, amounts, share, amount)
    mails.enqueue_about_order(
        tx, "event_cancelled", order.id, dedupe_key=f"event_cancelled:{order.id}", context={"amount": amount}
    )
    orders.return_items(tx, list(amounts))
    refund_records.finish_order(tx, order.id)


def _add_full_refund(
    tx: Transaction, order: Order, payment_id: UUID, amounts: Mapping[UUID, int], share: Share, amount: int
) -> None:
    """Owe the buyer `amount`, which is 0 if a promo code's issuer had paid for all that is left."""
    refund = refund_records.add(tx, payment_id, RefundKind.CANCELLATION, amount, "The event was cancelled.", amounts)
    approval.book_approved(tx, refund, share, organizer_id=order.organizer_id, by=None)
    if amount == 0:
        refund_records.complete_without_money(tx, refund)


def _finish(tx: Transaction, event_id: UUID) -> None:
    """Finish the cancellation, as all orders have ended: book the penalty (FN-015), and resume payouts that wait."""
    organizer_id: UUID = tx.execute(_ORGANIZER, {"event_id": event_id}).scalar_one()
    people.lock(tx, organizer_id)
    cancelled = tx.execute(_LOCK, {"event_id": event_id}).one()
    if cancelled.finished_at:
        return
    sales = int(tx.execute(_SALES, {"event_id": event_id}).scalar_one())
    penalty = percent_of(sales, cancelled.penalty_percent)
    ledger.post_cancellation_penalty(tx, event_id, penalty, organizer_id=organizer_id)
    tx.execute(_FINISH, {"event_id": event_id, "penalty": penalty})
    audit.record(tx, "event.cancellation_finished", subject="event", subject_id=event_id, sales=sales, penalty=penalty)
    payout_records.resume_pending(tx, organizer_id)


def _refuse_too_late(tx: Transaction, caller: Principal, event_id: UUID) -> None:
    """An admin may cancel until the payout is made. The event is locked, and so no payout is made meanwhile."""
    may = tx.execute(_MAY, {"event_id": event_id, "days": NOTICE_DAYS}).one()
    if may.is_paid_out or (may.is_over and caller.role != "admin"):
        raise EventOver
    if caller.role != "admin" and not may.in_time:
        raise CancellationTooLate


def _progress(tx: Transaction, event_id: UUID) -> CancellationResponse:
    row = tx.execute(_PROGRESS, {"event_id": event_id}).mappings().first()
    if row is None:
        raise NotFound("This event is not being cancelled.")
    return CancellationResponse(**row)


def _enqueue_next_batch(event_id: UUID) -> None:
    try:
        tasks.enqueue("cancellations", "cancellation_batches", "/tasks/batch", {"event_id": str(event_id)})
    except tasks.NotEnqueued as unreachable:  # reconcile goes on with it
        log.warning("cancellation.task_failed", extra={"event_id": str(event_id), "error": str(unreachable)})
