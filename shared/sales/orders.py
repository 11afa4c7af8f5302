"""The state machine of an order. Every transition locks the row, checks its state, and is idempotent.

    reserved ──► pending_payment ──► paid ──► refunded
        │               │
        └──► expired ◄──┘      cancelled by its buyer at any time before paid

An order never moves backwards, but for `revive`: a late payment of an expired order takes its stock again, if it
is still there (LATE-1).
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shared.cloud import audit, outbox
from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.problems import NotFound, Problem
from shared.sales import digital_units, inventory, promos, purchase_limits, registrations
from shared.sales.inventory import SoldOut
from shared.sales.registrations import AlreadyRegistered
from shared.states import OrderStatus, TierKind

LIVE = (OrderStatus.RESERVED, OrderStatus.PENDING_PAYMENT)
NOT_REVIVABLE = (SoldOut, AlreadyRegistered)
"""The reasons why an expired order can't be revived."""
TOP_UP = "top_up"
"""The review reason of an order that waits for a top-up."""
TOP_UP_HOURS = 24

_COLUMNS = """
    id, user_id, event_id, organizer_id, status, subtotal, discount_amount, platform_fee, total_amount,
    reservation_expires_at, reservation_expires_at <= now() AS is_due, paid_at, tickets_issued_at,
    review_reason, promo_counted, created_at
"""
_LOCK = text(f"SELECT {_COLUMNS} FROM orders WHERE id = :id FOR UPDATE")
_OLDEST_UNISSUED = text("""
    SELECT EXTRACT(epoch FROM now() - min(paid_at)) FROM orders  -- Uses index: orders_unissued
    WHERE status = 'paid' AND tickets_issued_at IS NULL
""")
_START_PAYMENT = text("""
    UPDATE orders SET status = 'pending_payment', updated_at = now(),
        reservation_expires_at = created_at + make_interval(secs => :payment_seconds)
    WHERE id = :id
    RETURNING reservation_expires_at
""")
_PAID = text(f"""
    WITH paid_now AS (
        UPDATE orders SET status = 'paid', paid_at = :paid_at, updated_at = now() WHERE id = :id
        RETURNING event_id, person_id)
    {purchase_limits.RESET_ABANDONMENT.format(orders="paid_now")}
""")
_REVIVED = text("""
    UPDATE orders SET status = 'paid', paid_at = :paid_at, ended_at = NULL, capacity_released_at = NULL,
        stock_released_at = NULL, updated_at = now()
    WHERE id = :id
""")
_ENDED = text("""
    UPDATE orders o SET status = :status, ended_at = now(), capacity_released_at = now(), updated_at = now(),
        stock_released_at = CASE WHEN EXISTS (
            SELECT 1 FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
            WHERE i.order_id = o.id AND t.kind IN ('product', 'digital')) THEN now() END
    WHERE id = ANY(:ids)
""")
_DUE = text("""
    SELECT id, status, promo_counted FROM orders  -- Uses index: orders_due
    WHERE status IN ('reserved', 'pending_payment') AND reservation_expires_at <= now()
      AND (review_reason IS NULL OR review_reason = 'top_up')
      AND (CAST(:event_ids AS uuid[]) IS NULL OR event_id = ANY(CAST(:event_ids AS uuid[])))
      AND (CAST(:order_ids AS uuid[]) IS NULL OR id = ANY(CAST(:order_ids AS uuid[])))
      AND id <> ALL(CAST(:but AS uuid[]))
    ORDER BY reservation_expires_at, id LIMIT :limit FOR UPDATE SKIP LOCKED
""")
_EVENT_STATUS = text("SELECT status FROM events WHERE id = :id FOR SHARE")
_STILL_SOLD = text("""
    SELECT bool_and(t.is_on_sale AND t.event_ends_at > now())
    FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id WHERE i.order_id = :id
""")
_RETURN = text("""
    UPDATE order_items i SET returned_at = now() FROM ticket_tiers t
    WHERE t.id = i.tier_id AND i.id = ANY(:item_ids) AND i.returned_at IS NULL
    RETURNING i.tier_id, t.kind
""")
_UNRETURNED_ITEMS = text("SELECT id FROM order_items WHERE order_id = :id AND returned_at IS NULL")
_EXTEND_FOR_TOP_UP = text("""
    UPDATE orders SET review_reason = :reason, updated_at = now(),
        reservation_expires_at = LEAST(now() + make_interval(hours => :hours),
            (SELECT end_date FROM events e WHERE e.id = orders.event_id))
    WHERE id = :id
    RETURNING reservation_expires_at
""")
_REVIEW = text("UPDATE orders SET review_reason = :reason, updated_at = now() WHERE id = :id")
_IS_ISSUED = text("SELECT tickets_issued_at IS NOT NULL FROM orders WHERE id = :id")
_ISSUED = text("UPDATE orders SET tickets_issued_at = now(), updated_at = now() WHERE id = :id")


@dataclass(frozen=True)
class Order:
    """An order's row while it is locked. Amounts in rupiah, `total_amount` is what the customer pays."""

    id: UUID
    user_id: UUID
    event_id: UUID
    organizer_id: UUID
    status: str
    subtotal: int
    discount_amount: int
    platform_fee: int
    total_amount: int
    reservation_expires_at: datetime
    is_due: bool
    """Its hold has expired by the database's clock, whether or not it has been ended yet."""
    paid_at: datetime | None
    tickets_issued_at: datetime | None
    review_reason: str | None
    promo_counted: bool
    """It counts against the limits of its promo code."""
    created_at: datetime


class ReservationExpired(Problem):
    """The time to pay for this reservation is over and its tickets are free again. Reserve anew."""

    status, slug = 410, "reservation-expired"


class NotPayable(Problem):
    """This order is no longer open for payment. Look at its status."""

    status, slug = 409, "order-not-payable"


class NotCancellable(Problem):
    """Only an order that isn't paid yet can be cancelled. For a paid one, ask for a refund."""

    status, slug = 409, "order-not-cancellable"


_MOVE = text("""
    UPDATE orders SET user_id = :to_user, idempotency_key = NULL, updated_at = now()
    WHERE user_id = :from_user AND status NOT IN ('reserved', 'pending_payment')  -- Uses index: orders_user
""")


def lock(tx: Transaction, order_id: UUID) -> Order:
    """Lock an order until the transaction ends, before every other lock. Raises NotFound."""
    row = tx.execute(_LOCK, {"id": order_id}).first()
    if row is None:
        raise NotFound
    return Order(**row._mapping)


def lock_own(tx: Transaction, order_id: UUID, user_id: UUID) -> Order:
    """Lock an order of this buyer. Raises NotFound, also for the orders of others (ISO-1)."""
    order = lock(tx, order_id)
    if order.user_id != user_id:
        raise NotFound
    return order


def lock_own_with_event(tx: Transaction, order_id: UUID, user_id: UUID) -> tuple[Order, str]:
    """Lock an order of this buyer, then its event; the order and the event's status. Raises NotFound."""
    order = lock_own(tx, order_id, user_id)
    return order, lock_event(tx, order.event_id)


def lock_event(tx: Transaction, event_id: UUID) -> str:
    """Lock an event against changes until `tx` ends, and return its status. Lock it after orders and before tiers.

    A cancellation that begins afterwards sees the order as `tx` leaves it.
    """
    status: str = tx.execute(_EVENT_STATUS, {"id": event_id}).scalar_one()
    return status


def start_payment(tx: Transaction, order: Order) -> datetime:
    """Extend the hold to 30 minutes from the order's creation (TS-008); return its new end.

    Raises ReservationExpired by the database's clock, whatever the expiry tasks have done, and
    NotPayable where the order is paid or ended.
    """
    if order.status == OrderStatus.EXPIRED or (order.status in LIVE and order.is_due):
        raise ReservationExpired
    if order.status not in LIVE:
        raise NotPayable(order_status=order.status)
    if order.review_reason == TOP_UP:
        return order.reservation_expires_at
    deadline: datetime = tx.execute(
        _START_PAYMENT, {"id": order.id, "payment_seconds": settings().payment_seconds}
    ).scalar_one()
    return deadline


def mark_paid(tx: Transaction, order: Order, paid_at: datetime) -> None:
    """Mark a live order as paid and its stock as sold. The caller has locked the order and checked the amount."""
    tx.execute(_PAID, {"id": order.id, "paid_at": paid_at})
    audit.record(tx, "order.paid", subject="order", subject_id=order.id, amount=order.total_amount)
    inventory.sell(tx, order.id)


def is_issued(tx: Transaction, order_id: UUID) -> bool:
    """True if everything that a paid order has bought is issued."""
    found: bool = tx.execute(_IS_ISSUED, {"id": order_id}).scalar_one()
    return found


def mark_issued(tx: Transaction, order: Order) -> None:
    """Record that everything a locked, paid order has bought is issued."""
    tx.execute(_ISSUED, {"id": order.id})


def revive(tx: Transaction, order: Order, paid_at: datetime) -> None:
    """Mark an expired order as paid after all, and take its stock again.

    Raises SoldOut where its stock or event is gone, and AlreadyRegistered where another order has registered a
    participant meanwhile. Then nothing has changed.
    """
    lock_event(tx, order.event_id)
    if not tx.execute(_STILL_SOLD, {"id": order.id}).scalar_one():
        raise SoldOut("The event is over or was cancelled.")
    quantities = inventory.order_quantities(tx, [order.id])
    with tx.begin_nested():
        tx.execute(_REVIVED, {"id": order.id, "paid_at": paid_at})
        registrations.reactivate(tx, order.id)
        purchase_limits.reclaim(tx, order.id)
        purchase_limits.reset_abandonment(tx, order.id)
        promos.reclaim_use(tx, order.id)
        inventory.hold(tx, quantities)
        inventory.sell(tx, order.id)
    audit.record(tx, "order.revived", subject="order", subject_id=order.id, amount=order.total_amount)


def expire(tx: Transaction, order: Order) -> None:
    """Expire a live order whose payment has ended at the gateway, and release its stock."""
    _end(tx, [order], OrderStatus.EXPIRED, is_abandoned=True)


def cancel(tx: Transaction, order: Order) -> None:
    """Cancel an order for its buyer; idempotent. Raises NotCancellable once it is paid."""
    if order.status == OrderStatus.CANCELLED:
        return
    if order.status not in LIVE:
        raise NotCancellable
    _end(tx, [order], OrderStatus.CANCELLED, is_abandoned=True)


def expire_due(
    tx: Transaction,
    *,
    event_ids: list[UUID] | None = None,
    order_ids: list[UUID] | None = None,
    but: Collection[UUID] = (),
    limit: int = 200,
) -> int:
    """Expire up to `limit` overdue live orders, of these events, these orders or of all; return how many.

    Rows that another sweep or a payment has locked are skipped.
    """
    due = _lock_due(tx, event_ids, order_ids, but, limit)
    _end(tx, due, OrderStatus.EXPIRED, is_abandoned=True)
    return len(due)


def find_due(tx: Transaction, *, but: Collection[UUID], limit: int) -> list[UUID]:
    """Up to `limit` overdue live orders that nobody has locked, the oldest first."""
    return [row.id for row in _lock_due(tx, None, None, but, limit)]


def _lock_due(
    tx: Transaction, event_ids: list[UUID] | None, order_ids: list[UUID] | None, but: Collection[UUID], limit: int
) -> Sequence[Row[Any]]:
    values = {"event_ids": event_ids, "order_ids": order_ids, "but": list(but), "limit": limit}
    return tx.execute(_DUE, values).all()


def return_items(tx: Transaction, item_ids: Sequence[UUID]) -> None:
    """Return items of a locked, paid order: their stock is free again, once (TS-013).

    Their participants may register anew. A digital unit that was assigned is not sold again.
    """
    purchase_limits.release(tx, item_ids=item_ids)
    _return(tx, item_ids)


def _return(tx: Transaction, item_ids: Sequence[UUID]) -> None:
    registrations.deactivate_items(tx, item_ids)
    returned = tx.execute(_RETURN, {"item_ids": list(item_ids)}).all()
    inventory.restore(tx, Counter(item.tier_id for item in returned))
    if any(item.kind == TierKind.DIGITAL for item in returned):
        digital_units.burn(tx, item_ids)


def unreturned_items(tx: Transaction, order_id: UUID) -> list[UUID]:
    """The items of an order that have not been returned."""
    return list(tx.execute(_UNRETURNED_ITEMS, {"id": order_id}).scalars())


def mark_refunded(tx: Transaction, order: Order) -> None:
    """Mark a paid order as refunded (PS-019): its remaining items and its promo code are free again."""
    purchase_limits.release(tx, order_ids=[order.id])
    _release_promo_uses(tx, [order])
    tx.execute(_ENDED, {"ids": [order.id], "status": OrderStatus.REFUNDED})
    audit.record(tx, "order.refunded", subject="order", subject_id=order.id, amount=order.total_amount)
    _return(tx, unreturned_items(tx, order.id))


def cancel_unpayable(tx: Transaction, order: Order) -> None:
    """Cancel a live order that can't be paid any more: its event is cancelled, or its payment goes back."""
    _end(tx, [order], OrderStatus.CANCELLED)


def put_in_review(tx: Transaction, order: Order, reason: str) -> None:
    """Keep the order and its hold as they are until an admin has decided about its payment."""
    tx.execute(_REVIEW, {"id": order.id, "reason": reason})


def extend_for_top_up(tx: Transaction, order: Order) -> datetime:
    """Keep an underpaid order for a day for its top-up, but not past its event; return the deadline."""
    deadline: datetime = tx.execute(
        _EXTEND_FOR_TOP_UP, {"id": order.id, "reason": TOP_UP, "hours": TOP_UP_HOURS}
    ).scalar_one()
    return deadline


def move(tx: Transaction, from_user: UUID, to_user: UUID) -> None:
    """Move a person's orders to another account of theirs, without those that are not paid and may be yet.

    A key of the one account would name another request of the other's: it goes.
    """
    tx.execute(_MOVE, {"from_user": from_user, "to_user": to_user})


def _end(tx: Transaction, ended: Sequence[Order | Row[Any]], status: str, *, is_abandoned: bool = False) -> None:
    """End locked, live, unpaid orders and release their stock once."""
    if not ended:
        return
    ids = [order.id for order in ended]
    registrations.deactivate(tx, ids)
    purchase_limits.release(tx, order_ids=ids, is_abandoned=is_abandoned)
    _release_promo_uses(tx, ended)
    tx.execute(_ENDED, {"ids": ids, "status": status})
    for order in ended:
        if order.status == OrderStatus.PENDING_PAYMENT:  # there may be an invoice to end at its gateway
            outbox.add(tx, "order.ended", {"order_id": order.id})
    inventory.release(tx, ids)


def _release_promo_uses(tx: Transaction, ended: Sequence[Order | Row[Any]]) -> None:
    counted = [order.id for order in ended if order.promo_counted]
    if counted:
        promos.release_use(tx, counted)


def oldest_unissued_seconds(tx: Transaction) -> float:
    """The longest time since payment among paid orders without tickets, in seconds; 0 where there are none."""
    return float(tx.execute(_OLDEST_UNISSUED).scalar() or 0)
