"""Approvals of what another admin has requested."""

from uuid import UUID

from shared.cloud import authorization
from shared.identity import approvals
from shared.identity.approvals import (
    ApprovalDecided,
    ApprovalExpired,
    ApprovalQuery,
    ApprovalResponse,
    Declined,
    NewAdmin,
    OwnRequest,
)
from shared.models import Listing
from shared.payments import approved_actions
from shared.payments.cancellation import EventOver
from shared.problems import NotFound
from shared.web import Admin, App, SteppedUpAdmin, Transaction

routes = App("operations")

UNDECIDABLE = (NotFound, ApprovalDecided, ApprovalExpired)


@routes.get("/admin/approvals")
def list_approvals(page: ApprovalQuery, admin: Admin, tx: Transaction) -> Listing[ApprovalResponse]:
    """The requests that wait for a second admin, or those that are decided or expired, the newest first."""
    authorization.record_list_access(tx, admin, subject="approval")
    return approvals.list_page(tx, page)


@routes.get("/admin/approvals/{approval_id}", problems=(NotFound,))
def approval(approval_id: UUID, admin: Admin, tx: Transaction) -> ApprovalResponse:
    """One request for the approval of a second admin."""
    found = approvals.read(tx, approval_id)
    authorization.check_access(tx, admin, subject="approval", subject_id=approval_id)  # audits the access
    return found


@routes.post(
    "/admin/approvals/{approval_id}/approve",
    status=200,
    problems=(*UNDECIDABLE, OwnRequest, NewAdmin, EventOver),
)
def approve(approval_id: UUID, admin: SteppedUpAdmin, tx: Transaction) -> ApprovalResponse:
    """Approve the request of another admin. It is carried out at once."""
    return approved_actions.approve(tx, admin, approval_id)


@routes.post("/admin/approvals/{approval_id}/decline", status=200, problems=UNDECIDABLE)
def decline(approval_id: UUID, declined: Declined, admin: Admin, tx: Transaction) -> ApprovalResponse:
    """Decline a request, with a reason. Its requester can withdraw it this way."""
    return approvals.decline(tx, approval_id, declined, by=admin.id)
