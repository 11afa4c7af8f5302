"""Ending a payment at its gateway once it may no longer be paid; if it has just been paid, that is settled."""

from uuid import UUID

from shared.cloud.database import transaction
from shared.gateways.facts import PaymentFact, PaymentState
from shared.payments import attempts, providers, settlement, unallocated
from shared.sales import orders


def end_payments_of(order_id: UUID) -> None:
    """An order has ended: close what is open of its payments, here and at the gateway, and return what came in part."""
    with transaction() as tx:
        order = orders.lock(tx, order_id)
        attempt = attempts.lock_open(tx, order_id)
        if attempt and order.status not in orders.LIVE:
            attempts.close(tx, attempt)
        unallocated.give_back_after_end(tx, order)


def give_up_opening(payment_id: UUID) -> None:
    """Close a payment whose checkout died before the gateway's answer was kept; its order may be tried again."""
    with transaction() as tx:
        order_id = attempts.read(tx, payment_id).order_id
        orders.lock(tx, order_id)
        attempt = attempts.lock(tx, payment_id)
        if attempt.status == "opening":
            attempts.close(tx, attempt)


def end_at_gateway(payment_id: UUID) -> None:
    """Have the gateway take no more money for a payment. Safe to repeat.

    Raises GatewayUnavailable where it gave no answer: call again.
    """
    with transaction() as tx:
        attempt = attempts.read(tx, payment_id)
    if attempt.status in ("paid", "refunded"):
        return
    facts = providers.end(attempt)
    with transaction() as tx:
        settlement.settle_all(tx, attempt, facts)
        if all(map(_is_over, facts)):
            attempts.mark_ended_at_gateway(tx, attempt)


def _is_over(fact: PaymentFact) -> bool:
    """Pending after an end is a Snap page whose visitor had chosen nothing: there is nothing to pay."""
    return fact.state is not PaymentState.UNKNOWN
