"""Cancelled events: their orders are ended and refunded, batch by batch (PS-021, FN-014)."""

from uuid import UUID

from shared.models import Payload
from shared.payments import cancellation
from shared.web import App

app = App("cancellation_batches")


class Batch(Payload):
    """Orders of a cancelled event that still have to end."""

    event_id: UUID


@app.task("batch")
def continue_cancellation(batch: Batch) -> None:
    """End the next orders, and enqueue another task while some are left."""
    cancellation.run_batch(batch.event_id)


main = app.entry_point()
