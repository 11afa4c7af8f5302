"""Actions that a second admin has approved, carried out in the transaction of the approval."""

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from shared.cloud.database import Transaction
from shared.identity import approvals, second_factor_resets
from shared.identity.approvals import ApprovalResponse
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.payments import cancellation
from shared.payments.cancellation import Cancellation
from shared.states import ApprovalAction

Act = Callable[[Transaction, Principal, ApprovalResponse], object]


def approve(tx: Transaction, approver: Principal, approval_id: UUID) -> ApprovalResponse:
    """Approve a request of another admin and carry it out.

    Raises NotFound, ApprovalDecided, ApprovalExpired, OwnRequest, NewAdmin, and what refuses the action itself.
    """
    approved = approvals.approve(tx, approval_id, by=approver.id)
    _ACTIONS[approved.action](tx, approver, approved)
    return approved


def request_cancellation(tx: Transaction, admin: Principal, event_id: UUID, wanted: Cancellation) -> ApprovalResponse:
    """Request the cancellation of an event. Raises NotFound, EventCancelled, EventOver, AlreadyRequested."""
    cancellation.cost(tx, admin, event_id)  # refuses what could not be cancelled now
    return approvals.request(
        tx,
        ApprovalAction.EVENT_CANCELLATION,
        event_id,
        reason=wanted.reason,
        by=admin.id,
        waive_penalty=wanted.waive_penalty,
    )


def _cancel_event(tx: Transaction, approver: Principal, approved: ApprovalResponse) -> None:
    wanted = Cancellation(reason=approved.reason, waive_penalty=bool(approved.details.get("waive_penalty")))
    cancellation.start_approved(tx, approver, approved.subject_id, wanted)


def _reset_second_factor(tx: Transaction, approver: Principal, approved: ApprovalResponse) -> None:
    second_factor_resets.carry_out_approved(tx, approver, approved, mails.enqueue_for_account)


_ACTIONS: Final[Mapping[ApprovalAction, Act]] = {
    ApprovalAction.EVENT_CANCELLATION: _cancel_event,
    ApprovalAction.SECOND_FACTOR_RESET: _reset_second_factor,
}
