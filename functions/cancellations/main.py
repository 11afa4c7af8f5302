"""Cancellation of events with refunds for all buyers (PS-021, FN-013..017)."""

from uuid import UUID

from shared.catalog.editing import EventCancelled
from shared.payments import cancellation
from shared.payments.cancellation import (
    ApprovalRequired,
    Cancellation,
    CancellationCost,
    CancellationResponse,
    CancellationTooLate,
    EventOver,
)
from shared.problems import NotFound
from shared.web import App, Organizer, OrganizerOrSteppedUpAdmin, Transaction

app = App("cancellations")


@app.post(
    "/events/{event_id}/cancel",
    idempotent=True,
    status=202,
    problems=(NotFound, CancellationTooLate, EventOver, ApprovalRequired),
)
def cancel(
    event_id: UUID, wanted: Cancellation, caller: OrganizerOrSteppedUpAdmin, tx: Transaction
) -> CancellationResponse:
    """Cancel an event and refund all orders in full, fees included, up to 14 days before it.

    An admin does so at any time, with the approval of a second one: POST /admin/events/{event_id}/cancellation.
    """
    return cancellation.start(tx, caller, event_id, wanted)


@app.get("/events/{event_id}/cancellation/cost", problems=(NotFound, EventCancelled, CancellationTooLate, EventOver))
def cost(event_id: UUID, caller: Organizer, tx: Transaction) -> CancellationCost:
    """The cost of cancelling an event now: refunds with fees, earnings given up, and the penalty."""
    return cancellation.cost(tx, caller, event_id)


@app.get("/events/{event_id}/cancellation", problems=(NotFound,))
def progress(event_id: UUID, caller: Organizer, tx: Transaction) -> CancellationResponse:
    """The progress of a cancellation: orders left to end, and refunds that have arrived."""
    return cancellation.progress(tx, caller, event_id)


main = app.entry_point()
