"""Places in a waiting room: joining it, seeing how far it is, and entering with a queue pass once one is called.

A person has one place in a room: a second call, from any account of the same mailbox or any device, finds it again.
Who joins together is counted in one statement, in the order in which their calls came in.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shared.cloud.database import autocommit
from shared.cloud.request_batching import RequestBatcher
from shared.problems import NotFound, Problem
from shared.sales.queue_passes import QueuePass
from shared.states import WaitingRoomPhase
from shared.waiting_room import draw, place_tokens, rooms
from shared.waiting_room.place_tokens import PlaceClaim
from shared.waiting_room.rooms import DRAW_IS_DUE, ENDING, RoomState

PASS_SECONDS = 600
MAX_BATCH_SIZE = 256


class WaitingRoomClosed(Problem):
    """This event has no open waiting room now. Look at the event for when it opens."""

    status, slug = 409, "waiting-room-closed"


class NotCalledYet(Problem):
    """It is not your turn yet. Keep your place, and look at the waiting room's status until it is."""

    status, slug = 409, "not-called-yet"


class QueuePassOver(Problem):
    """Your queue pass is over. Take a new place, which is at the end."""

    status, slug = 409, "queue-pass-over"


class PlaceRefused(Problem):
    """This is no place of yours in this waiting room. Join it, and send the token that you get."""

    status, slug = 422, "place-refused"


class PlaceState(StrEnum):
    """The progress of a place."""

    WAITING = "waiting"
    CALLED = "called"
    CHOOSING = "choosing"
    """Its person has entered, and has a queue pass for an order."""
    OVER = "over"
    """Its queue pass was used or has expired."""


@dataclass(frozen=True)
class Place:
    """A person's place. `order_id` is what its queue pass was used for."""

    room: RoomState
    user_id: UUID
    number: int
    joined_at: datetime
    queue_pass: QueuePass | None
    order_id: UUID | None
    at: datetime

    @property
    def state(self) -> PlaceState:
        """Its progress."""
        if self.queue_pass is None:
            return PlaceState.CALLED if self.room.is_called(self.number) else PlaceState.WAITING
        is_over = self.order_id or self.queue_pass.expires_at <= self.at
        return PlaceState.OVER if is_over else PlaceState.CHOOSING

    @property
    def token(self) -> str:
        """The part that a browser keeps."""
        return place_tokens.sign(PlaceClaim(self.room.id, self.user_id, self.number))


@dataclass(frozen=True)
class JoinRequest:
    """An account's call for a place."""

    event_id: UUID
    user_id: UUID


# The draw comes first: whoever calls after the hour is counted behind all that are drawn. A number is given to nobody
# where the same person calls twice at once, from two instances; nobody waits for it, as it is called like any other.
# Rows are looked up one by one: the plan is made while the room is empty, and kept when thousands come.
_JOIN = text(f"""
    WITH requested AS (
        SELECT DISTINCT ON (u.person_id) u.person_id, u.id AS user_id, q.ordinal
        FROM jsonb_to_recordset(CAST(:requests AS jsonb)) AS q (ordinal int, user_id uuid)
            CROSS JOIN LATERAL (SELECT id, person_id FROM users WHERE id = q.user_id AND NOT is_deleted LIMIT 1) u
        ORDER BY u.person_id, q.ordinal),
    newcomers AS (
        SELECT r.person_id, r.user_id, row_number() OVER (ORDER BY r.ordinal) AS rank
        FROM requested r LEFT JOIN LATERAL (
            SELECT * FROM waiting_room_places WHERE room_id = :room_id AND person_id = r.person_id LIMIT 1) p ON true
        WHERE p.person_id IS NULL OR p.pass_expires_at <= now()
            OR EXISTS (SELECT 1 FROM queue_pass_orders q WHERE q.pass_id = p.pass_id)),
    counted AS (
        UPDATE waiting_rooms r
        SET joined = joined + newcomers.count,
            drawn_at = CASE WHEN {DRAW_IS_DUE} THEN now() ELSE r.drawn_at END,
            draw_size = CASE WHEN {DRAW_IS_DUE} THEN joined ELSE r.draw_size END,
            draw_key = CASE WHEN {DRAW_IS_DUE} THEN :draw_key ELSE r.draw_key END
        FROM events e, (SELECT count(*)::int AS count FROM newcomers) AS newcomers
        WHERE r.id = :room_id AND r.closed_at IS NULL AND e.id = r.event_id AND newcomers.count > 0
        RETURNING r.joined - newcomers.count AS before)
    INSERT INTO waiting_room_places AS p (room_id, person_id, user_id, number)
    SELECT :room_id, person_id, user_id, before + rank FROM newcomers, counted ORDER BY rank
    ON CONFLICT (room_id, person_id) DO UPDATE
    SET number = excluded.number, user_id = excluded.user_id, joined_at = now(), pass_id = NULL, entered_at = NULL,
        pass_expires_at = NULL
    WHERE p.pass_expires_at <= now() OR EXISTS (SELECT 1 FROM queue_pass_orders q WHERE q.pass_id = p.pass_id)
""")
_OWN = text("""
    SELECT u.id AS asked_by, p.number, p.joined_at, p.pass_id, p.pass_expires_at, q.order_id, now() AS at
    FROM users u JOIN waiting_room_places p ON p.room_id = :room_id AND p.person_id = u.person_id
        LEFT JOIN queue_pass_orders q ON q.pass_id = p.pass_id
    WHERE u.id = ANY(:user_ids)
""")
_ENTER = text("""
    UPDATE waiting_room_places
    SET pass_id = gen_random_uuid(), user_id = :user_id, entered_at = now(),
        pass_expires_at = now() + make_interval(secs => :seconds)
    WHERE room_id = :room_id AND number = :number AND pass_id IS NULL
""")


def join(event_id: UUID, user_id: UUID) -> Place:
    """Take a place, or find the one that this person has. Raises NotFound, WaitingRoomClosed."""
    _require_room(event_id)
    outcome = _join_together(JoinRequest(event_id, user_id))
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


def own(event_id: UUID, user_id: UUID) -> Place:
    """The place that this person has. Raises NotFound."""
    place = find(event_id, user_id)
    if place is None:
        raise NotFound("You have no place in this waiting room. Join it first.")
    return place


def find(event_id: UUID, user_id: UUID) -> Place | None:
    """The place that this person has; None without one."""
    room = rooms.find(event_id)
    return _places(room, [user_id]).get(user_id) if room else None


def enter(event_id: UUID, user_id: UUID, token: str | None = None) -> Place:
    """Give the queue pass of a place that was called; the same one where it is asked for again.

    Raises NotFound, PlaceRefused, NotCalledYet, QueuePassOver, WaitingRoomClosed.
    """
    if token is not None:
        _check_called(event_id, user_id, token)
    place = own(event_id, user_id)
    if place.state == PlaceState.WAITING:
        raise NotCalledYet(people_ahead=place.room.people_ahead(place.number))
    if place.state == PlaceState.CALLED:
        if place.room.phase in ENDING:
            raise WaitingRoomClosed
        values = {"room_id": place.room.id, "number": place.number, "user_id": user_id, "seconds": PASS_SECONDS}
        with autocommit() as connection:
            connection.execute(_ENTER, values)
        place = own(event_id, user_id)
    if place.state == PlaceState.OVER:
        raise QueuePassOver
    return place


def pass_of(event_id: UUID, user_id: UUID) -> QueuePass | None:
    """The queue pass that an account can order with now."""
    place = find(event_id, user_id)
    return place.queue_pass if place and place.state == PlaceState.CHOOSING else None


def _require_room(event_id: UUID) -> None:
    """Make the room if it is missing, before others wait for this call: events without one would hold them up."""
    if rooms.current(event_id) is None:
        rooms.make_missing(event_id)
        if rooms.find(event_id) is None:
            raise WaitingRoomClosed


def _check_called(event_id: UUID, user_id: UUID, token: str) -> None:
    """Refuse a token of somebody else or another room, and a place that was not called a second ago."""
    claim, room = place_tokens.read(token), rooms.current(event_id)
    if claim is None or room is None or (claim.user_id, claim.room_id) != (user_id, room.id):
        raise PlaceRefused
    if not room.is_called(claim.number):
        raise NotCalledYet(people_ahead=room.people_ahead(claim.number))


def _join_all(requests: Sequence[JoinRequest]) -> list[Place | Problem]:
    """Take the places of many: one statement for each event that they want."""
    found = {event_id: _join_event(event_id, requests) for event_id in {each.event_id for each in requests}}
    return [_outcome(found[each.event_id], each.user_id) for each in requests]


_join_together = RequestBatcher(_join_all, MAX_BATCH_SIZE)


def _join_event(event_id: UUID, requests: Sequence[JoinRequest]) -> dict[UUID, Place] | Problem:
    room = rooms.find(event_id)
    if room is None or not _takes_places(room):
        return WaitingRoomClosed()
    user_ids = [each.user_id for each in requests if each.event_id == event_id]
    wanted = [{"ordinal": ordinal, "user_id": str(user_id)} for ordinal, user_id in enumerate(user_ids)]
    values = {
        "room_id": room.id,
        "requests": json.dumps(wanted),
        "draw_key": room.draw_key or draw.key_of(room.id, room.key_version),
    }
    with autocommit() as connection:
        connection.execute(_JOIN, values)
    return _places(rooms.find(event_id) or room, user_ids)


def _takes_places(room: RoomState) -> bool:
    is_open = room.opens_at is not None and room.opens_at <= room.at
    return is_open and room.phase not in ENDING | {WaitingRoomPhase.SOLD_OUT}


def _outcome(found: dict[UUID, Place] | Problem, user_id: UUID) -> Place | Problem:
    if isinstance(found, Problem):
        return found
    return found.get(user_id) or WaitingRoomClosed()


def _places(room: RoomState, user_ids: Sequence[UUID]) -> dict[UUID, Place]:
    with autocommit() as connection:
        rows = connection.execute(_OWN, {"room_id": room.id, "user_ids": list(user_ids)}).all()
    return {row.asked_by: _place(room, row) for row in rows}


def _place(room: RoomState, row: Row[Any]) -> Place:
    # Whichever account of the person asks may use the pass: its id is good for one order of them all.
    queue_pass = QueuePass(row.pass_id, room.event_id, row.asked_by, row.pass_expires_at) if row.pass_id else None
    return Place(room, row.asked_by, row.number, row.joined_at, queue_pass, row.order_id, row.at)
