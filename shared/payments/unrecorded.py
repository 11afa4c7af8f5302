"""Invoices at Xendit under our external ids that no payment has kept, or whose money none has booked.

Likewise refunds that somebody made at its dashboard and no webhook has told of. A click too many or a lost answer
makes such an invoice. What is paid of them settles its order or goes back in full, what can
still be paid is ended.
"""

from datetime import timedelta

from shared.cloud import clock
from shared.cloud.database import transaction
from shared.gateways import registry
from shared.gateways.statuses import GatewayPaymentState, GatewayPaymentStatus
from shared.payments import records as payment_records
from shared.payments import settlement, sync
from shared.payments.settlement import SettlementOutcome
from shared.refunds import records as refund_records
from shared.states import PaymentStatus

WINDOW = timedelta(hours=3)
"""It is looked every hour, and an invoice can be paid for half of one."""

REFUNDS_WINDOW = timedelta(hours=26)
REFUNDABLE = timedelta(days=365)

_GATEWAY = "xendit"


def settle_unrecorded(*, older_than_seconds: int) -> int:
    """Settle what is paid of the last hours' invoices and booked nowhere, end what else no payment has kept.

    Returns how many there were. Raises the errors of shared.gateways.errors.
    """
    until = clock.now() - timedelta(seconds=older_than_seconds)
    with transaction() as tx:
        if not payment_records.has_any_since(tx, _GATEWAY, until - WINDOW):
            return 0
    made = registry.xendit().invoices_made(until - WINDOW, until)
    matters = [
        reported for reported in made if reported.state in (GatewayPaymentState.PAID, GatewayPaymentState.PENDING)
    ]
    with transaction() as tx:
        unrecorded = payment_records.find_unrecorded(tx, _GATEWAY, matters)
    return sum(_settle(reported) for reported in matters if reported.gateway_reference in unrecorded)


def settle_refunds() -> int:
    """Book what the last hours' refunds at Xendit's dashboard have given back; give how many payments there were.

    Raises the errors of shared.gateways.errors.
    """
    since = clock.now() - REFUNDS_WINDOW
    with transaction() as tx:
        if not payment_records.has_any_since(tx, _GATEWAY, since - REFUNDABLE):
            return 0
    made = list(registry.xendit().refunds_made(since))
    with transaction() as tx:
        others = {refund.payment_reference for refund in made if refund_records.find_by_reference(tx, refund) is None}
        found = [payment_records.find_by_reference(tx, _GATEWAY, None, reference) for reference in sorted(others)]
    outcomes = [sync.sync_refunds(payment_id) for payment_id in found if payment_id]
    return sum(outcome is not SettlementOutcome.NOTHING for outcome in outcomes)


def _settle(reported: GatewayPaymentStatus) -> bool:
    with transaction() as tx:
        payment_id = payment_records.find_by_reference(tx, _GATEWAY, reported.external_id, reported.gateway_reference)
        if payment_id is None:  # an invoice that somebody made at the dashboard
            return False
        payment = payment_records.read(tx, payment_id)
        if (
            payment.status == PaymentStatus.OPENING and reported.state is GatewayPaymentState.PENDING
        ):  # its checkout goes on with it
            return False
        settlement.settle_all(tx, payment, [reported])
        return True
