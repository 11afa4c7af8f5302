"""Approvals: what an admin may do only once another admin agrees, within a day (table `approvals`).

    request   one admin names the action, whom or what it is about, and why
    approve   another one agrees, and it is carried out in the same transaction (shared/payments/approved_actions.py)
    decline   another one refuses, or the first one takes it back

The database refuses an approval by who requested it, and one that comes too late.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.field_types import line
from shared.identity import roles
from shared.models import Listing, PageQuery, RequestModel, ResponseModel
from shared.problems import Forbidden, NotFound, Problem
from shared.states import ApprovalAction, ApprovalDecision

SUBJECTS: Final[Mapping[ApprovalAction, str]] = {
    ApprovalAction.EVENT_CANCELLATION: "event",
    ApprovalAction.SECOND_FACTOR_RESET: "user",
}
"""The subject of each action, as the audit trail names it."""

_EXPIRE = text("""
    UPDATE approvals SET decision = 'expired', decided_at = now()
    WHERE action = :action AND subject_id = :subject_id AND decision IS NULL AND expires_at <= now()
""")
_REQUEST = text("""
    INSERT INTO approvals (action, subject_id, reason, details, requested_by)
    VALUES (:action, :subject_id, :reason, CAST(:details AS jsonb), :by)
    ON CONFLICT (action, subject_id) WHERE decision IS NULL DO NOTHING
    RETURNING id
""")
_SELECT = """
    SELECT a.id, a.action, a.subject_id, a.reason, a.details, a.requested_by, r.full_name AS requested_by_name,
        a.created_at, a.expires_at,
        CASE WHEN a.decision IS NULL AND a.expires_at <= now() THEN 'expired' ELSE a.decision END AS decision,
        a.decided_by, d.full_name AS decided_by_name, a.decided_at
    FROM approvals a JOIN users r ON r.id = a.requested_by LEFT JOIN users d ON d.id = a.decided_by
"""
_ONE = text(f"{_SELECT} WHERE a.id = :id")
_IS_OPEN = "(a.decision IS NULL AND a.expires_at > now())"
_WAITING = text(f"{_SELECT} WHERE a.action = :action AND a.subject_id = :subject_id AND {_IS_OPEN}")
_LIST = text(f"""
    {_SELECT} WHERE {_IS_OPEN} = :is_open
    ORDER BY COALESCE(a.decided_at, a.created_at) DESC, a.id LIMIT :page_size OFFSET :offset
""")
_COUNT = text(f"SELECT count(*) FROM approvals a WHERE {_IS_OPEN} = :is_open")
_LOCK = text("""
    SELECT a.requested_by, a.decision, a.expires_at <= now() AS is_expired,
        r.role = 'admin' AND NOT r.is_deleted AS is_by_admin
    FROM approvals a JOIN users r ON r.id = a.requested_by
    WHERE a.id = :id FOR UPDATE OF a
""")
_DECIDE = text("UPDATE approvals SET decision = :decision, decided_by = :by, decided_at = now() WHERE id = :id")


class ApprovalQuery(PageQuery):
    """The filter of the list: requests that wait, or those that are decided or expired."""

    status: Literal["open", "decided"] = "open"


class Declined(RequestModel):
    """The reason why a request is declined, or taken back."""

    reason: Annotated[str, line(500)]


class ApprovalResponse(ResponseModel):
    """A request for the approval of a second admin; `details` are what the action takes besides its subject."""

    id: UUID
    action: ApprovalAction
    subject_id: UUID
    reason: str
    details: dict[str, Any]
    requested_by: UUID
    requested_by_name: str
    created_at: datetime
    expires_at: datetime
    decision: ApprovalDecision | None
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None


class AlreadyRequested(Problem):
    """This waits for a second admin already. Ask a colleague to approve or decline it."""

    status, slug = 409, "approval-already-requested"


class ApprovalDecided(Problem):
    """Somebody has approved or declined this already."""

    status, slug = 409, "approval-decided"


class ApprovalExpired(Problem):
    """Nobody has approved this within a day, or who requested it is no longer an admin. Request it again."""

    status, slug = 409, "approval-expired"


class NewAdmin(Forbidden):
    """You have been an admin for less than a week, so another admin has to approve this."""

    slug = "new-admin"


class OwnRequest(Problem):
    """You have requested this yourself, so another admin has to approve it. You may take it back."""

    status, slug = 409, "own-approval-request"


def request(
    tx: Transaction, action: ApprovalAction, subject_id: UUID, *, reason: str, by: UUID, **details: Any
) -> ApprovalResponse:
    """Request an action. Raises AlreadyRequested where the same waits already."""
    about = {"action": action, "subject_id": subject_id}
    tx.execute(_EXPIRE, about)
    values = {**about, "reason": reason, "details": json.dumps(details, default=str), "by": by}
    approval_id: UUID | None = tx.execute(_REQUEST, values).scalar()
    if approval_id is None:
        raise AlreadyRequested
    requested = read(tx, approval_id)
    _audit(tx, "approval.requested", requested, by, reason=reason, **details)
    return requested


def approve(tx: Transaction, approval_id: UUID, *, by: UUID) -> ApprovalResponse:
    """Approve a request. The caller carries it out in the same transaction.

    Raises NotFound, ApprovalDecided, ApprovalExpired, OwnRequest for who requested it, and NewAdmin, as else an admin
    could make the second one.
    """
    row = _lock_open(tx, approval_id)
    if row.requested_by == by:
        raise OwnRequest
    require_no_new_admin(tx, by)
    if not row.is_by_admin:
        raise ApprovalExpired
    return _decide(tx, approval_id, ApprovalDecision.APPROVED, by)


def require_no_new_admin(tx: Transaction, admin_id: UUID) -> None:
    """Check that who approves has been an admin for a while. Raises NewAdmin."""
    if roles.is_new_admin(tx, admin_id):
        raise NewAdmin


def decline(tx: Transaction, approval_id: UUID, declined: Declined, *, by: UUID) -> ApprovalResponse:
    """Decline a request; who made it takes it back so. Raises NotFound, ApprovalDecided, ApprovalExpired."""
    _lock_open(tx, approval_id)
    return _decide(tx, approval_id, ApprovalDecision.DECLINED, by, reason=declined.reason)


def read(tx: Transaction, approval_id: UUID) -> ApprovalResponse:
    """One request. Raises NotFound."""
    row = tx.execute(_ONE, {"id": approval_id}).mappings().first()
    if row is None:
        raise NotFound
    return ApprovalResponse(**row)


def read_waiting(tx: Transaction, approval_id: UUID) -> ApprovalResponse:
    """A request that waits still. Raises NotFound, ApprovalDecided, ApprovalExpired."""
    found = read(tx, approval_id)
    if found.decision == ApprovalDecision.EXPIRED:
        raise ApprovalExpired
    if found.decision:
        raise ApprovalDecided
    return found


def find_open(tx: Transaction, action: ApprovalAction, subject_id: UUID) -> ApprovalResponse | None:
    """The request of an action about a subject that waits, if any."""
    row = tx.execute(_WAITING, {"action": action, "subject_id": subject_id}).mappings().first()
    return ApprovalResponse(**row) if row else None


def list_page(tx: Transaction, page: ApprovalQuery) -> Listing[ApprovalResponse]:
    """The requests that wait, or those that don't any more; the newest first."""
    wanted = {"is_open": page.status == "open"}
    rows = tx.execute(_LIST, {**wanted, "page_size": page.page_size, "offset": page.offset}).mappings()
    total: int = tx.execute(_COUNT, wanted).scalar_one()
    return Listing[ApprovalResponse].of(page, [ApprovalResponse(**row) for row in rows], total)


def count_open(tx: Transaction) -> int:
    """The number of requests that wait."""
    return int(tx.execute(_COUNT, {"is_open": True}).scalar_one())


def _lock_open(tx: Transaction, approval_id: UUID) -> Any:
    row = tx.execute(_LOCK, {"id": approval_id}).first()
    if row is None:
        raise NotFound
    if row.decision:
        raise ApprovalDecided
    if row.is_expired:
        raise ApprovalExpired
    return row


def _decide(
    tx: Transaction, approval_id: UUID, decision: ApprovalDecision, by: UUID, **details: Any
) -> ApprovalResponse:
    tx.execute(_DECIDE, {"id": approval_id, "decision": decision, "by": by})
    decided = read(tx, approval_id)
    _audit(tx, f"approval.{decision}", decided, by, requested_by=decided.requested_by, **details)
    return decided


def _audit(tx: Transaction, what: str, about: ApprovalResponse, by: UUID, **details: Any) -> None:
    audit.record(
        tx,
        what,
        subject=SUBJECTS[about.action],
        subject_id=about.subject_id,
        actor_id=by,
        action_kind=about.action,
        approval_id=about.id,
        **details,
    )
