"""The gate: a ticket admits one person once, however many gates scan it concurrently."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.field_types import Trimmed, line
from shared.identity.tokens import Principal
from shared.models import RequestModel, ResponseModel
from shared.problems import NotFound, Problem
from shared.states import TicketStatus
from shared.tickets import qr

Result = Literal["valid", "already_used", "wrong_event", "refunded", "forged", "not_open"]

_EVENT = text("""
    SELECT organizer_id,
        EXISTS (SELECT 1 FROM event_staff s WHERE s.event_id = e.id AND s.user_id = :staff_id) AS is_assigned
    FROM events e WHERE id = :event_id
""")
# The first to lock a ticket decides; a second scan, parallel or not, then finds the result.
_LOCK = text("""
    SELECT t.id, t.event_id, t.status, t.revision, t.validated_at, t.validated_by, t.gate, c.name AS tier_name,
        COALESCE(i.attendee_name, u.full_name) AS attendee_name, b.number AS bib_number,
        e.organizer_id, e.scan_from, e.scan_until, now() >= e.scan_from AND now() < e.scan_until AS is_open
    FROM tickets t JOIN order_items i ON i.id = t.order_item_id JOIN ticket_tiers c ON c.id = i.tier_id
        JOIN orders o ON o.id = t.order_id JOIN users u ON u.id = o.user_id JOIN events e ON e.id = t.event_id
        LEFT JOIN bib_numbers b ON b.item_id = i.id
    WHERE t.id = :ticket_id FOR NO KEY UPDATE OF t
""")
_MARK_USED = text("""
    UPDATE tickets SET status = 'used', validated_at = now(), validated_by = :staff_id, gate = :gate
    WHERE id = :ticket_id AND status = 'issued'
    RETURNING validated_at, gate
""")
_UNDO = text("""
    UPDATE tickets SET status = 'issued', validated_at = NULL, validated_by = NULL, gate = NULL
    WHERE id = :ticket_id AND status = 'used'
""")


MAX_QR_LENGTH = 4296
"""The capacity of a QR code: every scanned code gets a result, none is rejected for its length."""


class Scan(RequestModel):
    """A scanned code, and the gate at which it was scanned."""

    event_id: UUID
    qr: Annotated[str, StringConstraints(max_length=MAX_QR_LENGTH), Trimmed]
    gate: Annotated[str, line(50)] | None = None


class ScanResponse(ResponseModel):
    """The result of a scan. `validated_at` and `gate` say when and where the ticket let someone in.

    A ticket that is good, but scanned outside the hours of the gate, is `not_open` and stays unused:
    `gates_open_at` and `gates_close_at` tell when to come.

    A code that another one has replaced (`is_replaced`) is no better than one that was refunded.
    """

    result: Result
    ticket_id: UUID | None = None
    attendee_name: str | None = None
    tier_name: str | None = None
    bib_number: int | None = None
    validated_at: datetime | None = None
    gate: str | None = None
    is_replaced: bool = False
    gates_open_at: datetime | None = None
    gates_close_at: datetime | None = None


_TOLD = ("attendee_name", "tier_name", "bib_number", "validated_at", "gate")


class Undo(RequestModel):
    """The reason to undo a scan."""

    reason: Annotated[str, line(200)]


class ScanUndone(ResponseModel):
    """A ticket that lets its holder in again. `validated_at` and `gate` say which scan was undone."""

    ticket_id: UUID
    validated_at: datetime
    gate: str | None


class NotUsed(Problem):
    """This ticket has let nobody in, so there is no scan to undo. Scan it."""

    status, slug = 409, "not-used"


def scan(
    tx: Transaction,
    staff: Principal,
    event_id: UUID,
    qr_text: str,
    *,
    gate: str | None = None,
    ticket_id: UUID | None = None,
) -> ScanResponse:
    """Judge a scanned code at `gate` of an event, and use the ticket up where it is valid.

    Give `ticket_id` where one is expected: another ticket's code is then forged. Raises NotFound for
    events of other organizers, and to staff for events they are not chosen for. Every scan goes into
    the audit trail (SEC-012).
    """
    require_access(tx, staff, event_id)
    response = _evaluate(tx, staff, event_id, qr.read(qr_text), gate, ticket_id)
    audit.record(
        tx,
        "ticket.scanned",
        subject="ticket",
        subject_id=response.ticket_id or ticket_id,
        actor_id=staff.id,
        result=response.result,
        event_id=event_id,
        gate=gate,
    )
    return response


def undo(tx: Transaction, supervisor: Principal, ticket_id: UUID, wanted: Undo) -> ScanUndone:
    """Mark a used ticket as unused: it can be scanned and refunded again. The audit trail has the actor and reason.

    Raises NotFound for tickets of other organizers, and NotUsed.
    """
    ticket = tx.execute(_LOCK, {"ticket_id": ticket_id}).first()
    if ticket is None or not supervisor.may_act_for(ticket.organizer_id):
        raise NotFound
    if ticket.status != TicketStatus.USED:
        raise NotUsed
    tx.execute(_UNDO, {"ticket_id": ticket_id})
    audit.record(
        tx,
        "ticket.scan_undone",
        subject="ticket",
        subject_id=ticket_id,
        actor_id=supervisor.id,
        reason=wanted.reason,
        event_id=ticket.event_id,
        validated_at=ticket.validated_at,
        validated_by=ticket.validated_by,
        gate=ticket.gate,
    )
    return ScanUndone(ticket_id=ticket_id, validated_at=ticket.validated_at, gate=ticket.gate)


def require_access(tx: Transaction, staff: Principal, event_id: UUID) -> None:
    """Check that a person may scan at an event. Raises NotFound for events of others, and for unassigned staff."""
    event = tx.execute(_EVENT, {"event_id": event_id, "staff_id": staff.id}).first()
    if event is None or not _may_scan(staff, event):
        raise NotFound


def _may_scan(caller: Principal, event: Any) -> bool:
    if caller.role == "staff" and not event.is_assigned:
        return False
    return caller.may_act_for(event.organizer_id)


def _evaluate(
    tx: Transaction,
    staff: Principal,
    event_id: UUID,
    content: qr.QrContent | None,
    gate: str | None,
    expected_id: UUID | None,
) -> ScanResponse:
    if content is None or (expected_id and content.ticket_id != expected_id):
        return ScanResponse(result="forged")
    if content.event_id != event_id:
        return ScanResponse(result="wrong_event", ticket_id=content.ticket_id, attendee_name=content.attendee_name)
    ticket = tx.execute(_LOCK, {"ticket_id": content.ticket_id}).first()
    if ticket is None or ticket.event_id != event_id:
        return ScanResponse(result="forged")
    if content.revision != ticket.revision:
        return ScanResponse(result="refunded", ticket_id=ticket.id, tier_name=ticket.tier_name, is_replaced=True)
    if ticket.status == TicketStatus.VOID:
        return _response("refunded", ticket)
    if ticket.status == TicketStatus.USED:
        return _response("already_used", ticket)
    if not ticket.is_open:
        return _response("not_open", ticket, gates_open_at=ticket.scan_from, gates_close_at=ticket.scan_until)
    used = tx.execute(_MARK_USED, {"ticket_id": ticket.id, "staff_id": staff.id, "gate": gate}).one()
    return _response("valid", ticket, **used._mapping)


def _response(result: Result, ticket: Any, **more: Any) -> ScanResponse:
    known = {name: getattr(ticket, name) for name in _TOLD}
    return ScanResponse(result=result, ticket_id=ticket.id, **(known | more))
