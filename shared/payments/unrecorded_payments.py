"""Invoices at a gateway under our external ids that no payment has kept, or whose money none has booked.

A repeated click or a lost answer makes such an invoice. A paid one pays its order or goes back in full; one that can
still be paid is cancelled. Refunds made at a dashboard, without a webhook, are found likewise. Only gateways that list
what was created can be checked (`payments_created`, `refunds_created`).
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from shared.cloud import clock
from shared.cloud.database import transaction
from shared.gateways import registry
from shared.gateways.protocol import Gateway
from shared.gateways.statuses import GatewayPaymentState, GatewayPaymentStatus, GatewayRefundStatus
from shared.payments import check_windows, status_handling, sync
from shared.payments import records as payment_records
from shared.payments.status_handling import StatusOutcome
from shared.refunds import records as refund_records
from shared.states import PaymentStatus

WINDOW = timedelta(hours=3)
"""The check runs hourly, and an invoice can be paid for 30 minutes."""

REFUNDS_WINDOW = timedelta(hours=26)
REFUNDABLE = timedelta(days=365)
REFUNDS_AT_ONCE = 100

INVOICES_CHECKED, REFUNDS_CHECKED = "invoices.checked", "dashboard_refunds.checked"
"""The audit entries of the checks."""


def handle_unrecorded(*, older_than_seconds: int) -> int:
    """Handle the invoices since the last check that are paid and booked nowhere; cancel those that no payment has kept.

    Returns how many there were. Raises the errors of shared.gateways.errors.
    """
    until = clock.now() - timedelta(seconds=older_than_seconds)
    spans = check_windows.spans(INVOICES_CHECKED, until=until, window=WINDOW)
    return sum(
        _handle_between(INVOICES_CHECKED, since, end, _used_since(since), _handle_unrecorded) for since, end in spans
    )


def handle_refunds() -> int:
    """Book the refunds made at a gateway's dashboard since the last check; return the number of their payments.

    Raises the errors of shared.gateways.errors.
    """
    spans = check_windows.spans(REFUNDS_CHECKED, until=clock.now(), window=REFUNDS_WINDOW)
    return sum(
        _handle_between(REFUNDS_CHECKED, since, end, _used_since(since - REFUNDABLE), _handle_refunds)
        for since, end in spans
    )


def _used_since(moment: datetime) -> list[Gateway]:
    """The gateways with any payment since then: no other is called."""
    with transaction() as tx:
        return [registry.gateway(name) for name in registry.GATEWAYS if payment_records.has_any_since(tx, name, moment)]


def _handle_between(
    action: str,
    since: datetime,
    until: datetime,
    gateways: Iterable[Gateway],
    handle: Callable[[Gateway, datetime, datetime], int],
) -> int:
    """Handle a span at each gateway, and record it."""
    handled = sum(handle(gateway, since, until) for gateway in gateways)
    with transaction() as tx:
        check_windows.record_checked(tx, action, since=since, until=until, found=handled)
    return handled


def _handle_unrecorded(gateway: Gateway, since: datetime, until: datetime) -> int:
    matters = [
        reported
        for reported in gateway.payments_created(since, until)
        if reported.state in (GatewayPaymentState.PAID, GatewayPaymentState.PENDING)
    ]
    if not matters:
        return 0
    with transaction() as tx:
        unrecorded = payment_records.find_unrecorded(tx, gateway.name, matters)
    return sum(_handle(reported) for reported in matters if reported.gateway_reference in unrecorded)


def _handle(reported: GatewayPaymentStatus) -> bool:
    with transaction() as tx:
        payment_id = payment_records.find_by_reference(
            tx, reported.gateway, reported.external_id, reported.gateway_reference
        )
        if payment_id is None:  # an invoice that somebody made at the dashboard
            return False
        payment = payment_records.read(tx, payment_id)
        if payment.status == PaymentStatus.OPENING and reported.state is GatewayPaymentState.PENDING:
            return False  # its checkout goes on with it
        status_handling.handle(tx, payment, [reported])
        return True


def _handle_refunds(gateway: Gateway, since: datetime, until: datetime) -> int:
    """Handle the refunds of a span while they are listed, so that a run that is cut off has booked some."""
    within = (refund for refund in gateway.refunds_created(since) if refund.created is None or refund.created <= until)
    handled = 0
    while made := list(itertools.islice(within, REFUNDS_AT_ONCE)):
        handled += _handle_listed(gateway, made)
    return handled


def _handle_listed(gateway: Gateway, made: Sequence[GatewayRefundStatus]) -> int:
    with transaction() as tx:
        others = {refund.payment_reference for refund in made if refund_records.find_by_reference(tx, refund) is None}
        found = [payment_records.find_by_reference(tx, gateway.name, None, reference) for reference in sorted(others)]
    outcomes = [sync.sync_refunds(payment_id) for payment_id in found if payment_id]
    return sum(outcome is not StatusOutcome.NOTHING for outcome in outcomes)
