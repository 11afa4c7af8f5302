"""Stored notifications of the gateways, processed again (PS-012)."""

from uuid import UUID

from shared.models import Payload
from shared.payments import webhooks
from shared.web import App, DeliveryAttempt

app = App("webhook_retry")


class Retry(Payload):
    """A stored notification that could not be processed at once."""

    event_id: UUID


@app.task("retry")
def retry(task: Retry, attempt: DeliveryAttempt) -> None:
    """Process a stored notification again, at most three times."""
    webhooks.retry(task.event_id, attempt)


main = app.entry_point()
