"""Payment expiry: cancelling payments at their gateways once they may no longer be paid.

One that was paid meanwhile counts as paid.
"""

from uuid import UUID

from shared.cloud.database import transaction
from shared.gateways import registry
from shared.gateways.statuses import GatewayPaymentState, GatewayPaymentStatus
from shared.payments import records as payment_records
from shared.payments import status_handling, unallocated
from shared.sales import orders
from shared.states import PaymentStatus


def expire_payments(order_id: UUID) -> None:
    """Expire the open payments of an ended order, here and at the gateway, and refund what came in part."""
    with transaction() as tx:
        order = orders.lock(tx, order_id)
        payment = payment_records.lock_open(tx, order_id)
        if payment and order.status not in orders.LIVE:
            payment_records.expire_and_cancel(tx, payment)
        unallocated.refund_if_ended(tx, order)


def expire_unopened(payment_id: UUID) -> None:
    """Close a payment whose checkout died before the gateway's answer was kept; its order can be paid again."""
    with transaction() as tx:
        order_id = payment_records.read(tx, payment_id).order_id
        orders.lock(tx, order_id)
        payment = payment_records.lock(tx, payment_id)
        if payment.status == PaymentStatus.OPENING:
            payment_records.expire_and_cancel(tx, payment)


def cancel_at_gateway(payment_id: UUID) -> None:
    """Cancel a payment at its gateway, so that it takes no more money. Safe to repeat.

    Raises GatewayUnavailable where it gave no answer: call again.
    """
    with transaction() as tx:
        payment = payment_records.read(tx, payment_id)
    if payment.status in (PaymentStatus.PAID, PaymentStatus.REFUNDED):
        return
    statuses = registry.gateway(payment.gateway).cancel(payment)
    with transaction() as tx:
        status_handling.handle(tx, payment, statuses)
        if all(map(_is_over, statuses)):
            payment_records.mark_ended_at_gateway(tx, payment)


def _is_over(reported: GatewayPaymentStatus) -> bool:
    """True if nobody can pay it any more, as far as the gateway says."""
    # A Snap page that is pending after its cancellation is one where no method was chosen: there is nothing to pay.
    return reported.state is not GatewayPaymentState.UNKNOWN
