"""The waiting room of a rush: take a place, see how far it is, and get the pass to order (QUEUE-1)."""

from uuid import UUID

from shared.problems import NotFound
from shared.waiting_room import places
from shared.waiting_room.places import NotCalledYet, PlaceRefused, QueuePassOver, WaitingRoomClosed
from shared.waiting_room.schemas import PassRequest, PassResponse, PlaceResponse
from shared.web import App, Buyer

app = App("waiting_room")


@app.post("/waiting-rooms/{event_id}/place", status=200, problems=(NotFound, WaitingRoomClosed))
def join(event_id: UUID, buyer: Buyer) -> PlaceResponse:
    """Take a place in the event's waiting room: one for each person, and the same one again."""
    return PlaceResponse.of(places.join(event_id, buyer.id))


@app.get("/waiting-rooms/{event_id}/place", problems=(NotFound,))
def place(event_id: UUID, buyer: Buyer) -> PlaceResponse:
    """Your place. While you wait, read the published status instead: /queue-status/{slug}.json."""
    return PlaceResponse.of(places.own(event_id, buyer.id))


@app.post(
    "/waiting-rooms/{event_id}/pass",
    status=200,
    problems=(NotFound, NotCalledYet, PlaceRefused, QueuePassOver, WaitingRoomClosed),
)
def enter(event_id: UUID, request: PassRequest, buyer: Buyer) -> PassResponse:
    """Get your queue pass once you are called: ten minutes, one order. Send it as `queue_pass` of orders/reserve."""
    return PassResponse.of(places.enter(event_id, buyer.id, request.token))


main = app.entry_point()
