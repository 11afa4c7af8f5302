"""Orders of which all that came in has gone back, in whatever parts and by whomever, some of it at a dashboard."""

from uuid import UUID

from shared.accounting import ledger
from shared.cloud import manual_tasks
from shared.cloud.database import Transaction
from shared.messages import mails
from shared.refunds import records as refund_records
from shared.sales import orders
from shared.tickets import voiding


def complete_if_all_returned(tx: Transaction, order_id: UUID) -> bool:
    """Refund such an order, as by a refund of the whole payment; False where something is left. The order is locked."""
    payment_id = ledger.post_rest_taken_back(tx, order_id)
    if payment_id is None:
        return False
    refund_records.reject_requested(tx, order_id, "All that was paid has gone back at the gateway already.")
    kept = orders.unreturned_items(tx, order_id)
    voiding.void(tx, order_id)
    if kept:
        mails.enqueue_ticket_void(tx, order_id, kept, "refunded")
    refund_records.close_order(tx, order_id)
    if not ledger.in_suspense(tx, order_id):
        manual_tasks.close(tx, payment_id, by=None)
    return True
