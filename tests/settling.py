"""Settlement of one payment by a status that a test makes up."""

from uuid import UUID

from shared.cloud.database import Transaction
from shared.gateways.statuses import GatewayPaymentStatus
from shared.payments import records as payment_records
from shared.payments import settlement
from shared.payments.settlement import SettlementOutcome
from shared.sales import orders


def settle_one(tx: Transaction, payment_id: UUID, reported: GatewayPaymentStatus) -> SettlementOutcome:
    """Act on a status as on one that its gateway reported of just this payment."""
    order = orders.lock(tx, payment_records.read(tx, payment_id).order_id)
    return settlement._act(tx, order, payment_records.lock(tx, payment_id), reported)
