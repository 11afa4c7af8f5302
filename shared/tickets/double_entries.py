"""Double entries: people whom a device admitted without network and the server would have refused (OFFLINE-1)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import Listing, PageQuery, ResponseModel
from shared.tickets import gate
from shared.tickets.admission import Result

_IS_DOUBLE = (
    "s.event_id = :event_id AND s.is_admitted AND s.kind = 'ticket' AND s.direction = 'in' AND s.result <> 'valid'"
)
# Uses index: scans_double_entries
_LIST = text(f"""
    SELECT s.id AS scan_id, s.ticket_id, COALESCE(i.attendee_name, u.full_name) AS attendee_name, c.name AS tier_name,
        s.result, s.judged_at AS scanned_at, s.gate, staff.full_name AS staff_name, s.used_at, s.used_gate,
        earlier.full_name AS used_by_name
    FROM scans s JOIN users staff ON staff.id = s.staff_id LEFT JOIN users earlier ON earlier.id = s.used_by
        LEFT JOIN tickets t ON t.id = s.ticket_id LEFT JOIN order_items i ON i.id = t.order_item_id
        LEFT JOIN ticket_tiers c ON c.id = i.tier_id LEFT JOIN orders o ON o.id = t.order_id
        LEFT JOIN users u ON u.id = o.user_id
    WHERE {_IS_DOUBLE} ORDER BY s.judged_at DESC, s.id LIMIT :page_size OFFSET :offset
""")
_COUNT = text(f"SELECT count(*) FROM scans s WHERE {_IS_DOUBLE}")


class OtherEntry(ResponseModel):
    """The entry that the ticket was used for."""

    scanned_at: datetime
    gate: str | None
    staff_name: str | None


class DoubleEntry(ResponseModel):
    """An entry that a device has allowed without network, and why the server would have refused it.

    `first`: the entry that the ticket was used for; null where it was refused for another reason.
    """

    scan_id: UUID
    ticket_id: UUID | None
    attendee_name: str | None
    tier_name: str | None
    result: Result
    scanned_at: datetime
    gate: str | None
    staff_name: str
    first: OtherEntry | None


def list_page(tx: Transaction, caller: Principal, event_id: UUID, page: PageQuery) -> Listing[DoubleEntry]:
    """An event's double entries, the latest first; the access is audited. Raises NotFound as the gate does."""
    gate.require_access(tx, caller, event_id)
    authorization.record_list_access(tx, caller, subject="double_entries", subject_id=event_id, of_people=True)
    rows = tx.execute(_LIST, {"event_id": event_id, "page_size": page.page_size, "offset": page.offset})
    return Listing[DoubleEntry].of(page, [_entry(row) for row in rows], count(tx, event_id))


def count(tx: Transaction, event_id: UUID) -> int:
    """Count them. The caller's access is checked already."""
    counted: int = tx.execute(_COUNT, {"event_id": event_id}).scalar_one()
    return counted


def _entry(row: Any) -> DoubleEntry:
    facts = dict(row._mapping)
    used_at, used_gate, used_by = facts.pop("used_at"), facts.pop("used_gate"), facts.pop("used_by_name")
    is_second = used_at is not None and row.result == "already_used"
    first = OtherEntry(scanned_at=used_at, gate=used_gate, staff_name=used_by) if is_second else None
    return DoubleEntry(**facts, first=first)
