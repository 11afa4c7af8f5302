"""Sending of queued mails with the PDFs that are stored."""

from uuid import UUID

from shared.cloud import storage
from shared.cloud.settings import settings
from shared.gateways.sendgrid.client import Mail
from shared.messages import sending
from shared.messages.template_context import QueuedEmail
from shared.messages.template_data import Ticket


def send_mail(email_id: UUID, attempt: int = 1) -> None:
    """Send a mail as the function does."""
    sending.send(email_id, attempt, pdf_of=_stored_pdf)


def compose_mail(email: QueuedEmail) -> Mail:
    """The mail as it would go out."""
    return sending.compose(email, _stored_pdf)


def _stored_pdf(ticket: Ticket) -> bytes | None:
    return storage.get(settings().tickets_bucket, ticket.pdf_object) if ticket.pdf_object else None
