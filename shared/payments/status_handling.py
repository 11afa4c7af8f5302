"""Handling of payment statuses: what a reported one does to the order, stock, ledger and tickets, all in one place.

Webhook, sync, expiry and reconcile all come here with what the gateway answered when it was asked.
Locks are taken in the order: order, payment, and tiers last of all, after the books and the messages: everybody who
buys waits for a tier's row. A status that has been acted on already, or that would move an order backwards, changes
nothing; money is never dropped silently.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.accounting import ledger
from shared.accounting.accounts import Account
from shared.cloud import audit, clock, manual_tasks, outbox
from shared.cloud.database import Transaction
from shared.gateways.statuses import KEEPS_MONEY, GatewayPaymentState, GatewayPaymentStatus
from shared.messages import mails
from shared.payments import records as payment_records
from shared.payments import unallocated
from shared.payments.records import Payment
from shared.refunds import approval, full_refunds
from shared.refunds import dashboard as dashboard_refunds
from shared.refunds import records as refund_records
from shared.sales import orders, promos
from shared.sales.orders import Order
from shared.states import OrderStatus, PaymentStatus, RefundKind
from shared.tickets import voiding

log = logging.getLogger(__name__)


class StatusOutcome(StrEnum):
    """The change that a reported status made. It is kept with the webhook that reported it."""

    PAID = "paid"
    REVIVED = "revived"  # late money bought the stock anew
    TO_REFUND = "to_refund"  # money that buys nothing goes back in full
    IN_REVIEW = "in_review"  # the amount does not fit: the buyer pays the rest, or a person decides
    EXPIRED = "expired"
    FAILED = "failed"
    REFUNDED = "refunded"
    REVERSED = "reversed"
    NOTED = "noted"  # a manual task is open; the order is unchanged
    NOTHING = "nothing"  # known already, still pending, or too old to matter


def handle(tx: Transaction, payment: Payment, statuses: Sequence[GatewayPaymentStatus]) -> StatusOutcome:
    """Act once on each status that a gateway has under the external id of a payment: what is paid first.

    Returns the first outcome that changed something.
    """
    orders.lock(tx, payment.order_id)
    outcomes = []
    for reported in sorted(statuses, key=_urgency):
        holder = payment_records.lock_matching(tx, payment, reported)
        if holder and not _is_overtaken(holder, reported, statuses):
            outcomes.append(_act(tx, orders.lock(tx, holder.order_id), holder, reported))
    return next((outcome for outcome in outcomes if outcome is not StatusOutcome.NOTHING), StatusOutcome.NOTHING)


def _urgency(reported: GatewayPaymentStatus) -> int:
    if reported.state in KEEPS_MONEY:
        return 0
    return 1 if reported.state is GatewayPaymentState.PENDING else 2


def _is_overtaken(holder: Payment, reported: GatewayPaymentStatus, statuses: Sequence[GatewayPaymentStatus]) -> bool:
    """True if an expired invoice does not end a payment, since another invoice of it can still be paid."""
    is_kept = holder.gateway_reference is not None
    return (
        not is_kept and reported.state is GatewayPaymentState.EXPIRED and any(_urgency(each) == 1 for each in statuses)
    )


def _act(tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus) -> StatusOutcome:
    outcome = _ACTS.get(reported.state, _nothing)(tx, order, payment, reported)
    log.info(
        "payment.status_handled",
        extra={
            "order_id": str(order.id),
            "payment_id": str(payment.id),
            "gateway": payment.gateway,
            "state": reported.state,
            "outcome": outcome,
        },
    )
    return outcome


def complete_free_order(tx: Transaction, order: Order) -> None:
    """Complete an order that costs nothing. No money moves; what its promo code's issuer pays is posted."""
    payment_id = payment_records.add_free(tx, order)
    ledger.post_sale(tx, payment_id, sale_of(order, payment_records.read(tx, payment_id)))
    outbox.add(tx, "payment.success", {"order_id": order.id})
    orders.mark_paid(tx, order, clock.now())


def _paid(tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus) -> StatusOutcome:
    if payment.received_amount is not None:
        return StatusOutcome.NOTHING
    received = reported.paid_amount if reported.paid_amount is not None else (reported.amount or 0)
    paid_at = reported.paid_at or clock.now()
    was_open = payment.is_open
    payment = payment_records.mark_paid(tx, payment, reported, received, paid_at)
    if reported.currency != "IDR" or received != payment.amount:
        return _hold_mismatch(tx, order, payment, reported, received)
    paid_before = _paid_before(order, payment)
    if paid_before and paid_before != ledger.unallocated_amount(tx, order.id):
        return _refund_unusable(tx, order, payment)  # what it was to complete is no longer there
    if order.status in orders.LIVE:
        outcome = StatusOutcome.PAID
    elif order.status == OrderStatus.EXPIRED:
        try:
            orders.revive(tx, order, paid_at)
        except orders.NOT_REVIVABLE:
            return _refund_unusable(tx, order, payment)
        _notify_late_promo_use(tx, order)
        outcome = StatusOutcome.REVIVED
    else:  # cancelled, refunded, or paid already by another payment
        return _refund_unusable(tx, order, payment)
    _complete_order(tx, order, payment)
    if not was_open:  # an order has one open payment at most
        expire_open_payment(tx, order)
    if outcome is StatusOutcome.PAID:
        orders.mark_paid(tx, order, paid_at)
    return outcome


def _notify_late_promo_use(tx: Transaction, order: Order) -> None:
    """Tell the issuer of a code that it was honoured for a late payment although it was used up meanwhile."""
    use = promos.late_use(tx, order.id)
    if use:
        context = {"code": use.code, "event_title": use.event_title, "discount": use.spent}
        mails.enqueue_to_person(
            tx, "promo_used_late", use.organizer_id, dedupe_key=f"promo_used_late:{order.id}", context=context
        )


def complete_sale(tx: Transaction, order: Order, payment: Payment, sale: ledger.Sale) -> None:
    """Complete an order that is paid in this transaction: post the sale, and have its tickets issued."""
    ledger.post_sale(tx, payment.id, sale)
    outbox.add(tx, "payment.success", {"order_id": order.id})


def _complete_order(tx: Transaction, order: Order, payment: Payment) -> None:
    if _paid_before(order, payment):
        payment_records.mark_topped_up(tx, order.id)
    elif order.review_reason:
        unallocated.refund_all(tx, order.id)  # parts that came before, and are not needed any more
    complete_sale(tx, order, payment, sale_of(order, payment))


def _paid_before(order: Order, payment: Payment) -> int:
    """The amount that must have come before for this payment to complete the order: 0 where it pays the whole."""
    return order.total_amount - (payment.amount - payment.unique_code)


def _refund_unusable(tx: Transaction, order: Order, payment: Payment) -> StatusOutcome:
    refund_id = approval.approve_unusable(tx, payment.id, payment.gateway, order_id=order.id)
    mails.enqueue_about_order(
        tx, "payment_unusable", order.id, dedupe_key=f"payment_unusable:{refund_id}", context={"refund_id": refund_id}
    )
    return StatusOutcome.TO_REFUND


def _hold_mismatch(
    tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus, received: int
) -> StatusOutcome:
    """Hold a mismatched amount for a top-up or a decision; refund it where the order has ended."""
    if reported.currency != "IDR":
        return _review(tx, order, payment, reported, "wrong_currency")
    if order.status not in orders.LIVE:
        return _refund_unusable(tx, order, payment)
    ledger.post_unallocated(tx, payment.id, payment.gateway, received, order_id=order.id)
    missing = order.total_amount - ledger.unallocated_amount(tx, order.id)
    if missing > 0:
        is_asked = order.review_reason == orders.TOP_UP  # a further part gains no more time
        deadline = order.reservation_expires_at if is_asked else orders.extend_for_top_up(tx, order)
        request_top_up(tx, order, payment, missing=missing, deadline=deadline)
        _open_manual_task(tx, "payment_underpaid", payment, reported)
        return StatusOutcome.IN_REVIEW
    amounts = {"received": received, "asked": payment.amount}
    mails.enqueue_about_order(
        tx, "payment_in_review", order.id, dedupe_key=f"payment_in_review:{payment.id}", context=amounts
    )
    return _review(tx, order, payment, reported, "underpaid" if received < payment.amount else "overpaid")


def _review(
    tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus, reason: str
) -> StatusOutcome:
    """Put the order in review until a person has decided about its money."""
    if order.status in orders.LIVE:
        orders.put_in_review(tx, order, reason)
        expire_open_payment(tx, order)
    _open_manual_task(tx, f"payment_{reason}", payment, reported)
    return StatusOutcome.IN_REVIEW


def request_top_up(tx: Transaction, order: Order, payment: Payment, *, missing: int, deadline: datetime) -> None:
    """Tell the buyer of an order that waits until `deadline` what is missing after `payment`.

    If they don't pay it, what came in goes back once the order has ended.
    """
    expire_open_payment(tx, order)  # it asks for more than the rest
    amounts = {"amount": missing, "received": order.total_amount - missing}
    dedupe_key = f"top_up_needed:{payment.id}:{deadline.isoformat()}"
    mails.enqueue_about_order(tx, "top_up_needed", order.id, dedupe_key=dedupe_key, context=amounts)


def expire_open_payment(tx: Transaction, order: Order) -> None:
    """Expire the payment of a locked order that can still be paid, if it has one."""
    payment = payment_records.lock_open(tx, order.id)
    if payment:
        payment_records.expire_and_cancel(tx, payment)


def _expired(tx: Transaction, order: Order, payment: Payment, _: GatewayPaymentStatus) -> StatusOutcome:
    payment_records.mark_ended_at_gateway(tx, payment)
    if not payment.is_open:
        return StatusOutcome.NOTHING
    payment_records.mark_ended(tx, payment, PaymentStatus.EXPIRED)
    if order.status in orders.LIVE and order.review_reason is None:
        orders.expire(tx, order)
    return StatusOutcome.EXPIRED


def _failed(tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus) -> StatusOutcome:
    """End a failed payment. The reservation stays: another method or gateway may follow (TRACK).

    On a page the payer may try the same payment again; a code or an account number that failed is used up.
    """
    is_page = payment.snap_token is not None
    if (reported.payer_may_retry and is_page) or not payment.is_open:
        return StatusOutcome.NOTHING
    payment_records.mark_ended(tx, payment, PaymentStatus.FAILED, reported.raw_status)
    payment_records.mark_ended_at_gateway(tx, payment)
    audit.record(tx, "payment.failed", subject="order", subject_id=order.id, payment_id=payment.id)
    return StatusOutcome.FAILED


def _refunded(tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus) -> StatusOutcome:
    """End a payment that was refunded in full, by us or at the gateway's dashboard."""
    order, payment, _ = _paid_first(tx, order, payment, reported)
    reported = replace(reported, refunded_amount=reported.refunded_amount or payment.received_amount or 0)
    unbooked = dashboard_refunds.unbooked_amount(tx, payment.id, reported)
    ours = [
        refund for refund in refund_records.gateway_refunds_of(tx, payment.id) if refund.kind != RefundKind.BY_GATEWAY
    ]
    if unbooked > 0 and not ours and payment.status == PaymentStatus.PAID:
        return _reverse(tx, order, payment, reported, StatusOutcome.REFUNDED)
    if unbooked > 0:
        return _book_dashboard_refund(tx, order, payment, reported, unbooked)
    by_us = (payment.received_amount or 0) - dashboard_refunds.booked_amount(tx, payment.id)
    if payment.status == PaymentStatus.REFUNDED or not ours or sum(refund.amount for refund in ours) != by_us:
        return StatusOutcome.NOTHING
    for refund in ours:
        refund_records.complete_by_gateway(tx, refund)
    return StatusOutcome.REFUNDED


def _partially_refunded(
    tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus
) -> StatusOutcome:
    """Record what was refunded in part, by us or at the gateway's dashboard."""
    order, payment, outcome = _paid_first(tx, order, payment, reported)
    unbooked = dashboard_refunds.unbooked_amount(tx, payment.id, reported)
    return _book_dashboard_refund(tx, order, payment, reported, unbooked) if unbooked > 0 else outcome


def _paid_first(
    tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus
) -> tuple[Order, Payment, StatusOutcome]:
    """Book as paid what was refunded before it was known: the order and the payment afterwards, and the outcome.

    Otherwise the rest of the money would be lost, and a late notification of the payment would sell what was refunded.
    """
    if payment.received_amount is not None:
        return order, payment, StatusOutcome.NOTHING
    outcome = _paid(tx, order, payment, reported)
    return orders.lock(tx, order.id), payment_records.lock(tx, payment.id), outcome


def _book_dashboard_refund(
    tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus, amount: int
) -> StatusOutcome:
    """Book a dashboard refund of `amount`; a person decides what it was for."""
    is_mismatch = payment_records.waits_for_review(tx, payment.id)
    against = Account.UNALLOCATED if is_mismatch else Account.DASHBOARD_REFUNDS
    reason = f"{payment.gateway}: {reported.raw_status}"
    left = dashboard_refunds.record(tx, payment.id, payment.gateway, amount, against=against, reason=reason)
    is_undone = full_refunds.close_if_fully_refunded(tx, order.id)
    if is_undone and order.status == OrderStatus.PAID and not ledger.suspense_amount(tx, order.id):
        return StatusOutcome.REFUNDED
    if left == 0 and not dashboard_refunds.of_order(tx, order.id):  # it has paid exactly what we owed
        return StatusOutcome.REFUNDED
    return _noted(tx, order, payment, reported)


def _reversed(tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus) -> StatusOutcome:
    """End a payment that the bank took back within minutes, or a card that was voided after its capture.

    (docs/reference/gateways.md, "What a notification means")
    """
    payment_records.mark_ended_at_gateway(tx, payment)
    if payment.is_open:
        return _failed(tx, order, payment, reported)
    return _reverse(tx, order, payment, reported, StatusOutcome.REVERSED)


def _reverse(
    tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus, outcome: StatusOutcome
) -> StatusOutcome:
    """Reverse a payment that the gateway or the bank has given back."""
    if payment.status != PaymentStatus.PAID:
        is_lost = outcome is StatusOutcome.REVERSED and _was_refunded_otherwise(tx, payment)
        return _noted_out_of_order(tx, payment, reported, outcome) if is_lost else StatusOutcome.NOTHING
    if payment_records.waits_for_review(tx, payment.id):
        return _reverse_mismatch(tx, order, payment, reported, outcome)
    if order.status != OrderStatus.PAID or not _is_whole(tx, order, payment):
        if outcome is StatusOutcome.REFUNDED:
            unbooked = dashboard_refunds.unbooked_amount(tx, payment.id, reported)
            return _book_dashboard_refund(tx, order, payment, reported, unbooked)
        return _noted_out_of_order(tx, payment, reported, outcome)
    before = dashboard_refunds.booked_amount(tx, payment.id)
    voiding.void(tx, order.id)
    mails.enqueue_ticket_void(tx, order.id, orders.unreturned_items(tx, order.id), "refunded")
    ledger.post_sale_reversal(tx, payment.id, sale_of(order, payment), returned_before=before)
    _record_reversal(tx, payment, reported, before)
    orders.mark_refunded(tx, order)
    if outcome is StatusOutcome.REVERSED:
        _open_manual_task(tx, "payment_reversed", payment, reported)
    return outcome


def _was_refunded_otherwise(tx: Transaction, payment: Payment) -> bool:
    """True if a payment was refunded by us, or with another one of its order: its own gateway has not booked it all."""
    booked = dashboard_refunds.booked_amount(tx, payment.id)
    return payment.status == PaymentStatus.REFUNDED and booked < (payment.received_amount or 0)


def _noted_out_of_order(
    tx: Transaction, payment: Payment, reported: GatewayPaymentStatus, outcome: StatusOutcome
) -> StatusOutcome:
    """Ask a person about money that went back of an order that it does not end."""
    _open_manual_task(tx, f"payment_{outcome}_out_of_order", payment, reported)
    return StatusOutcome.NOTED


def _reverse_mismatch(
    tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus, outcome: StatusOutcome
) -> StatusOutcome:
    """Reverse a mismatched payment: nothing is left to decide, and an order that waited for it ends."""
    before = dashboard_refunds.booked_amount(tx, payment.id)
    rest = (payment.received_amount or 0) - before
    ledger.post_unallocated_reversal(tx, payment.id, payment.gateway, rest, order_id=order.id)
    _record_reversal(tx, payment, reported, before)
    payment_records.mark_reviewed(tx, payment.id, "refunded")
    if order.status in orders.LIVE and order.review_reason:
        orders.cancel_unpayable(tx, order)
    return outcome


def _record_reversal(tx: Transaction, payment: Payment, reported: GatewayPaymentStatus, before: int) -> None:
    rest = (payment.received_amount or 0) - before
    refund_records.record_reversal(tx, payment.id, rest, f"{payment.gateway}: {reported.raw_status}")


def _is_whole(tx: Transaction, order: Order, payment: Payment) -> bool:
    """True if this payment alone paid the whole order, and nothing of it has been given back or asked back."""
    is_all = payment.received_amount == payment.amount and not _paid_before(order, payment)
    return is_all and ledger.has_sale(tx, payment.id) and not refund_records.has_own(tx, order.id)


def _noted_once(tx: Transaction, order: Order, payment: Payment, reported: GatewayPaymentStatus) -> StatusOutcome:
    """Ask a person about a status that changes nothing by itself, unless one has finished with it before."""
    finished = manual_tasks.last_finished(tx, f"payment_{reported.state}", payment.id)
    if finished and finished["raw_status"] == reported.raw_status:
        return StatusOutcome.NOTHING
    return _noted(tx, order, payment, reported)


def _noted(tx: Transaction, _: Order, payment: Payment, reported: GatewayPaymentStatus) -> StatusOutcome:
    _open_manual_task(tx, f"payment_{reported.state}", payment, reported)
    return StatusOutcome.NOTED


def _nothing(_tx: Transaction, _order: Order, _payment: Payment, _reported: GatewayPaymentStatus) -> StatusOutcome:
    return StatusOutcome.NOTHING


def _open_manual_task(tx: Transaction, kind: str, payment: Payment, reported: GatewayPaymentStatus) -> None:
    details: dict[str, Any] = {
        "gateway": payment.gateway,
        "order_id": payment.order_id,
        "expected": payment.amount,
        "received": reported.paid_amount,
        "currency": reported.currency,
        "raw_status": reported.raw_status,
    }
    audit.record(tx, kind, subject="payment", subject_id=payment.id, **details)
    manual_tasks.add(tx, kind, subject="payment", subject_id=payment.id, **details)


def sale_of(order: Order, payment: Payment) -> ledger.Sale:
    """The sale to post for an order that `payment` has paid, alone or by the rest that was missing."""
    return ledger.Sale(
        order.id,
        order.organizer_id,
        payment.gateway,
        total=order.total_amount,
        platform_fee=order.platform_fee,
        received=payment.received_amount or 0,
        set_aside=_paid_before(order, payment),
    )


_Act = Callable[[Transaction, Order, Payment, GatewayPaymentStatus], StatusOutcome]
_ACTS: dict[GatewayPaymentState, _Act] = {
    GatewayPaymentState.PENDING: _nothing,
    GatewayPaymentState.CHALLENGED: _nothing,  # the gateway's fraud review decides; nothing is handed out until then
    GatewayPaymentState.PAID: _paid,
    GatewayPaymentState.EXPIRED: _expired,
    GatewayPaymentState.FAILED: _failed,
    GatewayPaymentState.REFUNDED: _refunded,
    GatewayPaymentState.PARTIALLY_REFUNDED: _partially_refunded,
    GatewayPaymentState.REVERSED: _reversed,
    GatewayPaymentState.CHARGED_BACK: _noted_once,
    GatewayPaymentState.UNKNOWN: _noted_once,
}
