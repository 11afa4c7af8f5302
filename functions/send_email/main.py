"""Send queued mails, and queue those about tickets, sales, refunds, payouts and event changes (TS-018, PS-024)."""

from uuid import UUID

from functions.send_email import notices
from shared.messages import mails, sale_notices, sending
from shared.models import Payload
from shared.tickets import ticket_rendering
from shared.web import App, DeliveryAttempt, Transaction

app = App("send_email")
app.include(notices.routes)


class EmailRequested(Payload):
    """A row of `emails` is waiting."""

    email_id: UUID


class TicketCreated(Payload):
    """Everything that an order has bought is issued."""

    order_id: UUID


@app.message("email.requested")
def send(requested: EmailRequested, attempt: DeliveryAttempt) -> None:
    """Hand one mail to SendGrid."""
    sending.send(requested.email_id, attempt, pdf_of=lambda ticket: ticket_rendering.current_pdf(ticket.id))


@app.message("ticket.created")
def enqueue_purchase_mails(created: TicketCreated, tx: Transaction) -> None:
    """Queue the mails with the tickets of an order, about its goods, and to the organizer who has sold them."""
    mails.enqueue_purchase(tx, created.order_id)
    sale_notices.notify_organizer(tx, created.order_id)


main = app.entry_point()
