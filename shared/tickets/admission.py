"""Admission: judges whether a ticket lets its holder pass a gate at a moment, and records it (GATE).

A ticket lets one person in once. Where the organizer allows re-entry, whoever has left may come in again. Scans from
devices without network arrive late: they are judged by what had happened at their own moment, and never where that
would contradict what happened after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.problems import Problem
from shared.states import TicketStatus
from shared.tickets.scan_records import Direction

Result = Literal[
    "valid",
    "already_used",
    "wrong_event",
    "refunded",
    "forged",
    "not_open",
    "wrong_gate",
    "exited",
    "not_inside",
]

PASSED: Final = ("valid", "exited")
"""The results with which somebody has passed the gate."""

# The first to lock a ticket decides; a second scan, parallel or not, then finds the result.
_LOCK = text("""
    SELECT t.id, t.event_id, t.status, t.revision, t.validated_at, t.validated_by, t.gate, t.qr_issued_at,
        i.tier_id, e.organizer_id, e.scan_from, e.scan_until, e.allows_reentry,
        COALESCE(CAST(:at AS timestamptz), now()) AS at
    FROM tickets t JOIN order_items i ON i.id = t.order_item_id JOIN events e ON e.id = t.event_id
    WHERE t.id = :ticket_id FOR NO KEY UPDATE OF t
""")
# What is known to have happened around a moment: the entries and exits of the ticket, and that it was used.
_MOVEMENTS = text("""
    WITH movements AS (
        SELECT judged_at AS at, direction FROM scans  -- Uses index: scans_ticket
        WHERE ticket_id = :ticket_id AND is_admitted AND result IN ('valid', 'exited') AND undone_at IS NULL
        UNION SELECT validated_at, 'in' FROM tickets WHERE id = :ticket_id)
    SELECT (SELECT direction FROM movements WHERE at <= :at ORDER BY at DESC LIMIT 1) AS before,
        (SELECT direction FROM movements WHERE at > :at ORDER BY at LIMIT 1) AS after
""")
_MARK_USED = text("""
    UPDATE tickets SET status = 'used', validated_at = :at, validated_by = :staff_id, gate = :gate
    WHERE id = :ticket_id AND status = 'issued'
""")
_MARK_EXITED = text("UPDATE tickets SET exited_at = :exited_at WHERE id = :ticket_id")
_UNDO = text("""
    UPDATE tickets SET status = 'issued', validated_at = NULL, validated_by = NULL, gate = NULL, exited_at = NULL
    WHERE id = :ticket_id AND status = 'used'
""")


class ReentryNotAllowed(Problem):
    """This event lets nobody in a second time, so nobody is scanned out. Its organizer may allow re-entry."""

    status, slug = 409, "reentry-not-allowed"


@dataclass(frozen=True)
class LockedTicket:
    """A ticket that is locked against scans, with what its event says about its gates; moments in UTC."""

    id: UUID
    event_id: UUID
    status: str
    revision: int
    validated_at: datetime | None
    validated_by: UUID | None
    gate: str | None
    qr_issued_at: datetime | None
    tier_id: UUID
    organizer_id: UUID
    scan_from: datetime
    scan_until: datetime
    allows_reentry: bool
    at: datetime
    """The moment at which it is to be judged."""


@dataclass(frozen=True)
class Judgement:
    """The result of an attempt. `has_later`: something is known that happened to the ticket afterwards."""

    result: Result
    is_reentry: bool = False
    has_later: bool = False


def lock(tx: Transaction, ticket_id: UUID, *, at: datetime | None = None) -> LockedTicket | None:
    """Lock a ticket against scans, to judge it `at` a moment (now, if not given); None where there is none."""
    row = tx.execute(_LOCK, {"ticket_id": ticket_id, "at": at}).first()
    return LockedTicket(*row) if row else None


def judge(
    tx: Transaction, ticket: LockedTicket, direction: Direction, tier_ids: Sequence[UUID] | None = None
) -> Judgement:
    """Judge an attempt to pass a gate with a locked ticket; `tier_ids` are those that it lets in, None for all."""
    if ticket.status == TicketStatus.VOID:
        return Judgement("refunded")
    if direction == "out":
        return _judge_exit(tx, ticket)
    if ticket.status == TicketStatus.USED:
        return _judge_reentry(tx, ticket, tier_ids)
    return Judgement(_refusal(ticket, tier_ids) or "valid")


def _judge_exit(tx: Transaction, ticket: LockedTicket) -> Judgement:
    if not ticket.allows_reentry or ticket.status != TicketStatus.USED:
        return Judgement("not_inside")
    before, after = _movements(tx, ticket)
    can_exit = before == "in" and after != "out"
    return Judgement("exited" if can_exit else "not_inside", has_later=after is not None)


def _judge_reentry(tx: Transaction, ticket: LockedTicket, tier_ids: Sequence[UUID] | None) -> Judgement:
    before, after = _movements(tx, ticket) if ticket.allows_reentry else ("in", None)
    if before != "out" or after == "in":
        return Judgement("already_used")
    return Judgement(_refusal(ticket, tier_ids) or "valid", is_reentry=True, has_later=after is not None)


def _movements(tx: Transaction, ticket: LockedTicket) -> tuple[Direction | None, Direction | None]:
    row = tx.execute(_MOVEMENTS, {"ticket_id": ticket.id, "at": ticket.at}).one()
    return row.before, row.after


def _refusal(ticket: LockedTicket, tier_ids: Sequence[UUID] | None) -> Result | None:
    """The reason why a ticket that is good lets nobody in here and now."""
    if tier_ids is not None and ticket.tier_id not in tier_ids:
        return "wrong_gate"
    return None if ticket.scan_from <= ticket.at < ticket.scan_until else "not_open"


def apply(tx: Transaction, ticket: LockedTicket, judged: Judgement, *, staff_id: UUID, gate: str | None) -> None:
    """Use up a locked ticket that lets its holder in, or record that its holder has left or come back."""
    if judged.result == "valid" and not judged.is_reentry:
        tx.execute(_MARK_USED, {"ticket_id": ticket.id, "at": ticket.at, "staff_id": staff_id, "gate": gate})
    elif judged.result in PASSED and not judged.has_later:
        exited_at = ticket.at if judged.result == "exited" else None
        tx.execute(_MARK_EXITED, {"ticket_id": ticket.id, "exited_at": exited_at})


def undo(tx: Transaction, ticket_id: UUID) -> None:
    """Mark a locked ticket as unused."""
    tx.execute(_UNDO, {"ticket_id": ticket_id})
