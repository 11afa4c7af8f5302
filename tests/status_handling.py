"""Handling of one payment's status that a test makes up."""

from uuid import UUID

from shared.cloud.database import Transaction
from shared.gateways.statuses import GatewayPaymentStatus
from shared.payments import records as payment_records
from shared.payments import status_handling
from shared.payments.status_handling import StatusOutcome
from shared.sales import orders


def handle_one(tx: Transaction, payment_id: UUID, reported: GatewayPaymentStatus) -> StatusOutcome:
    """Act on a status as on one that its gateway reported of just this payment."""
    order = orders.lock(tx, payment_records.read(tx, payment_id).order_id)
    return status_handling._act(tx, order, payment_records.lock(tx, payment_id), reported)
