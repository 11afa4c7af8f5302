"""Operations that need the approval of a second admin."""

from uuid import UUID

from shared.catalog.editing import EventCancelled
from shared.identity import second_factor_resets
from shared.identity.approvals import AlreadyRequested, ApprovalResponse
from shared.identity.second_factor_resets import AdminReset, ResetOutcome
from shared.messages import mails
from shared.payments import approved_actions
from shared.payments.cancellation import Cancellation, EventOver
from shared.problems import NotFound
from shared.web import App, FreshlyProvenAdmin, SteppedUpAdmin, Transaction

routes = App("operations")


@routes.post(
    "/admin/events/{event_id}/cancellation",
    status=201,
    idempotent=True,
    problems=(NotFound, EventCancelled, EventOver, AlreadyRequested),
)
def request_cancellation(
    event_id: UUID, wanted: Cancellation, admin: SteppedUpAdmin, tx: Transaction
) -> ApprovalResponse:
    """Request the cancellation of an event. It begins once a second admin approves it, within a day."""
    return approved_actions.request_cancellation(tx, admin, event_id, wanted)


@routes.post("/admin/users/{user_id}/second-factor/reset", status=200, problems=(NotFound, AlreadyRequested))
def reset_second_factor(user_id: UUID, wanted: AdminReset, admin: FreshlyProvenAdmin, tx: Transaction) -> ResetOutcome:
    """Remove a lost second factor at once; that of an admin once a second admin approves it."""
    return second_factor_resets.decide(tx, admin, user_id, wanted, mails.enqueue_for_account)
