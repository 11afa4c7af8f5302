"""Notifications of both payment gateways (PS-005, PS-008, PS-009, PS-012..014, MID-1)."""

from uuid import UUID

from shared.models import Answer, Task
from shared.payments import webhooks
from shared.problems import Malformed, NotSignedIn, TooLarge
from shared.web import UNLIMITED, App, Attempt, RawRequest

app = App("webhook")

REFUSALS = (Malformed, NotSignedIn, TooLarge)


class Received(Answer):
    """The notification is safe with us."""

    received: bool = True


class Retry(Task):
    """A kept notification that could not be settled at once."""

    event_id: UUID


@app.post("/payments/webhook/xendit", anybody=True, limit=UNLIMITED, problems=REFUSALS)
def from_xendit(request: RawRequest) -> Received:
    """Xendit's callback. Recorded, answered, and settled by what Xendit says when it is asked."""
    webhooks.receive("xendit", request.headers, request.body)
    return Received()


@app.post("/payments/webhook/midtrans", anybody=True, limit=UNLIMITED, problems=REFUSALS)
def from_midtrans(request: RawRequest) -> Received:
    """Midtrans's HTTP notification, likewise."""
    webhooks.receive("midtrans", request.headers, request.body)
    return Received()


@app.task("retry")
def retry(task: Retry, attempt: Attempt) -> None:
    """Settle a kept notification again, three times at most."""
    webhooks.retry(task.event_id, attempt)


main = app.entry_point()
