"""Decisions about refunds, by organizers and admins."""

from uuid import UUID

from shared.catalog.editing import EventCancelled
from shared.problems import NotFound
from shared.refunds import approval
from shared.refunds.approval import RefundAlreadyDecided, RefundNotRetryable
from shared.refunds.schemas import RefundResponse
from shared.tickets.voiding import ProductsPickedUp, TicketUsed
from shared.web import App, OrganizerOrSteppedUpAdmin, Transaction

routes = App("refunds")

USED = (TicketUsed, ProductsPickedUp)


@routes.put("/refunds/{refund_id}/approve", problems=(NotFound, RefundAlreadyDecided, *USED, EventCancelled))
def approve(refund_id: UUID, caller: OrganizerOrSteppedUpAdmin, tx: Transaction) -> RefundResponse:
    """Approve a refund: its tickets are void and their stock is free at once."""
    return approval.approve(tx, caller, refund_id)


@routes.put("/refunds/{refund_id}/reject", problems=(NotFound, RefundAlreadyDecided))
def reject(
    refund_id: UUID, rejection: approval.Rejection, caller: OrganizerOrSteppedUpAdmin, tx: Transaction
) -> RefundResponse:
    """Reject a refund, with a reason for the buyer."""
    return approval.reject(tx, caller, refund_id, rejection)


@routes.post("/refunds/{refund_id}/retry", status=200, problems=(NotFound, RefundNotRetryable))
def retry(refund_id: UUID, caller: OrganizerOrSteppedUpAdmin, tx: Transaction) -> RefundResponse:
    """Retry a refund that failed or waits."""
    return approval.retry(tx, caller, refund_id)
