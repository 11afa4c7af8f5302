"""The gate: a ticket admits one person once, however many gates scan it concurrently.

A scan is judged by what its code says, then by its ticket (shared/tickets/admission.py), and recorded with all that is
needed to give the same answer again (shared/tickets/scan_records.py); names are read anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import Field, StringConstraints
from sqlalchemy import text

from shared.cloud import audit, clock
from shared.cloud.database import Transaction
from shared.field_types import Trimmed, line
from shared.identity.tokens import Principal
from shared.models import RequestModel, ResponseModel
from shared.problems import NotFound, Problem
from shared.states import TicketStatus
from shared.tickets import admission, qr, scan_records
from shared.tickets.admission import LockedTicket, ReentryNotAllowed, Result
from shared.tickets.scan_records import Direction, ScanIdentity, ScanRecord

_EVENT = text("""
    SELECT organizer_id, allows_reentry,
        EXISTS (SELECT 1 FROM event_staff s WHERE s.event_id = e.id AND s.user_id = :staff_id) AS is_assigned
    FROM events e WHERE id = :event_id
""")
_NAMES = text("""
    SELECT i.tier_id, c.name AS tier_name, COALESCE(i.attendee_name, u.full_name) AS attendee_name,
        b.number AS bib_number
    FROM tickets t JOIN order_items i ON i.id = t.order_item_id JOIN ticket_tiers c ON c.id = i.tier_id
        JOIN orders o ON o.id = t.order_id JOIN users u ON u.id = o.user_id
        LEFT JOIN bib_numbers b ON b.item_id = i.id
    WHERE t.id = :ticket_id
""")


MAX_QR_LENGTH = 4296
"""The capacity of a QR code: every scanned code gets a result, none is rejected for its length."""
MAX_TIERS = 100

QrText = Annotated[str, StringConstraints(max_length=MAX_QR_LENGTH), Trimmed]


class AdmissionRequest(ScanIdentity):
    """The direction of a passage, and the tiers that the gate is for; all where `tier_ids` is null."""

    direction: Direction = "in"
    tier_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_TIERS)] | None = None


class Scan(AdmissionRequest):
    """A scanned code, and the gate at which it was scanned."""

    event_id: UUID
    qr: QrText


class ScanResponse(ResponseModel):
    """The result of a scan. `validated_at` and `gate` say when and where the ticket let someone in.

    A ticket that is good, but scanned outside the hours of the gate, is `not_open` and stays unused:
    `gates_open_at` and `gates_close_at` tell when to come. One whose tier is not for this gate is `wrong_gate`, and
    stays unused too. Scanned out (`direction`), who was inside has `exited`, and anybody else is `not_inside`.

    A code that another one has replaced (`is_replaced`) is no better than one that was refunded. Where the event
    allows re-entry, a ticket that is `valid` again is an `is_reentry`. `scan_id` is the one that was given.
    """

    result: Result
    scan_id: UUID | None = None
    ticket_id: UUID | None = None
    attendee_name: str | None = None
    tier_id: UUID | None = None
    tier_name: str | None = None
    bib_number: int | None = None
    validated_at: datetime | None = None
    gate: str | None = None
    is_reentry: bool = False
    is_replaced: bool = False
    gates_open_at: datetime | None = None
    gates_close_at: datetime | None = None


class Undo(RequestModel):
    """The reason to undo a scan."""

    reason: Annotated[str, line(200)]


class ScanUndone(ResponseModel):
    """A ticket that lets its holder in again. `validated_at` and `gate` say which scan was undone."""

    ticket_id: UUID
    validated_at: datetime
    gate: str | None


@dataclass(frozen=True)
class GateEvent:
    """An event at whose gates somebody scans."""

    id: UUID
    organizer_id: UUID
    allows_reentry: bool


class NotUsed(Problem):
    """This ticket has let nobody in, so there is no scan to undo. Scan it."""

    status, slug = 409, "not-used"


def scan(tx: Transaction, staff: Principal, scanned: Scan, *, ticket_id: UUID | None = None) -> ScanResponse:
    """Judge a scanned code at a gate of an event, and use the ticket up where it is valid.

    Give `ticket_id` where one is expected: another ticket's code is then forged. Raises NotFound for
    events of other organizers, and to staff for events they are not chosen for; ScanIdReused; ReentryNotAllowed.
    Every scan goes into the audit trail (SEC-012).
    """
    event = require_access(tx, staff, scanned.event_id)
    draft = draft_of(staff, scanned.event_id, scanned, code=scanned.qr)
    content = qr.read(scanned.qr)
    recorded = scan_records.find(tx, draft) if scanned.scan_id else None
    if recorded is None:
        require_reentry(event, scanned.direction)
        judged = judge_code(tx, draft, content, tier_ids=scanned.tier_ids, expected_id=ticket_id)
        recorded = record(tx, "ticket.scanned", judged, expected_id=ticket_id)
    return response(tx, recorded, scanned.scan_id, content)


def draft_of(staff: Principal, event_id: UUID, wanted: AdmissionRequest, *, code: str) -> ScanRecord:
    """The record of a scan before it is judged; `code` is what makes it differ from another one."""
    return ScanRecord(
        id=wanted.scan_id or uuid4(),
        event_id=event_id,
        staff_id=staff.id,
        gate=wanted.gate,
        code_hash=scan_records.hash_of(code),
        direction=wanted.direction,
        scanned_at=scan_records.scan_moment(wanted.scanned_at),
        judged_at=clock.now(),
    )


def judge_code(
    tx: Transaction,
    draft: ScanRecord,
    content: qr.QrContent | None,
    *,
    tier_ids: Sequence[UUID] | None = None,
    expected_id: UUID | None = None,
) -> ScanRecord:
    """Judge a code by its content (None: we never made it), and then its ticket."""
    if content is None or (expected_id and content.ticket_id != expected_id):
        return replace(draft, result="forged")
    if content.event_id != draft.event_id:
        return replace(draft, result="wrong_event")
    ticket = admission.lock(tx, content.ticket_id, at=draft.judged_at if draft.is_offline else None)
    if ticket is None or ticket.event_id != draft.event_id:
        return replace(draft, result="forged")
    if content.revision != ticket.revision and not (draft.is_offline and _was_current(content, ticket)):
        return replace(draft, result="refunded", ticket_id=ticket.id, is_replaced=True)
    return judge_ticket(tx, draft, ticket, tier_ids=tier_ids)


def _was_current(content: qr.QrContent, ticket: LockedTicket) -> bool:
    """True if the last correction has replaced the code, and only after the moment of the scan."""
    is_last = content.revision == ticket.revision - 1
    return is_last and ticket.qr_issued_at is not None and ticket.at < ticket.qr_issued_at


def judge_ticket(
    tx: Transaction, draft: ScanRecord, ticket: LockedTicket, *, tier_ids: Sequence[UUID] | None = None
) -> ScanRecord:
    """Judge an attempt to pass with a locked ticket. It has its effect unless its device has refused it."""
    judged = admission.judge(tx, ticket, draft.direction, tier_ids)
    is_passed = judged.result in admission.PASSED
    is_admitted = draft.is_admitted if draft.is_offline else is_passed
    if is_admitted:
        admission.apply(tx, ticket, judged, staff_id=draft.staff_id, gate=draft.gate)
    is_first = is_admitted and judged.result == "valid" and not judged.is_reentry
    return replace(
        draft,
        result=judged.result,
        ticket_id=ticket.id,
        judged_at=ticket.at,
        is_reentry=judged.is_reentry,
        is_admitted=is_admitted,
        used_at=ticket.at if is_first else ticket.validated_at,
        used_gate=draft.gate if is_first else ticket.gate,
        used_by=draft.staff_id if is_first else ticket.validated_by,
        gates_open_at=ticket.scan_from if judged.result == "not_open" else None,
        gates_close_at=ticket.scan_until if judged.result == "not_open" else None,
    )


def record(tx: Transaction, action: str, judged: ScanRecord, *, expected_id: UUID | None = None) -> ScanRecord:
    """Record a judged scan, in the audit trail too."""
    scan_records.add(tx, judged)
    audit.record(
        tx,
        action,
        subject="ticket",
        subject_id=judged.ticket_id or expected_id,
        actor_id=judged.staff_id,
        result=judged.result,
        event_id=judged.event_id,
        gate=judged.gate,
    )
    return judged


def response(
    tx: Transaction, recorded: ScanRecord, scan_id: UUID | None, content: qr.QrContent | None = None
) -> ScanResponse:
    """The answer to a recorded scan, the first time and each time that it is repeated."""
    facts: dict[str, Any] = {"result": recorded.result, "scan_id": scan_id}
    if recorded.result == "wrong_event" and content:
        return ScanResponse(**facts, ticket_id=content.ticket_id, attendee_name=content.attendee_name)
    if recorded.ticket_id is None:
        return ScanResponse(**facts)
    facts["ticket_id"] = recorded.ticket_id
    names = tx.execute(_NAMES, {"ticket_id": recorded.ticket_id}).one()
    if recorded.is_replaced:  # who holds it now is nobody's business who shows an old code
        return ScanResponse(**facts, tier_id=names.tier_id, tier_name=names.tier_name, is_replaced=True)
    return ScanResponse(
        **facts,
        **names._mapping,
        validated_at=recorded.used_at,
        gate=recorded.used_gate,
        is_reentry=recorded.is_reentry,
        gates_open_at=recorded.gates_open_at,
        gates_close_at=recorded.gates_close_at,
    )


def undo(tx: Transaction, supervisor: Principal, ticket_id: UUID, wanted: Undo) -> ScanUndone:
    """Mark a used ticket as unused: it can be scanned and refunded again. The audit trail has the actor and reason.

    Its entries and exits no longer count. Raises NotFound for tickets of other organizers, and NotUsed.
    """
    ticket = admission.lock(tx, ticket_id)
    if ticket is None or not supervisor.may_act_for(ticket.organizer_id):
        raise NotFound
    if ticket.status != TicketStatus.USED:
        raise NotUsed
    scan_records.undo(tx, ticket_id)
    mark_unused(tx, ticket, actor_id=supervisor.id, reason=wanted.reason)
    return ScanUndone(ticket_id=ticket_id, validated_at=ticket.validated_at, gate=ticket.gate)


def mark_unused(tx: Transaction, ticket: LockedTicket, *, actor_id: UUID, reason: str) -> None:
    """Mark a locked ticket as unused, and record it in the audit trail. Its scans are the caller's to mark."""
    admission.undo(tx, ticket.id)
    audit.record(
        tx,
        "ticket.scan_undone",
        subject="ticket",
        subject_id=ticket.id,
        actor_id=actor_id,
        reason=reason,
        event_id=ticket.event_id,
        validated_at=ticket.validated_at,
        validated_by=ticket.validated_by,
        gate=ticket.gate,
    )


def require_access(tx: Transaction, staff: Principal, event_id: UUID) -> GateEvent:
    """The event, if a person may scan at it. Raises NotFound for events of others, and for unassigned staff."""
    event = tx.execute(_EVENT, {"event_id": event_id, "staff_id": staff.id}).first()
    if event is None or not _may_scan(staff, event):
        raise NotFound
    return GateEvent(event_id, event.organizer_id, event.allows_reentry)


def require_reentry(event: GateEvent, direction: Direction) -> None:
    """Check that people may leave and come back, where one is scanned out. Raises ReentryNotAllowed."""
    if direction == "out" and not event.allows_reentry:
        raise ReentryNotAllowed


def _may_scan(caller: Principal, event: Any) -> bool:
    if caller.role == "staff" and not event.is_assigned:
        return False
    return caller.may_act_for(event.organizer_id)
