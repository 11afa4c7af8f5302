"""Requests and responses of a waiting room."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from shared.field_types import line
from shared.models import RequestModel, ResponseModel
from shared.sales import queue_passes
from shared.states import WaitingRoomPhase
from shared.waiting_room.places import Place, PlaceState


class PassRequest(RequestModel):
    """A call for a queue pass. `token` is the one of your place, if you kept it: who comes early is told faster."""

    token: Annotated[str, line(1000)] | None = None


class PlaceResponse(ResponseModel):
    """A place. `position` and `people_ahead` are null before the order is drawn.

    `number` is the order of arrival; `status_path` leads to the status that everybody reads while they wait.
    """

    event_id: UUID
    room_id: UUID
    phase: WaitingRoomPhase
    state: PlaceState
    number: int
    position: int | None
    people_ahead: int | None
    joined_at: datetime
    token: str
    status_path: str
    pass_expires_at: datetime | None
    order_id: UUID | None

    @classmethod
    def of(cls, place: Place) -> "PlaceResponse":
        """The response for a place."""
        return cls(
            event_id=place.room.event_id,
            room_id=place.room.id,
            phase=place.room.phase,
            state=place.state,
            number=place.number,
            position=place.room.position(place.number),
            people_ahead=place.room.people_ahead(place.number),
            joined_at=place.joined_at,
            token=place.token,
            status_path=status_path(place.room.slug),
            pass_expires_at=place.queue_pass.expires_at if place.queue_pass else None,
            order_id=place.order_id,
        )


class PassResponse(ResponseModel):
    """A queue pass: the right to place one order for the event until it expires."""

    event_id: UUID
    queue_pass: str
    expires_at: datetime

    @classmethod
    def of(cls, place: Place) -> "PassResponse":
        """The response for a place that was entered."""
        if place.queue_pass is None:
            raise LookupError("the place was not entered")
        return cls(
            event_id=place.room.event_id,
            queue_pass=queue_passes.sign(place.queue_pass),
            expires_at=place.queue_pass.expires_at,
        )


def status_path(slug: str) -> str:
    """The address of a waiting room's published status."""
    return f"/queue-status/{slug}.json"
