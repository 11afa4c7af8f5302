"""Notices of refunds, payouts and changed events."""

from uuid import UUID

from shared.messages import mails
from shared.models import Payload
from shared.payments import change_notices
from shared.web import App, Transaction

routes = App("send_email")


class RefundProcessed(Payload):
    """Money is back with its buyer."""

    refund_id: UUID
    order_id: UUID


class PayoutProcessed(Payload):
    """Money is with its organizer."""

    payout_id: UUID


class ChangedEvent(Payload):
    """A change of an event, to notify its ticket holders of."""

    change_id: UUID


@routes.message("refund.processed")
def enqueue_refund_mail(processed: RefundProcessed, tx: Transaction) -> None:
    """Queue the mail about a completed refund."""
    mails.enqueue_refund_completed(tx, processed.refund_id, processed.order_id)


@routes.message("payout.processed")
def enqueue_payout_mail(processed: PayoutProcessed, tx: Transaction) -> None:
    """Queue the mail about a completed payout."""
    mails.enqueue_payout_completed(tx, processed.payout_id)


@routes.task("notify")
def enqueue_change_notices(changed: ChangedEvent) -> None:
    """Queue the notices for the next orders, and enqueue another task while some are left."""
    change_notices.enqueue_batch(changed.change_id)
