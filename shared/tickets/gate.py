"""The gate: a ticket lets one person in once, however many gates scan it in the same instant."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import Answer
from shared.problems import NotFound
from shared.tickets import qr

Result = Literal["valid", "already_used", "wrong_event", "refunded", "forged"]

_EVENT = text("""
    SELECT organizer_id,
        EXISTS (SELECT 1 FROM event_staff s WHERE s.event_id = e.id AND s.user_id = :staff_id) AS is_assigned
    FROM events e WHERE id = :event_id
""")
# The condition on the status is what makes a second scan, parallel or not, find nothing to update.
_LET_IN = text("""
    UPDATE tickets SET status = 'used', validated_at = now(), validated_by = :staff_id, gate = :gate
    WHERE id = :ticket_id AND event_id = :event_id AND status = 'issued'
    RETURNING id
""")
_TICKET = text("""
    SELECT t.id, t.status, t.validated_at, t.gate, c.name AS tier_name,
        COALESCE(i.attendee_name, u.full_name) AS attendee_name, b.number AS bib_number
    FROM tickets t JOIN order_items i ON i.id = t.order_item_id JOIN ticket_tiers c ON c.id = i.tier_id
        JOIN orders o ON o.id = t.order_id JOIN users u ON u.id = o.user_id
        LEFT JOIN bib_numbers b ON b.item_id = i.id
    WHERE t.id = :ticket_id AND t.event_id = :event_id
""")


class ScanAnswer(Answer):
    """What the gate shows. `validated_at` and `gate` say when and where the ticket let someone in."""

    result: Result
    ticket_id: UUID | None = None
    attendee_name: str | None = None
    tier_name: str | None = None
    bib_number: int | None = None
    validated_at: datetime | None = None
    gate: str | None = None


def scan(
    tx: Transaction,
    staff: Principal,
    event_id: UUID,
    qr_text: str,
    *,
    gate: str | None = None,
    ticket_id: UUID | None = None,
) -> ScanAnswer:
    """Judge a scanned code at `gate` of an event, and use the ticket up where it is valid.

    Give `ticket_id` where one is expected: another ticket's code is then forged. Raises NotFound for
    events of other organizers, and to staff for events they are not chosen for. Every scan goes into
    the audit trail (SEC-012).
    """
    admit(tx, staff, event_id)
    answer = _judge(tx, staff, event_id, qr.read(qr_text), gate, ticket_id)
    audit.record(
        tx,
        "ticket.scanned",
        subject="ticket",
        subject_id=answer.ticket_id or ticket_id,
        actor_id=staff.id,
        result=answer.result,
        event_id=event_id,
        gate=gate,
    )
    return answer


def admit(tx: Transaction, staff: Principal, event_id: UUID) -> None:
    """Let somebody work at an event. Raises NotFound for others' events, and to staff for those of other staff."""
    event = tx.execute(_EVENT, {"event_id": event_id, "staff_id": staff.id}).first()
    if event is None or not _may_scan(staff, event):
        raise NotFound


def _may_scan(caller: Principal, event: Any) -> bool:
    if caller.role == "staff" and not event.is_assigned:
        return False
    return caller.may_act_for(event.organizer_id)


def _judge(
    tx: Transaction,
    staff: Principal,
    event_id: UUID,
    claims: qr.Claims | None,
    gate: str | None,
    expected_id: UUID | None,
) -> ScanAnswer:
    if claims is None or (expected_id and claims.ticket_id != expected_id):
        return ScanAnswer(result="forged")
    if claims.event_id != event_id:
        return ScanAnswer(result="wrong_event", ticket_id=claims.ticket_id, attendee_name=claims.attendee_name)
    names = {"ticket_id": claims.ticket_id, "event_id": event_id}
    let_in = tx.execute(_LET_IN, {**names, "staff_id": staff.id, "gate": gate}).first()
    ticket = tx.execute(_TICKET, names).first()
    if ticket is None:
        return ScanAnswer(result="forged")
    if let_in:
        return _answer("valid", ticket)
    return _answer("refunded" if ticket.status == "void" else "already_used", ticket)


def _answer(result: Result, ticket: Any) -> ScanAnswer:
    return ScanAnswer(
        result=result,
        ticket_id=ticket.id,
        attendee_name=ticket.attendee_name,
        tier_name=ticket.tier_name,
        bib_number=ticket.bib_number,
        validated_at=ticket.validated_at,
        gate=ticket.gate,
    )
