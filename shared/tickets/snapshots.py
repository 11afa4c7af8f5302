"""Snapshots of an event's tickets, by which a device at a gate decides without network (OFFLINE-1).

A snapshot names nobody. Each ticket is a record of seven bytes: the first six of the SHA-256 of its QR code's text,
and one with its state and its tier. A code that a correction has replaced has a record of its own.

The cursor is the number of the oldest transaction that was running when the snapshot was taken. Every row says which
transaction has changed it last, so the next snapshot holds whatever this one has not seen, however long it took to be
committed. What both hold is applied twice, which changes nothing.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.field_types import Trimmed
from shared.identity.tokens import Principal
from shared.models import Query, ResponseModel
from shared.tickets import gate, qr

MAX_TIERS: Final = 31
"""The tiers that a record can name; those of others are "another one"."""
ISSUING_TIME: Final = timedelta(minutes=2)
"""More than a transaction that issues a ticket can take: the function's time-out is one minute."""
_CURSOR: Final = re.compile(r"([0-9]{1,20})-([0-9a-f]{16})")

_EVENT = text("""
    SELECT title, timezone, scan_from, scan_until, allows_reentry, now() AS taken_at,
        CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS numeric) AS oldest_running
    FROM events WHERE id = :event_id
""")
_HAS_EARLIER_CODES = text("""
    SELECT EXISTS (SELECT 1 FROM tickets WHERE event_id = :event_id AND qr_hash IS NULL)  -- Uses index: tickets_event
""")
_TIERS = text(
    "SELECT id AS tier_id, name FROM ticket_tiers WHERE event_id = :event_id ORDER BY created_at, position, id"
)
# The state: 0 valid, 1 used, 2 void, 3 used and outside, 4 replaced; above it the tier.
_CHANGED = """
    SELECT t.id, t.event_id, t.qr_hash, t.revision, t.replaced_qr_hashes, t.order_id, i.id AS item_id,
        CASE WHEN t.status = 'void' THEN 2 WHEN t.status = 'issued' THEN 0 WHEN t.exited_at IS NULL THEN 1 ELSE 3 END
            AS state,
        COALESCE(array_position(CAST(:tier_ids AS uuid[]), i.tier_id) - 1, 31) * 8 AS tier_bits
    FROM tickets t JOIN order_items i ON i.id = t.order_item_id
    WHERE t.event_id = :event_id AND t.changed_in >= CAST(:since AS xid8)  -- Uses index: tickets_changed
"""
_RECORDS = text(f"""
    WITH changed AS ({_CHANGED})
    SELECT string_agg(hash || set_byte(decode('00', 'hex'), 0, byte), decode('', 'hex')) FROM (
        SELECT qr_hash AS hash, tier_bits + state AS byte FROM changed WHERE qr_hash IS NOT NULL
        UNION ALL
        SELECT substring(replaced_qr_hashes FROM 6 * n + 1 FOR 6), tier_bits + 4
        FROM changed, generate_series(0, octet_length(replaced_qr_hashes) / 6 - 1) AS n) AS records
""")
_EARLIER_CODES = text(f"""
    WITH changed AS ({_CHANGED})
    SELECT k.id, k.event_id, k.revision, k.tier_bits + k.state AS byte,
        COALESCE(i.attendee_name, u.full_name) AS attendee_name
    FROM changed k JOIN order_items i ON i.id = k.item_id JOIN orders o ON o.id = k.order_id
        JOIN users u ON u.id = o.user_id
    WHERE k.qr_hash IS NULL
""")


class SnapshotQuery(Query):
    """The cursor of the snapshot that the device has; without it, everything."""

    cursor: Annotated[str, Trimmed, StringConstraints(max_length=100)] | None = None


class VerificationKey(ResponseModel):
    """The public key of a generation of QR codes: Ed25519, its 32 bytes in base64url without padding."""

    prefix: str
    public_key: str


class SnapshotTier(ResponseModel):
    """A tier, and the number by which records name it."""

    index: int
    tier_id: UUID
    name: str


class Snapshot(ResponseModel):
    """The tickets of an event, for a device that scans them without network; it names nobody.

    `tickets`: base64 of records of 7 bytes: `hash_bytes` of the SHA-256 of a QR code's text, then a byte. Its low three
    bits are the state: 0 valid, 1 used, 2 void, 3 used and outside, 4 replaced; the others the `index` of the tier, 31
    for one that `tiers` does not list. With `is_delta` only what has changed since the cursor that was given: replace
    the records of the same hash. Every ticket issued until `complete_until` is in it.

    `prefixes`: the generations of codes that the event's tickets have. A text of another one is no ticket's, and one of
    `keys` must have a good signature too: a hash alone could be met by who has the snapshot and tries for long enough.
    """

    event_id: UUID
    title: str
    timezone: str
    taken_at: datetime
    cursor: str
    is_delta: bool
    complete_until: datetime
    scan_from: datetime
    scan_until: datetime
    allows_reentry: bool
    hash_bytes: Literal[6] = 6
    prefixes: list[str]
    keys: list[VerificationKey]
    tiers: list[SnapshotTier]
    tickets: str


@dataclass(frozen=True)
class _Cursor:
    """The oldest transaction that a snapshot may not have seen, and a hash of the tiers that its records name."""

    oldest_running: int
    tiers: str

    def __str__(self) -> str:
        return f"{self.oldest_running}-{self.tiers}"


def take(tx: Transaction, staff: Principal, event_id: UUID, cursor: str | None) -> Snapshot:
    """The event's tickets, or what has changed of them since `cursor`. Raises NotFound as the gate does.

    `tx` sees one moment. A cursor of other tiers, or of a database that was restored to an earlier moment, gets all.
    """
    gate.require_access(tx, staff, event_id)
    event = tx.execute(_EVENT, {"event_id": event_id}).one()
    tiers = _tiers(tx, event_id)
    now = _Cursor(int(event.oldest_running), _hash_of(tiers))
    since = _changes_since(cursor, now)
    return Snapshot(
        event_id=event_id,
        title=event.title,
        timezone=event.timezone,
        taken_at=event.taken_at,
        cursor=str(now),
        is_delta=since > 0,
        complete_until=event.taken_at - ISSUING_TIME,
        scan_from=event.scan_from,
        scan_until=event.scan_until,
        allows_reentry=event.allows_reentry,
        prefixes=_prefixes(tx, event_id),
        keys=[VerificationKey(prefix=qr.SIGNED, public_key=_base64url(qr.public_key()))],
        tiers=tiers,
        tickets=base64.b64encode(_records(tx, event_id, tiers, since)).decode(),
    )


def _prefixes(tx: Transaction, event_id: UUID) -> list[str]:
    has_earlier: bool = tx.execute(_HAS_EARLIER_CODES, {"event_id": event_id}).scalar_one()
    return [*(qr.EARLIER if has_earlier else ()), qr.SIGNED]


def _tiers(tx: Transaction, event_id: UUID) -> list[SnapshotTier]:
    rows = tx.execute(_TIERS, {"event_id": event_id}).mappings().all()
    return [SnapshotTier(index=index, **row) for index, row in enumerate(rows[:MAX_TIERS])]


def _hash_of(tiers: list[SnapshotTier]) -> str:
    """The hash of the tiers in their order: with others, records that were sent earlier mean something else."""
    return hashlib.sha256(b"".join(tier.tier_id.bytes for tier in tiers)).hexdigest()[:16]


def _changes_since(cursor: str | None, now: _Cursor) -> int:
    """The number of the transaction from which on changes are asked for; 0 for everything."""
    written = _CURSOR.fullmatch(cursor or "")
    if written is None:
        return 0
    oldest_running = int(written[1])
    return oldest_running if written[2] == now.tiers and oldest_running <= now.oldest_running else 0


def _records(tx: Transaction, event_id: UUID, tiers: list[SnapshotTier], since: int) -> bytes:
    values = {"event_id": event_id, "tier_ids": [tier.tier_id for tier in tiers], "since": str(since)}
    stored: bytes = tx.execute(_RECORDS, values).scalar() or b""
    return stored + b"".join(_record(row) for row in tx.execute(_EARLIER_CODES, values))


def _record(row: Any) -> bytes:
    """The record of a ticket with a code before K3, whose hash is not stored."""
    content = qr.QrContent(row.id, row.event_id, row.attendee_name, row.revision)
    return qr.short_hash(content) + bytes([row.byte])


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
