"""The controller: the one that moves every waiting room on and publishes what became of it.

Cloud Scheduler starts it each minute, and it goes on until the next start. It keeps nothing: killed between two lines,
it leaves a room as it was or moved on, and the next tick publishes that.
"""

import logging
import time
from collections.abc import Callable, Collection
from uuid import UUID

from shared.cloud.database import DATABASE_AWAY
from shared.cloud.storage import StorageUnavailable
from shared.states import WaitingRoomPhase
from shared.waiting_room import rooms
from shared.waiting_room.rooms import ENDING, RoomState

TICK_SECONDS = 2.0
RUN_SECONDS = 58.0
PAGE_TICKS = 5
"""The pages, which matter to who has no script, are published with every fifth status."""
OPENS_SOON_SECONDS = 90
"""A room that opens within this time is watched: it must not stay shut until the controller is started again."""

log = logging.getLogger(__name__)

Publish = Callable[[RoomState, bool], None]
"""Publishes a room's status, and its pages too where the second argument is true. Raises StorageUnavailable."""


def run(publish: Publish, *, seconds: float = RUN_SECONDS) -> None:
    """Move all rooms on until the time is over, or until nothing can happen in them before the next start."""
    ends_at = time.monotonic() + seconds
    ticks = 0
    idle: set[UUID] = set()
    while True:
        begun = time.monotonic()
        try:
            moved = tick_all(publish, with_pages=ticks % PAGE_TICKS == 0, without=idle)
            idle |= {room_id for room_id, room in moved.items() if not _is_watched(room)}
            is_watched = not idle.issuperset(moved)
        except DATABASE_AWAY as error:  # it may be back for the next tick
            log.warning("waiting_room.not_moved", extra={"error": type(error).__name__})
            is_watched = True
        ticks += 1
        if not is_watched or begun + TICK_SECONDS > ends_at:
            return
        time.sleep(max(0.0, begun + TICK_SECONDS - time.monotonic()))


def tick_all(
    publish: Publish, *, with_pages: bool = True, without: Collection[UUID] = ()
) -> dict[UUID, RoomState | None]:
    """Move every room on once, publish it, and close those that have ended; None for one that could not be moved."""
    rooms.make_missing()
    wanted = [room_id for room_id in rooms.open_rooms() if room_id not in without]
    return {room_id: _tick(publish, room_id, with_pages=with_pages) for room_id in wanted}


def _tick(publish: Publish, room_id: UUID, *, with_pages: bool) -> RoomState | None:
    try:
        room = rooms.tick(room_id)
        if room and _is_published(publish, room, with_pages=with_pages) and room.phase in ENDING:
            rooms.close(room.id)
    except Exception:  # whatever is wrong with this room, people wait in the others
        log.exception("waiting_room.not_moved", extra={"room_id": str(room_id)})
        return None
    return room


def _is_published(publish: Publish, room: RoomState, *, with_pages: bool) -> bool:
    try:
        publish(room, with_pages or room.phase in ENDING)
    except StorageUnavailable as error:  # the next tick has something newer to say
        log.warning("waiting_room.unpublished", extra={"event_id": str(room.event_id), "error": str(error)})
        return False
    return True


def _is_watched(room: RoomState | None) -> bool:
    if room is None:
        return True
    if room.phase == WaitingRoomPhase.NOT_OPEN and room.opens_at is not None:
        return (room.opens_at - room.at).total_seconds() < OPENS_SOON_SECONDS
    return room.phase not in ENDING
