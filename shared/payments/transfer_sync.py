"""Transfer sync: asking the gateway for the status of one transfer, and booking it on the payout or refund it pays."""

from uuid import UUID

from shared.cloud.database import transaction
from shared.payouts import execution as payout_execution
from shared.payouts import transfers
from shared.refunds import execution as refund_execution
from shared.states import TransferStatus


def sync_transfer(transfer_id: UUID) -> str:
    """Ask the gateway for the status of a transfer, and book it; return the status of the payout or refund it pays.

    Raises GatewayUnavailable where the gateway gave no answer: call again.
    """
    with transaction() as tx:
        transfer = transfers.read(tx, transfer_id)
    reported = transfers.query(transfer)
    if reported is None and transfer.status == TransferStatus.SENDING:  # it never got there
        with transaction() as tx:
            account = transfers.account_of(tx, transfer)
        reported = transfers.send(transfer, account)
    if reported is None:
        return transfer.status
    if transfer.refund_id:
        return refund_execution.record_transfer(transfer, reported)
    return payout_execution.record_transfer(transfer, reported)
