"""Orders that are refunded in full, in whatever parts, some of them at a gateway's dashboard."""

from uuid import UUID

from shared.accounting import ledger
from shared.cloud.database import Transaction
from shared.messages import mails
from shared.refunds import dashboard
from shared.refunds import records as refund_records
from shared.sales import orders
from shared.tickets import voiding


def close_if_fully_refunded(tx: Transaction, order_id: UUID) -> bool:
    """Close a locked order if all that was received for it has gone back; return whether it was closed."""
    payment_id = ledger.post_remaining_sale_reversal(tx, order_id)
    if payment_id is None:
        return False
    refund_records.reject_requested(tx, order_id, "All that was paid has gone back at the gateway already.")
    kept = orders.unreturned_items(tx, order_id)
    voiding.void(tx, order_id)
    if kept:
        mails.enqueue_ticket_void(tx, order_id, kept, "refunded")
    refund_records.close_order(tx, order_id)
    dashboard.offset_owed_refunds(tx, payment_id)
    if not ledger.suspense_amount(tx, order_id):
        dashboard.close_tasks(tx, order_id)
    return True
