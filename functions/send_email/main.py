"""Send queued mails, and queue those about tickets, sales, refunds, payouts and event changes (TS-018, PS-024)."""

from uuid import UUID

from shared.messages import mails, sale_notices, sending
from shared.models import Payload
from shared.payments import change_notices
from shared.tickets import ticket_rendering
from shared.web import App, Attempt, Transaction

app = App("send_email")


class EmailRequested(Payload):
    """A row of `emails` is waiting."""

    email_id: UUID


class TicketCreated(Payload):
    """Everything that an order has bought is issued."""

    order_id: UUID


class RefundProcessed(Payload):
    """Money is back with its buyer."""

    refund_id: UUID
    order_id: UUID


class PayoutProcessed(Payload):
    """Money is with its organizer."""

    payout_id: UUID


class ChangedEvent(Payload):
    """A change of an event that its ticket holders are to be told of."""

    change_id: UUID


@app.message("email.requested")
def send(requested: EmailRequested, attempt: Attempt) -> None:
    """Hand one mail to SendGrid."""
    sending.send(requested.email_id, attempt, pdf_of=lambda ticket: ticket_rendering.current_pdf(ticket.id))


@app.message("ticket.created")
def enqueue_purchase_mails(created: TicketCreated, tx: Transaction) -> None:
    """Queue the mails with the tickets of an order, about its goods, and to the organizer who has sold them."""
    mails.enqueue_purchase(tx, created.order_id)
    sale_notices.notify_organizer(tx, created.order_id)


@app.message("refund.processed")
def enqueue_refund_mail(processed: RefundProcessed, tx: Transaction) -> None:
    """Queue the mail about a completed refund."""
    mails.enqueue_refund_completed(tx, processed.refund_id, processed.order_id)


@app.message("payout.processed")
def enqueue_payout_mail(processed: PayoutProcessed, tx: Transaction) -> None:
    """Queue the mail about a completed payout."""
    mails.enqueue_payout_completed(tx, processed.payout_id)


@app.task("notify")
def enqueue_change_notices(changed: ChangedEvent) -> None:
    """Queue the notices for the next orders, and enqueue another task while some are left."""
    change_notices.enqueue_batch(changed.change_id)


main = app.entry_point()
