"""The status of a waiting room, as everybody who waits reads it from the bucket: nothing in it is about one person."""

from datetime import datetime
from uuid import UUID

from shared.models import ResponseModel
from shared.states import WaitingRoomPhase
from shared.waiting_room.rooms import RoomState


class Draw(ResponseModel):
    """The draw, published at the hour: by it everybody can compute the position of every number."""

    key: str
    size: int


class WaitingRoomStatus(ResponseModel):
    """A waiting room now. A status with a lower `revision` than one seen before is an old one.

    `draws_at`: when the sale begins and the order is drawn. `calls_per_minute`: as of late; null before the first.
    """

    room_id: UUID
    event_id: UUID
    revision: int
    at: datetime
    phase: WaitingRoomPhase
    opens_at: datetime | None
    draws_at: datetime | None
    joined: int
    serving_number: int
    calls_per_minute: int | None
    commitment: str
    draw: Draw | None


def of_room(room: RoomState) -> WaitingRoomStatus:
    """The status to publish."""
    is_drawn = room.draw_key is not None and room.draw_size is not None
    return WaitingRoomStatus(
        room_id=room.id,
        event_id=room.event_id,
        revision=room.revision,
        at=room.at,
        phase=room.phase,
        opens_at=room.opens_at,
        draws_at=room.draws_at,
        joined=room.joined,
        serving_number=room.serving_number,
        calls_per_minute=room.calls_lately,
        commitment=room.commitment,
        draw=Draw(key=room.draw_key, size=room.draw_size) if is_drawn else None,
    )
