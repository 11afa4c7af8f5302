"""The one place of side effects: what a gateway's fact about a payment does to the order, stock, books and tickets.

Webhook, sync, expiry and reconcile all come here with what the gateway answered when it was asked.
Locks are taken in the order: order, payment, tiers. A fact that has been acted on already, or that
would move an order backwards, changes nothing; money is never dropped silently.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.cloud import audit, clock, manual_tasks, outbox
from shared.cloud.database import Transaction
from shared.gateways.facts import PaymentFact, PaymentState
from shared.messages import mails
from shared.money import dashboard_refunds, ledger, refunds
from shared.payments import attempts, unallocated, whole_refunds
from shared.payments.attempts import Attempt
from shared.sales import orders, promos
from shared.sales.orders import Order
from shared.tickets import issuing

log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What came of a fact. Kept with the webhook that told it."""

    PAID = "paid"
    REVIVED = "revived"  # late money bought the stock anew
    TO_REFUND = "to_refund"  # money that buys nothing goes back in full
    IN_REVIEW = "in_review"  # the amount does not fit: the buyer pays the rest, or a person decides
    EXPIRED = "expired"
    FAILED = "failed"
    REFUNDED = "refunded"
    REVERSED = "reversed"
    NOTED = "noted"  # a person has been told; the order stays as it is
    NOTHING = "nothing"  # known already, still pending, or too old to matter


def settle(tx: Transaction, payment_id: UUID, fact: PaymentFact) -> Outcome:
    """Act once on what the gateway says of a payment. Raises NotFound for a payment we don't have."""
    order = orders.lock(tx, attempts.read(tx, payment_id).order_id)
    attempt = attempts.lock(tx, payment_id)
    outcome = _ACTS.get(fact.state, _nothing)(tx, order, attempt, fact)
    log.info(
        "payment.settled",
        extra={
            "order_id": str(order.id),
            "payment_id": str(attempt.id),
            "gateway": attempt.gateway,
            "state": fact.state,
            "outcome": outcome,
        },
    )
    return outcome


def settle_all(tx: Transaction, attempt: Attempt, facts: Sequence[PaymentFact]) -> Outcome:
    """Act once on everything a gateway has under the external id of a payment: what is paid first.

    Returns the first outcome that changed something.
    """
    orders.lock(tx, attempt.order_id)
    outcomes = []
    for fact in sorted(facts, key=_urgency):
        holder = attempts.holder_of(tx, attempt, fact)
        if holder and not _is_overtaken(tx, holder, fact, facts):
            outcomes.append(settle(tx, holder, fact))
    return next((outcome for outcome in outcomes if outcome is not Outcome.NOTHING), Outcome.NOTHING)


def _urgency(fact: PaymentFact) -> int:
    return {PaymentState.PAID: 0, PaymentState.PENDING: 1}.get(fact.state, 2)


def _is_overtaken(tx: Transaction, holder: UUID, fact: PaymentFact, facts: Sequence[PaymentFact]) -> bool:
    """Whether an invoice that is over says nothing of a payment, since another one of it can still be paid."""
    is_kept = attempts.read(tx, holder).gateway_reference is not None
    return not is_kept and fact.state is PaymentState.EXPIRED and any(_urgency(each) == 1 for each in facts)


def settle_free(tx: Transaction, order: Order) -> None:
    """An order that costs nothing is paid at once. No money moves; what its promo code's issuer pays is posted."""
    payment_id = attempts.add_free(tx, order)
    orders.mark_paid(tx, order, clock.now())
    ledger.post_sale(tx, payment_id, sale_of(order, attempts.read(tx, payment_id)))
    outbox.add(tx, "payment.success", {"order_id": order.id})


def _paid(tx: Transaction, order: Order, attempt: Attempt, fact: PaymentFact) -> Outcome:
    if attempt.received_amount is not None:
        return Outcome.NOTHING
    received = fact.paid_amount if fact.paid_amount is not None else (fact.amount or 0)
    paid_at = fact.paid_at or clock.now()
    attempts.mark_paid(tx, attempt, fact, received, paid_at)
    if fact.currency != "IDR" or received != attempt.amount:
        return _set_aside(tx, order, attempt, fact, received)
    if _rest(order, attempt) not in (0, ledger.set_aside(tx, order.id)):
        return _send_back(tx, order, attempt)  # what it was to complete is no longer there
    if order.status in orders.LIVE:
        orders.mark_paid(tx, order, paid_at)
        return _bought(tx, order, attempt, Outcome.PAID)
    if order.status == "expired":
        try:
            orders.revive(tx, order, paid_at)
        except orders.NOT_REVIVABLE:
            return _send_back(tx, order, attempt)
        _tell_of_late_use(tx, order)
        return _bought(tx, order, attempt, Outcome.REVIVED)
    return _send_back(tx, order, attempt)  # cancelled, refunded, or paid already by another payment


def _tell_of_late_use(tx: Transaction, order: Order) -> None:
    """Whoever issued a code learns that it was honoured for late money although it was used up meanwhile."""
    use = promos.late_use(tx, order.id)
    if use:
        context = {"code": use.code, "event_title": use.title, "discount": use.promo_spent}
        mails.ask_person(
            tx, "promo_used_late", use.organizer_id, once_key=f"promo_used_late:{order.id}", context=context
        )


def sold(tx: Transaction, order: Order, attempt: Attempt, sale: ledger.Sale) -> None:
    """What follows whenever money has bought an order: the books, the tickets, the end of other tries."""
    ledger.post_sale(tx, attempt.id, sale)
    outbox.add(tx, "payment.success", {"order_id": order.id})
    _close_open(tx, order)


def _bought(tx: Transaction, order: Order, attempt: Attempt, outcome: Outcome) -> Outcome:
    if _rest(order, attempt):
        attempts.mark_topped_up(tx, order.id)
    else:
        unallocated.give_back_all_of(tx, order.id)  # parts that came before, and are not needed any more
    sold(tx, order, attempt, sale_of(order, attempts.read(tx, attempt.id)))
    return outcome


def _rest(order: Order, attempt: Attempt) -> int:
    """What must have come before, for this payment to complete the order: 0 where it pays the whole."""
    return order.total_amount - (attempt.amount - attempt.unique_code)


def _send_back(tx: Transaction, order: Order, attempt: Attempt) -> Outcome:
    refund_id = refunds.owe_unusable_payment(tx, attempt.id, attempt.gateway, order_id=order.id)
    mails.ask_about_order(
        tx, "payment_unusable", order.id, once_key=f"payment_unusable:{refund_id}", context={"refund_id": refund_id}
    )
    return Outcome.TO_REFUND


def _set_aside(tx: Transaction, order: Order, attempt: Attempt, fact: PaymentFact, received: int) -> Outcome:
    """Money that does not fit completes its order later, or waits for a person, or goes back as the order has ended."""
    if fact.currency != "IDR":
        return _review(tx, order, attempt, fact, "wrong_currency")
    if order.status not in orders.LIVE:
        return _send_back(tx, order, attempt)
    ledger.post_unallocated(tx, attempt.id, attempt.gateway, received, order_id=order.id)
    missing = order.total_amount - ledger.set_aside(tx, order.id)
    if missing > 0:
        is_asked = order.review_reason == orders.TOP_UP  # a further part gains no more time
        deadline = order.reservation_expires_at if is_asked else orders.wait_for_rest(tx, order)
        ask_for_rest(tx, order, attempt, missing=missing, deadline=deadline)
        _tell_a_person(tx, "payment_underpaid", attempt, fact)
        return Outcome.IN_REVIEW
    amounts = {"received": received, "asked": attempt.amount}
    mails.ask_about_order(
        tx, "payment_in_review", order.id, once_key=f"payment_in_review:{attempt.id}", context=amounts
    )
    return _review(tx, order, attempt, fact, "underpaid" if received < attempt.amount else "overpaid")


def _review(tx: Transaction, order: Order, attempt: Attempt, fact: PaymentFact, reason: str) -> Outcome:
    """Nothing goes on with this order's money until a person has decided."""
    if order.status in orders.LIVE:
        orders.put_in_review(tx, order, reason)
        _close_open(tx, order)
    _tell_a_person(tx, f"payment_{reason}", attempt, fact)
    return Outcome.IN_REVIEW


def ask_for_rest(tx: Transaction, order: Order, attempt: Attempt, *, missing: int, deadline: datetime) -> None:
    """Tell the buyer of an order that waits until `deadline` what is missing after `attempt`.

    If they don't pay it, what came in goes back once the order has ended.
    """
    _close_open(tx, order)  # it asks for more than the rest
    amounts = {"amount": missing, "received": order.total_amount - missing}
    once_key = f"top_up_needed:{attempt.id}:{deadline.isoformat()}"
    mails.ask_about_order(tx, "top_up_needed", order.id, once_key=once_key, context=amounts)


def _close_open(tx: Transaction, order: Order) -> None:
    attempt = attempts.lock_open(tx, order.id)
    if attempt:
        attempts.close(tx, attempt)


def _expired(tx: Transaction, order: Order, attempt: Attempt, _: PaymentFact) -> Outcome:
    attempts.mark_ended_at_gateway(tx, attempt)
    if not attempt.is_open:
        return Outcome.NOTHING
    attempts.mark_ended(tx, attempt, "expired")
    if order.status in orders.LIVE and order.review_reason is None:
        orders.expire(tx, order)
    return Outcome.EXPIRED


def _failed(tx: Transaction, order: Order, attempt: Attempt, fact: PaymentFact) -> Outcome:
    """The try is over, the reservation is not: another method or gateway may follow (TRACK)."""
    if fact.payer_may_retry or not attempt.is_open:
        return Outcome.NOTHING
    attempts.mark_ended(tx, attempt, "failed", fact.raw_status)
    attempts.mark_ended_at_gateway(tx, attempt)
    audit.record(tx, "payment.failed", subject="order", subject_id=order.id, payment_id=attempt.id)
    return Outcome.FAILED


def _refunded(tx: Transaction, order: Order, attempt: Attempt, fact: PaymentFact) -> Outcome:
    """All the money is back with the customer: by our own refund, or by somebody at the gateway's dashboard."""
    if attempt.received_amount is None:
        return Outcome.NOTHING
    fact = replace(fact, refunded_amount=fact.refunded_amount or attempt.received_amount)
    unbooked = dashboard_refunds.unbooked(tx, attempt.id, fact)
    ours = [refund for refund in refunds.sent_of(tx, attempt.id) if refund.kind != "by_gateway"]
    if unbooked > 0 and not ours and attempt.status == "paid":
        return _take_back(tx, order, attempt, fact, Outcome.REFUNDED)
    if unbooked > 0:
        return _book_dashboard_refund(tx, order, attempt, fact, unbooked)
    if attempt.status == "refunded" or sum(refund.amount for refund in ours) != attempt.received_amount:
        return Outcome.NOTHING
    for refund in ours:
        refunds.complete_by_gateway(tx, refund)
    return Outcome.REFUNDED


def _partially_refunded(tx: Transaction, order: Order, attempt: Attempt, fact: PaymentFact) -> Outcome:
    """Some of the money is back: by our own refunds, each of which is told apart, or by somebody else."""
    unbooked = dashboard_refunds.unbooked(tx, attempt.id, fact) if attempt.received_amount is not None else 0
    return _book_dashboard_refund(tx, order, attempt, fact, unbooked) if unbooked > 0 else Outcome.NOTHING


def _book_dashboard_refund(tx: Transaction, order: Order, attempt: Attempt, fact: PaymentFact, amount: int) -> Outcome:
    """Somebody gave `amount` back at the dashboard: it has left. What it is for, a person decides."""
    is_odd = attempts.waits_for_review(tx, attempt.id)
    against = ledger.UNALLOCATED if is_odd else ledger.SUSPENSE
    reason = f"{attempt.gateway}: {fact.raw_status}"
    left = dashboard_refunds.book(tx, attempt.id, attempt.gateway, amount, against=against, reason=reason)
    is_undone = whole_refunds.finish(tx, order.id)
    if is_undone and order.status == "paid" and not ledger.in_suspense(tx, order.id):
        return Outcome.REFUNDED
    if left == 0 and not dashboard_refunds.of_order(tx, order.id):  # it has paid exactly what we owed
        return Outcome.REFUNDED
    return _noted(tx, order, attempt, fact)


def _reversed(tx: Transaction, order: Order, attempt: Attempt, fact: PaymentFact) -> Outcome:
    """The bank took a settled payment back within minutes (docs/reference/gateways.md)."""
    if attempt.is_open:
        return _failed(tx, order, attempt, fact)
    return _take_back(tx, order, attempt, fact, Outcome.REVERSED)


def _take_back(tx: Transaction, order: Order, attempt: Attempt, fact: PaymentFact, outcome: Outcome) -> Outcome:
    """The gateway or the bank has given a payment back without us."""
    if attempt.status != "paid":
        return Outcome.NOTHING
    if attempts.waits_for_review(tx, attempt.id):
        return _take_back_odd_money(tx, order, attempt, fact, outcome)
    if order.status != "paid" or not _is_whole(tx, order, attempt):
        if outcome is Outcome.REFUNDED:
            unbooked = dashboard_refunds.unbooked(tx, attempt.id, fact)
            return _book_dashboard_refund(tx, order, attempt, fact, unbooked)
        _tell_a_person(tx, f"payment_{outcome}_out_of_order", attempt, fact)
        return Outcome.NOTED
    before = dashboard_refunds.booked(tx, attempt.id)
    issuing.void(tx, order.id)
    mails.ask_ticket_void(tx, order.id, orders.kept_items(tx, order.id), "refunded")
    ledger.post_sale_taken_back(tx, attempt.id, sale_of(order, attempt), returned_before=before)
    _record_taken_back(tx, attempt, fact, before)
    orders.mark_refunded(tx, order)
    if outcome is Outcome.REVERSED:
        _tell_a_person(tx, "payment_reversed", attempt, fact)
    return outcome


def _take_back_odd_money(
    tx: Transaction, order: Order, attempt: Attempt, fact: PaymentFact, outcome: Outcome
) -> Outcome:
    """What nobody had decided about is gone: nothing is left to decide, and an order that waited for it ends."""
    before = dashboard_refunds.booked(tx, attempt.id)
    rest = (attempt.received_amount or 0) - before
    ledger.post_unallocated_taken_back(tx, attempt.id, attempt.gateway, rest, order_id=order.id)
    _record_taken_back(tx, attempt, fact, before)
    attempts.mark_reviewed(tx, attempt.id, "refunded")
    if order.status in orders.LIVE and order.review_reason:
        orders.end_for_good(tx, order)
    return outcome


def _record_taken_back(tx: Transaction, attempt: Attempt, fact: PaymentFact, before: int) -> None:
    rest = (attempt.received_amount or 0) - before
    refunds.record_taken_back(tx, attempt.id, rest, f"{attempt.gateway}: {fact.raw_status}")


def _is_whole(tx: Transaction, order: Order, attempt: Attempt) -> bool:
    """Whether this payment alone paid the whole order, and nothing of it has been given back or asked back."""
    is_all = attempt.received_amount == attempt.amount and not _rest(order, attempt)
    return is_all and ledger.has_bought(tx, attempt.id) and not refunds.any_of_ours(tx, order.id)


def _noted(tx: Transaction, _: Order, attempt: Attempt, fact: PaymentFact) -> Outcome:
    _tell_a_person(tx, f"payment_{fact.state}", attempt, fact)
    return Outcome.NOTED


def _nothing(_tx: Transaction, _order: Order, _attempt: Attempt, _fact: PaymentFact) -> Outcome:
    return Outcome.NOTHING


def _tell_a_person(tx: Transaction, kind: str, attempt: Attempt, fact: PaymentFact) -> None:
    details: dict[str, Any] = {
        "gateway": attempt.gateway,
        "order_id": attempt.order_id,
        "expected": attempt.amount,
        "received": fact.paid_amount,
        "currency": fact.currency,
        "raw_status": fact.raw_status,
    }
    audit.record(tx, kind, subject="payment", subject_id=attempt.id, **details)
    manual_tasks.add(tx, kind, subject="payment", subject_id=attempt.id, **details)


def sale_of(order: Order, attempt: Attempt) -> ledger.Sale:
    """What the books must know of an order that `attempt` has paid: alone, or by the rest that was missing."""
    return ledger.Sale(
        order.id,
        order.organizer_id,
        attempt.gateway,
        total=order.total_amount,
        platform_fee=order.platform_fee,
        received=attempt.received_amount or 0,
        set_aside=_rest(order, attempt),
    )


_Act = Callable[[Transaction, Order, Attempt, PaymentFact], Outcome]
_ACTS: dict[PaymentState, _Act] = {
    PaymentState.PENDING: _nothing,
    PaymentState.CHALLENGED: _nothing,  # the gateway's fraud review decides; nothing is handed out until then
    PaymentState.PAID: _paid,
    PaymentState.EXPIRED: _expired,
    PaymentState.FAILED: _failed,
    PaymentState.REFUNDED: _refunded,
    PaymentState.PARTIALLY_REFUNDED: _partially_refunded,
    PaymentState.REVERSED: _reversed,
    PaymentState.CHARGED_BACK: _noted,
    PaymentState.UNKNOWN: _noted,
}
