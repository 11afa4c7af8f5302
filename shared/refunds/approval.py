"""Approval of refunds: the money is owed from then on, and what it had bought has ended.

The ledger records the debt, and no second refund can include the same items. Every function takes an open transaction
with the order locked, except for an organizer's decisions: those lock it.
"""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from sqlalchemy import text

from shared.accounting import ledger
from shared.accounting.ledger import Share, SoldItem
from shared.catalog.editing import EventCancelled
from shared.cloud import audit, manual_tasks, outbox
from shared.cloud.database import Transaction
from shared.field_types import line
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.models import RequestModel
from shared.problems import NotFound, Problem
from shared.refunds import records as refund_records
from shared.refunds.records import BACK_PERCENT, Refund
from shared.refunds.schemas import RefundResponse
from shared.rupiah import percent_of
from shared.sales import orders
from shared.sales.orders import Order
from shared.states import EventStatus, RefundStatus
from shared.tickets import voiding

UNUSABLE = "The payment came too late or twice, and is returned in full."
BY_ITSELF = "This event was cancelled: everything goes back to its buyers by itself, fees included."

_APPROVED = text("""
    UPDATE refunds SET status = 'approved', approved_by = :by, decided_at = now(), updated_at = now() WHERE id = :id
""")
_OWE_UNUSABLE = text("""
    INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status, decided_at)
    SELECT order_id, p.id, o.user_id, 'unusable_payment', p.received_amount, :reason, 'approved', now()
    FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.id = :payment_id
    ON CONFLICT (payment_id) WHERE kind = 'unusable_payment' DO NOTHING
    RETURNING id, amount
""")
_SOLD_ITEMS = text(f"SELECT {ledger.SOLD_ITEM_COLUMNS} FROM order_items WHERE id = ANY(:item_ids)")


class Rejection(RequestModel):
    """The reason for a rejection."""

    reason: Annotated[str, line(1000)]


class RefundAlreadyDecided(Problem):
    """This refund has been decided the other way."""

    status, slug = 409, "refund-already-decided"


class RefundNotRetryable(Problem):
    """Only a refund that failed, or waits for a bank account, can be sent again."""

    status, slug = 409, "refund-not-retryable"


def approve(tx: Transaction, caller: Principal, refund_id: UUID) -> RefundResponse:
    """Approve a refund; idempotent.

    Raises NotFound, RefundAlreadyDecided, TicketUsed, ProductsPickedUp, and EventCancelled, as a cancelled event is
    refunded in full.
    """
    order, refund = _lock(tx, caller, refund_id)
    if refund.status == RefundStatus.REJECTED:
        raise RefundAlreadyDecided
    if refund.status == RefundStatus.REQUESTED:
        if orders.lock_event(tx, order.event_id) == EventStatus.CANCELLED:
            raise EventCancelled(BY_ITSELF)
        approve_request(tx, order, refund, by=caller.id)
    return RefundResponse.read(tx, refund_id)


def approve_request(tx: Transaction, order: Order, refund: Refund, *, by: UUID, is_whole: bool = False) -> None:
    """Approve a request, without what went back at a dashboard since it was made. Raises TicketUsed, ProductsPickedUp.

    The organizer bears it: a share of nine tenths of the price is taken from what they are owed. `is_whole` undoes the
    sale of an event that was moved, as a cancellation does (PS-021): the platform earns no fee either.
    """
    _, left = refund_records.refundable(tx, order.id, is_whole=is_whole)
    if left < 0 and refund.amount:
        refund_records.reduce(tx, refund, min(-left, refund.amount))
        refund = refund_records.read(tx, refund.id)
    items = [SoldItem(**row._mapping) for row in tx.execute(_SOLD_ITEMS, {"item_ids": refund.item_ids})]
    approve_and_return_items(tx, order, refund, Share.of_whole(items) if is_whole else share_of_request(items), by=by)


def share_of_request(items: Sequence[SoldItem]) -> Share:
    """The shares of nine tenths of the price of some items: what approving a request for them takes from each.

    Where the platform had paid for a promo code, it gets back what the buyer doesn't. Elsewhere the commission is what
    the buyer doesn't get: where that was rounded the other way, the commission gives the rupiah. Fees stay, whoever
    paid them: a promo code's issuer gets back none that it waived.
    """
    kept = {item.id: item.price_paid - percent_of(item.price_paid, BACK_PERCENT) for item in items}
    return Share(
        organizer=sum(item.price_paid + item.platform_discount - item.commission for item in items),
        commission=sum(item.commission - kept[item.id] for item in items if not item.platform_discount),
        promotion=sum(
            item.platform_discount - item.commission + kept[item.id] for item in items if item.platform_discount
        ),
    )


def approve_and_return_items(tx: Transaction, order: Order, refund: Refund, share: Share, *, by: UUID) -> None:
    """Approve a refund of a locked order and void what its items bought. Raises TicketUsed, ProductsPickedUp."""
    voiding.void_items(tx, order.id, refund.item_ids)
    mails.enqueue_ticket_void(tx, order.id, refund.item_ids, "refunded")
    book_approved(tx, refund, share, organizer_id=order.organizer_id, by=by)
    orders.return_items(tx, refund.item_ids)
    if refund.amount == 0:
        refund_records.complete_without_money(tx, refund)


def book_approved(tx: Transaction, refund: Refund, share: Share, *, organizer_id: UUID, by: UUID | None) -> None:
    """Mark a refund as approved and book the debt, taken from the `share` of each in the sale."""
    tx.execute(_APPROVED, {"id": refund.id, "by": by})
    manual_tasks.close(tx, refund.id, by=by)
    ledger.post_refund_owed(
        tx,
        refund.id,
        refund.amount,
        share,
        for_items=refund.items_amount,
        organizer_id=organizer_id,
        order_id=refund.order_id,
    )
    _announce(tx, refund.id, refund.amount, by=by)


def approve_unallocated(tx: Transaction, refund: Refund, *, by: UUID | None) -> None:
    """Mark a refund of unallocated money as approved and book the debt."""
    tx.execute(_APPROVED, {"id": refund.id, "by": by})
    ledger.post_unallocated_to_refund(tx, refund.id, refund.amount, order_id=refund.order_id)
    _announce(tx, refund.id, refund.amount, by=by)


def approve_unusable(tx: Transaction, payment_id: UUID, gateway: str, *, order_id: UUID) -> UUID | None:
    """Add an approved refund of a whole unusable payment (LATE-1); None where there is one already."""
    row = tx.execute(_OWE_UNUSABLE, {"payment_id": payment_id, "reason": UNUSABLE}).first()
    if row is None:
        return None
    ledger.post_unusable_payment(tx, payment_id, gateway, row.amount, order_id=order_id)
    _announce(tx, row.id, row.amount, by=None)
    refund_id: UUID = row.id
    return refund_id


def _announce(tx: Transaction, refund_id: UUID, amount: int, *, by: UUID | None) -> None:
    audit.record(tx, "refund.approved", subject="refund", subject_id=refund_id, actor_id=by, amount=amount)
    if amount:
        outbox.add(tx, "refund.approved", {"refund_id": refund_id})


def reject(tx: Transaction, caller: Principal, refund_id: UUID, rejection: Rejection) -> RefundResponse:
    """Reject a refund, and tell the buyer why. Raises NotFound, RefundAlreadyDecided."""
    _, refund = _lock(tx, caller, refund_id)
    if refund.status not in (RefundStatus.REQUESTED, RefundStatus.REJECTED):
        raise RefundAlreadyDecided
    if refund.status == RefundStatus.REQUESTED:
        refund_records.reject(tx, refund, rejection.reason, by=caller.id)
        mails.enqueue_about_order(
            tx,
            "refund_rejected",
            refund.order_id,
            dedupe_key=f"refund_rejected:{refund.id}",
            context={"refund_id": refund.id},
        )
    return RefundResponse.read(tx, refund_id)


def retry(tx: Transaction, caller: Principal, refund_id: UUID) -> RefundResponse:
    """Enqueue a refund that failed, or waits, again. Raises NotFound, RefundNotRetryable."""
    _, refund = _lock(tx, caller, refund_id)
    if refund.status not in (RefundStatus.APPROVED, RefundStatus.FAILED):
        raise RefundNotRetryable(refund_status=refund.status)
    refund_records.requeue(tx, refund)
    return RefundResponse.read(tx, refund_id)


def _lock(tx: Transaction, caller: Principal, refund_id: UUID) -> tuple[Order, Refund]:
    """A refund and its order, for the order's organizer or an admin. Raises NotFound."""
    order = orders.lock(tx, refund_records.read(tx, refund_id).order_id)
    if not caller.may_act_for(order.organizer_id):
        raise NotFound
    return order, refund_records.read(tx, refund_id)
