"""Waiting rooms: one for each event that is marked as a rush, made before it opens and closed once the rush is over.

`tick` alone moves a room on: the draw, its phase and the serving number, in one transaction on the room's row. Whatever
cuts it off has moved everything or nothing, and two that run at once call no faster than one, as the time that has
passed is counted from the row. Locks: a room, then its places.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, text

from shared.cloud import secrets
from shared.cloud.database import Transaction, autocommit, transaction
from shared.cloud.read_through_cache import CachedValue, InstanceCache
from shared.sales import reserve_load
from shared.sales.inventory import IS_ENTRY, SELLABLE_UNITS
from shared.sales.queue_passes import KEY
from shared.states import WaitingRoomPhase
from shared.waiting_room import draw, pacing
from shared.waiting_room.pacing import EventNow, Queue

ARRIVAL_SECONDS = 120
"""How long a called place is expected to enter. Whoever comes later may still enter, but nobody waits for them."""
ENDING = frozenset({WaitingRoomPhase.ENDED, WaitingRoomPhase.CANCELLED, WaitingRoomPhase.LIFTED})
"""The phases after which a room is closed."""

_FIRST_SALE = """(SELECT min(COALESCE(t.sale_start, e.waiting_room_opens_at)) FROM ticket_tiers t
    WHERE t.event_id = e.id AND COALESCE(t.sale_end > now(), true)"""
DRAWS_AT = f"""GREATEST(e.waiting_room_opens_at, COALESCE({_FIRST_SALE} AND t.{IS_ENTRY}), {_FIRST_SALE})))"""
"""An expression on events: the hour, at which the sale of tickets first begins and the order is drawn.

People queue for tickets: goods count only where nothing else is sold. A sale that has ended, as a presale, begins
nothing.
"""
DRAW_IS_DUE = f"(r.drawn_at IS NULL AND e.status = 'published' AND {DRAWS_AT} <= now())"
"""A condition on waiting rooms and their events: whoever comes next draws."""
_COLUMNS = f"""
    r.id, r.event_id, e.slug, e.title, e.timezone, e.status AS event_status, e.waiting_room_opens_at AS opens_at,
    {DRAWS_AT} AS draws_at, r.phase, r.joined, r.serving_number, r.calls_per_minute, r.calls_lately, r.call_credit,
    r.revision, r.commitment, r.key_version, r.draw_key, r.draw_size, r.drawn_at, {DRAW_IS_DUE} AS is_draw_due,
    e.end_date <= now() AS has_event_ended, now() AS at, EXTRACT(epoch FROM now() - r.ticked_at) AS seconds
"""
_READ = text(f"""
    SELECT {_COLUMNS} FROM waiting_rooms r JOIN events e ON e.id = r.event_id
    WHERE r.event_id = :event_id AND r.closed_at IS NULL
""")
_LOCK = text(f"""
    SELECT {_COLUMNS} FROM waiting_rooms r JOIN events e ON e.id = r.event_id
    WHERE r.id = :id AND r.closed_at IS NULL FOR NO KEY UPDATE OF r
""")
_MISSING = text(f"""
    SELECT e.id FROM events e
    WHERE e.waiting_room_opens_at IS NOT NULL AND e.status = 'published' AND e.end_date > now()
        AND (CAST(:event_id AS uuid) IS NULL OR e.id = :event_id)
        AND NOT EXISTS (SELECT 1 FROM waiting_rooms r WHERE r.event_id = e.id AND r.closed_at IS NULL)
        AND EXISTS (SELECT 1 FROM ticket_tiers t WHERE t.event_id = e.id AND COALESCE(t.sale_end > now(), true)
            AND (t.{IS_ENTRY} OR NOT EXISTS (SELECT 1 FROM ticket_tiers WHERE event_id = e.id AND {IS_ENTRY})))
""")
_MAKE = text("""
    INSERT INTO waiting_rooms (id, event_id, key_version, commitment, calls_per_minute)
    VALUES (:id, :event_id, :key_version, :commitment, :calls_per_minute)
    ON CONFLICT (event_id) WHERE closed_at IS NULL DO NOTHING
""")
_OPEN = text("SELECT id FROM waiting_rooms WHERE closed_at IS NULL ORDER BY ticked_at, id")
_TIERS = text(f"""
    SELECT COALESCE(sum(free) FILTER (WHERE is_open), 0)::int AS free, COALESCE(sum(reserved), 0)::int AS held,
        COALESCE(bool_or(is_open), false) AS is_on_sale, COALESCE(bool_or(is_later AND free > 0), false) AS is_later,
        COALESCE(bool_and(has_ended), false) AS has_ended, COALESCE(sum(reserved + sold), 0)::int AS taken
    FROM (SELECT GREATEST({SELLABLE_UNITS} - reserved - sold, 0) AS free, reserved, sold,
            sale_start > now() AS is_later, COALESCE(sale_end <= now(), false) AS has_ended,
            COALESCE(sale_start <= now(), true) AND COALESCE(sale_end > now(), true) AS is_open
        FROM ticket_tiers
        WHERE event_id = :event_id AND ({IS_ENTRY} OR NOT EXISTS (
            SELECT 1 FROM ticket_tiers WHERE event_id = :event_id AND {IS_ENTRY}))) AS tiers
""")
# Whoever entered lately has a pass that is still good: both counts read who is choosing, not all who wait.
_QUEUE = text("""
    SELECT (SELECT count(*) FROM waiting_room_places p  -- Uses index: waiting_room_places_passes
            WHERE p.room_id = :id AND p.pass_id IS NOT NULL AND p.pass_expires_at > now()
            AND NOT EXISTS (SELECT 1 FROM queue_pass_orders q WHERE q.pass_id = p.pass_id)) AS with_pass,
        (SELECT count(*) FROM waiting_room_places p  -- Uses index: waiting_room_places_passes
            WHERE p.room_id = :id AND p.pass_id IS NOT NULL AND p.pass_expires_at > now()
            AND p.entered_at > now() - make_interval(secs => :lately)) AS entered_lately,
        (SELECT COALESCE(max(serving_number), 0) FROM waiting_room_calls
            WHERE room_id = :id AND called_at <= now() - make_interval(secs => :lately)) AS called_before,
        (SELECT EXTRACT(epoch FROM now() - min(called_at)) FROM waiting_room_calls WHERE room_id = :id) AS calling_for,
        (SELECT count(*) FROM orders
            WHERE event_id = :event_id AND status IN ('reserved', 'pending_payment', 'paid')) AS orders
""")
_MOVE = text("""
    UPDATE waiting_rooms
    SET phase = :phase, serving_number = :serving_number, call_credit = :call_credit, revision = revision + 1,
        calls_per_minute = :calls_per_minute, calls_lately = :calls_lately, ticked_at = GREATEST(ticked_at, now()),
        drawn_at = CASE WHEN :is_drawn THEN COALESCE(drawn_at, now()) END,
        draw_size = CASE WHEN :is_drawn THEN COALESCE(draw_size, joined) END,
        draw_key = CASE WHEN :is_drawn THEN COALESCE(draw_key, :draw_key) END
    WHERE id = :id RETURNING revision, draw_size
""")
_CALL = text("INSERT INTO waiting_room_calls (room_id, serving_number) VALUES (:id, :serving_number)")
_CLOSE = text("UPDATE waiting_rooms SET closed_at = now() WHERE id = :id AND closed_at IS NULL")


@dataclass(frozen=True)
class RoomState:
    """A waiting room at a moment of the database's clock. `calls_lately` is per minute; None before the first calls."""

    id: UUID
    event_id: UUID
    slug: str
    title: str
    timezone: str
    at: datetime
    phase: WaitingRoomPhase
    opens_at: datetime | None
    draws_at: datetime | None
    joined: int
    serving_number: int
    revision: int
    commitment: str
    draw_key: str | None
    draw_size: int | None
    key_version: str
    calls_lately: int | None = None

    def position(self, number: int) -> int | None:
        """The position of a place's number; None before the draw."""
        if self.draw_key is None or self.draw_size is None:
            return None
        return draw.position(number, self.draw_size, self.draw_key)

    def is_called(self, number: int) -> bool:
        """True if it is the turn of that place."""
        position = self.position(number)
        return position is not None and position <= self.serving_number

    def people_ahead(self, number: int) -> int | None:
        """The number of places called before that one; None before the draw."""
        position = self.position(number)
        return None if position is None else max(0, position - self.serving_number - 1)

    def wait_minutes(self, number: int) -> int | None:
        """The wait of that place at the rate of late; None where nobody can say."""
        ahead = self.people_ahead(number)
        return None if ahead is None or not self.calls_lately else ahead // self.calls_lately


_memory = InstanceCache()


def find(event_id: UUID) -> RoomState | None:
    """The open room of an event."""
    with autocommit() as connection:
        row = connection.execute(_READ, {"event_id": event_id}).first()
    return _state(row) if row else None


def current(event_id: UUID) -> RoomState | None:
    """The same, as of the last second: for whoever asks often."""
    found: RoomState | None = _memory.get(str(event_id), lambda: CachedValue(find(event_id))).value
    return found


def make_missing(event_id: UUID | None = None) -> None:
    """Make the rooms of all published events that want one and have none, or that of one event."""
    with transaction() as tx:
        for missing in tx.execute(_MISSING, {"event_id": event_id}).scalars().all():
            tx.execute(_MAKE, {"event_id": missing, **_new_room()})


def _new_room() -> dict[str, Any]:
    room_id, version = uuid4(), secrets.version(KEY).number
    return {
        "id": room_id,
        "key_version": version,
        "commitment": draw.commitment_to(draw.key_of(room_id, version)),
        "calls_per_minute": pacing.FIRST_CALLS_PER_MINUTE,
    }


def open_rooms() -> Sequence[UUID]:
    """All rooms that are not closed. What was moved longest ago comes first: a run that is cut off starves none."""
    with autocommit() as connection:
        return connection.execute(_OPEN).scalars().all()


def tick(room_id: UUID) -> RoomState | None:
    """Draw if the hour has come, call whose turn it is, and return the room as it is then; None if it is closed."""
    with transaction() as tx:
        room = tx.execute(_LOCK, {"id": room_id}).first()
        return _move(tx, room) if room else None


def close(room_id: UUID) -> None:
    """Close a room for good, once everybody could read why."""
    with transaction() as tx:
        tx.execute(_CLOSE, {"id": room_id})


def _move(tx: Transaction, room: Row[Any]) -> RoomState:
    tiers = tx.execute(_TIERS, {"event_id": room.event_id}).one()
    counted = tx.execute(_QUEUE, {"id": room.id, "event_id": room.event_id, "lately": ARRIVAL_SECONDS}).one()
    is_drawn = room.drawn_at is not None or room.is_draw_due
    event = _event_now(room, tiers, is_drawn=is_drawn)
    phase = pacing.phase(event, room.at)
    due = pacing.credit(room.call_credit, float(room.seconds), room.calls_per_minute)
    is_calling = phase == WaitingRoomPhase.SERVING
    calls = pacing.calls(due, event, _queue(room, tiers, counted)) if is_calling else 0
    moved = {
        "phase": phase,
        "serving_number": room.serving_number + calls,
        "calls_lately": _calls_lately(room.serving_number + calls - counted.called_before, counted.calling_for),
        "draw_key": (room.draw_key or draw.key_of(room.id, room.key_version)) if is_drawn else None,
    }
    values = {
        **moved,
        "id": room.id,
        "is_drawn": is_drawn,
        "call_credit": due - calls,
        "calls_per_minute": pacing.next_rate(room.calls_per_minute, reserve_load.recent(tx)),
    }
    written = tx.execute(_MOVE, values).one()
    if calls:
        tx.execute(_CALL, {"id": room.id, "serving_number": moved["serving_number"]})
    return _state(room, **moved, revision=written.revision, draw_size=written.draw_size)


def _queue(room: Row[Any], tiers: Row[Any], counted: Row[Any]) -> Queue:
    called_lately = room.serving_number - counted.called_before
    return Queue(
        waiting=room.joined - room.serving_number,
        choosing=counted.with_pass + max(0, called_lately - counted.entered_lately),
        units_per_order=tiers.taken / counted.orders if counted.orders else 1.0,
    )


def _calls_lately(calls: int, calling_for: Decimal | None) -> int | None:
    """The calls a minute of late; None while it is too early to say."""
    if calling_for is None:
        return None
    return round(calls * 60 / min(max(float(calling_for), 10.0), ARRIVAL_SECONDS))


def _event_now(room: Row[Any], tiers: Row[Any], *, is_drawn: bool) -> EventNow:
    return EventNow(
        status=room.event_status,
        opens_at=room.opens_at,
        is_drawn=is_drawn,
        is_over=room.has_event_ended or tiers.has_ended,
        is_on_sale=tiers.is_on_sale,
        is_sold_later=tiers.is_later,
        free_units=tiers.free,
        held_units=tiers.held,
    )


def _state(room: Row[Any], **moved: Any) -> RoomState:
    known = {name: room._mapping[name] for name in RoomState.__dataclass_fields__ if name in room._mapping}
    return RoomState(**{**known, "phase": WaitingRoomPhase(room.phase), **moved})
