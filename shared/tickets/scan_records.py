"""Records of scans: the same scan id gets the same answer, and has its effect once (GATE, OFFLINE-1).

A device chooses the id of a scan before it asks. Whoever has recorded it first has decided; a repetition, parallel or
later, reads what was recorded. Codes are kept as hashes, which tell a repetition from another scan.
"""

import hashlib
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud import clock
from shared.cloud.database import Transaction
from shared.field_types import ClockTime, line
from shared.models import RequestModel
from shared.problems import IdempotencyMismatch

MAX_AGE: Final = timedelta(days=7)
"""A device's clock is believed as far back as this."""

Direction = Literal["in", "out"]
ScannedKind = Literal["ticket", "pickup"]
GateName = Annotated[str, line(50)]


class ScanIdentity(RequestModel):
    """The id that a device has given to a scan, when it scanned by its own clock, and at which gate or counter.

    The same `scan_id` with the same content gets the same answer. `scanned_at` refuses nothing, however wrong it is.
    """

    scan_id: UUID | None = None
    scanned_at: ClockTime | None = None
    gate: GateName | None = None


class ScanIdReused(IdempotencyMismatch):
    """This scan_id was used for another scan. Choose a new one for each scan."""


@dataclass(frozen=True, kw_only=True)
class ScanRecord:
    """A row of `scans`. `used_at`, `used_gate` and `used_by`: the scan that let somebody in, this one or an earlier."""

    id: UUID
    kind: ScannedKind = "ticket"
    event_id: UUID
    staff_id: UUID
    gate: str | None
    code_hash: bytes
    scanned_at: datetime
    judged_at: datetime
    result: str = "forged"
    ticket_id: UUID | None = None
    order_id: UUID | None = None
    direction: Direction = "in"
    is_reentry: bool = False
    is_replaced: bool = False
    is_offline: bool = False
    is_admitted: bool = False
    used_at: datetime | None = None
    used_gate: str | None = None
    used_by: UUID | None = None
    gates_open_at: datetime | None = None
    gates_close_at: datetime | None = None


_COLUMNS = [field.name for field in fields(ScanRecord)]
_LOCK_ID = text("SELECT pg_advisory_xact_lock(hashtextextended('scan ' || CAST(:id AS text), 0))")
_FIND = text(f"SELECT {', '.join(_COLUMNS)} FROM scans WHERE id = :id")
_ADD = text(f"INSERT INTO scans ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})")
_ADMIT = text("""
    UPDATE scans SET is_offline = true, is_admitted = true
    WHERE id = :id AND NOT is_offline AND NOT is_admitted
""")
# An exit, a re-entry or a double entry since then has the same `used_at`: somebody is or was inside.
_REFUSE = text("""
    UPDATE scans s SET is_offline = true, is_admitted = false
    WHERE id = :id AND NOT EXISTS (
        SELECT 1 FROM scans later  -- Uses index: scans_ticket
        WHERE later.ticket_id = s.ticket_id AND later.used_at = s.used_at AND later.is_admitted AND later.id <> s.id)
""")
_UNDO = text("""
    UPDATE scans SET undone_at = now()
    WHERE ticket_id = :ticket_id AND is_admitted AND result IN ('valid', 'exited') AND undone_at IS NULL
""")


def hash_of(code: str) -> bytes:
    """The hash by which a repeated scan of a code is known."""
    return hashlib.sha256(code.encode()).digest()


def scan_moment(told: datetime | None) -> datetime:
    """The moment of a scan by its device's clock, which is neither in the future nor older than MAX_AGE."""
    now = clock.now()
    return min(max(told or now, now - MAX_AGE), now)


def find(tx: Transaction, draft: ScanRecord) -> ScanRecord | None:
    """The recorded scan of this id, which is locked until `tx` ends. Raises ScanIdReused for another scan's id."""
    tx.execute(_LOCK_ID, {"id": draft.id})
    row = tx.execute(_FIND, {"id": draft.id}).first()
    if row is None:
        return None
    found = ScanRecord(**row._mapping)
    if _content(found) != _content(draft):
        raise ScanIdReused
    return found


def _content(scan: ScanRecord) -> tuple[Any, ...]:
    """The fields by which two scans are the same one."""
    return scan.kind, scan.event_id, scan.code_hash, scan.direction


def add(tx: Transaction, scan: ScanRecord) -> None:
    """Record a scan."""
    tx.execute(_ADD, vars(scan))


def record_admitted(tx: Transaction, scan_id: UUID) -> None:
    """Record that a device admitted somebody although we had refused them, as our answer was lost."""
    tx.execute(_ADMIT, {"id": scan_id})


def record_refused(tx: Transaction, scan_id: UUID) -> bool:
    """Record that a device refused the scan that used a locked ticket; False if somebody has passed with it since."""
    return tx.execute(_REFUSE, {"id": scan_id}).rowcount > 0


def undo(tx: Transaction, ticket_id: UUID) -> None:
    """Mark the entries and exits of a ticket as undone."""
    tx.execute(_UNDO, {"ticket_id": ticket_id})
