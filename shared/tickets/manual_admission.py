"""Admission without a code: a ticket is found by name, address, order or BIB number, and admits by its id (GATE).

Searches and admissions are in the audit trail; the words of a search are not, as they name people.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, field_validator
from sqlalchemy import text

from shared.cloud import audit, logs
from shared.cloud.database import Transaction
from shared.field_types import Trimmed
from shared.identity.tokens import Principal
from shared.models import Query, ResponseModel
from shared.problems import NotFound
from shared.sentences import Sentence
from shared.states import TicketStatus
from shared.tickets import admission, gate, scan_records
from shared.tickets.gate import AdmissionRequest, ScanResponse

MAX_FOUND = 20
MIN_CHARACTERS = 3

# Uses indexes: tickets_event, and the primary keys of what it joins
_SEARCH = text("""
    SELECT t.id AS ticket_id, COALESCE(i.attendee_name, u.full_name) AS attendee_name,
        COALESCE(i.attendee_email, u.email) AS email, c.id AS tier_id, c.name AS tier_name, b.number AS bib_number,
        t.status, t.status = 'used' AND t.exited_at IS NULL AS is_inside, t.validated_at, t.gate
    FROM tickets t JOIN order_items i ON i.id = t.order_item_id JOIN ticket_tiers c ON c.id = i.tier_id
        JOIN orders o ON o.id = t.order_id JOIN users u ON u.id = o.user_id
        LEFT JOIN bib_numbers b ON b.item_id = i.id
    WHERE t.event_id = :event_id AND (
        CAST(b.number AS text) = :q
        OR length(:q) >= :min_characters AND (
            strpos(lower(COALESCE(i.attendee_name, u.full_name)), lower(:q)) > 0
            OR starts_with(lower(i.attendee_email), lower(:q)) OR starts_with(u.email, lower(:q))
            OR starts_with(CAST(t.order_id AS text), lower(:q))))
    ORDER BY t.status = 'void', attendee_name, t.id LIMIT :most
""")


class GateSearch(Query):
    """The words by which somebody without a code describes their ticket."""

    q: Annotated[str, Trimmed, StringConstraints(min_length=1, max_length=100)] = Field(
        description="Three characters or more of a name, or the beginning of an e-mail address or of the order's id; "
        "or a BIB number."
    )

    @field_validator("q")
    @classmethod
    def _is_long_enough(cls, q: str) -> str:
        if len(q) < MIN_CHARACTERS and not (q.isascii() and q.isdigit()):
            raise ValueError(Sentence("must have {least} characters or more, or be a BIB number", least=MIN_CHARACTERS))
        return q


class FoundTicket(ResponseModel):
    """A ticket that a search has found. `status`: `valid`, `used` or `void`; its address is masked."""

    ticket_id: UUID
    attendee_name: str
    attendee_email: str
    tier_id: UUID
    tier_name: str
    bib_number: int | None
    status: str
    is_inside: bool
    validated_at: datetime | None
    gate: str | None


class FoundTickets(ResponseModel):
    """The first twenty tickets that match, by name."""

    items: list[FoundTicket]


def search(tx: Transaction, staff: Principal, event_id: UUID, wanted: GateSearch) -> FoundTickets:
    """The event's tickets that match. Raises NotFound as the gate does."""
    gate.require_access(tx, staff, event_id)
    values = {"event_id": event_id, "q": wanted.q, "min_characters": MIN_CHARACTERS, "most": MAX_FOUND}
    found = [_found(row) for row in tx.execute(_SEARCH, values)]
    audit.record(tx, "tickets.searched", subject="event", subject_id=event_id, actor_id=staff.id, found=len(found))
    return FoundTickets(items=found)


def admit(tx: Transaction, staff: Principal, event_id: UUID, ticket_id: UUID, wanted: AdmissionRequest) -> ScanResponse:
    """Admit the holder of a ticket who can't show it, by the rules of a scan.

    Raises NotFound as the gate does, and for tickets of other events; ScanIdReused; ReentryNotAllowed.
    """
    event = gate.require_access(tx, staff, event_id)
    draft = gate.draft_of(staff, event_id, wanted, code=f"ticket {ticket_id}")
    recorded = scan_records.find(tx, draft) if wanted.scan_id else None
    if recorded is None:
        gate.require_reentry(event, wanted.direction)
        ticket = admission.lock(tx, ticket_id)
        if ticket is None or ticket.event_id != event_id:
            raise NotFound
        judged = gate.judge_ticket(tx, draft, ticket, tier_ids=wanted.tier_ids)
        recorded = gate.record(tx, "ticket.admitted_by_hand", judged)
    return gate.response(tx, recorded, wanted.scan_id)


def _found(row: Any) -> FoundTicket:
    facts = dict(row._mapping)
    email, status = facts.pop("email"), facts.pop("status")
    shown = "valid" if status == TicketStatus.ISSUED else status
    return FoundTicket(**facts, attendee_email=logs.mask(email), status=shown)
