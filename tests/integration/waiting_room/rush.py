"""A rush in the database: an event with a waiting room, people in it, and time that the test lets pass."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.sales import reservations
from shared.sales.queue_passes import QueuePass
from shared.sales.reservation_requests import ReservationBody, ReservationItem, ReservationRequest
from shared.waiting_room import places, rooms
from shared.waiting_room.places import Place
from shared.waiting_room.rooms import RoomState
from tests.factories import Event, a_tier, a_user, an_event

_PAST = {
    "waiting_rooms WHERE event_id = :id": ("ticked_at", "drawn_at"),
    "waiting_room_places WHERE room_id IN (SELECT id FROM waiting_rooms WHERE event_id = :id)": (
        "pass_expires_at",
        "entered_at",
    ),
    "waiting_room_calls WHERE room_id IN (SELECT id FROM waiting_rooms WHERE event_id = :id)": ("called_at",),
    "ticket_tiers WHERE event_id = :id": ("sale_start", "sale_end"),
    "events WHERE id = :id": ("waiting_room_opens_at",),
}
"""The moments that lie further back when time has passed."""


class Rush:
    """An event whose waiting room has been open for an hour, and whose sale begins in another unless told otherwise."""

    def __init__(
        self, *, seats: int = 10, sale_in: timedelta | None = timedelta(hours=1), goods: Sequence[dict[str, Any]] = ()
    ) -> None:
        now = datetime.now(UTC)
        tier = a_tier(quota=seats, sale_start=now + sale_in if sale_in is not None else None)
        with transaction() as tx:
            self.event: Event = an_event(tx, tiers=[tier, *goods], waiting_room_opens_at=now - timedelta(hours=1))
        rooms.make_missing(self.event.id)

    @property
    def room(self) -> RoomState:
        """The room now."""
        found = rooms.find(self.event.id)
        assert found
        return found

    def people(self, number: int) -> list[Principal]:
        """New accounts."""
        with transaction() as tx:
            return [a_user(tx) for _ in range(number)]

    def join(self, people: Sequence[Principal]) -> list[Place]:
        """Let them join, one after the other."""
        return [places.join(self.event.id, each.id) for each in people]

    def joined(self, number: int) -> list[Principal]:
        """So many people who have just joined."""
        people = self.people(number)
        self.join(people)
        return people

    def tick(self, *, after: timedelta = timedelta(seconds=2)) -> RoomState:
        """Let time pass, and the controller do its work once."""
        self.pass_time(after)
        moved = rooms.tick(self.room.id)
        assert moved
        return moved

    def pass_time(self, by: timedelta) -> None:
        """Move everything that has happened, and is to happen, so far into the past."""
        rooms._memory.clear()  # of the last second
        with transaction() as tx:
            for rows, columns in _PAST.items():
                table, _, condition = rows.partition(" ")
                moved = ", ".join(f"{each} = {each} - make_interval(secs => :by)" for each in columns)
                values = {"by": by.total_seconds(), "id": self.event.id}
                tx.execute(text(f"UPDATE {table} SET {moved} {condition}"), values)

    def change(self, **columns: object) -> None:
        """Change the event."""
        self._set("events WHERE id = :id", columns)

    def place(self, person: Principal) -> Place:
        """Somebody's place now."""
        return places.own(self.event.id, person.id)

    def in_order(self, people: Sequence[Principal]) -> list[Principal]:
        """These people by position."""
        room = self.room
        return sorted(people, key=lambda each: room.position(self.place(each).number) or 0)

    def called(self, people: Sequence[Principal]) -> list[Principal]:
        """Those of them who have been called, by position."""
        return [each for each in self.in_order(people) if self.place(each).state != "waiting"]

    def person_called(self) -> Principal:
        """Somebody who was called and has not entered."""
        with transaction() as tx:
            waiting = tx.execute(
                text("SELECT user_id FROM waiting_room_places WHERE room_id = :id AND pass_id IS NULL ORDER BY number"),
                {"id": self.room.id},
            ).scalars()
            people = [Principal(user_id, "customer", None) for user_id in waiting]
        return self.called(people)[0]

    def reserve_together(
        self, wanted: Sequence[tuple[Principal, QueuePass]]
    ) -> Sequence[reservations.ReservationOutcome]:
        """Order one ticket each, in one batch."""
        item = ReservationItem(tier_id=self.event.tier_ids[0], quantity=1)
        body = ReservationBody(event_id=self.event.id, items=[item])
        return reservations.reserve(
            [ReservationRequest(each.id, body, None, queue_pass) for each, queue_pass in wanted]
        )

    def change_tiers(self, **columns: object) -> None:
        """Change the event's tiers."""
        self._set("ticket_tiers WHERE event_id = :id", columns)

    def limit_calls(self, *, per_minute: int) -> None:
        """Set the rate at which people are called, with no call due."""
        columns = {"calls_per_minute": per_minute, "call_credit": 0, "ticked_at": datetime.now(UTC)}
        self._set("waiting_rooms WHERE event_id = :id", columns)

    def row(self) -> Row[Any]:
        """The room as it is stored."""
        with transaction() as tx:
            return tx.execute(text("SELECT * FROM waiting_rooms WHERE id = :id"), {"id": self.room.id}).one()

    def _set(self, rows: str, columns: Mapping[str, object]) -> None:
        table, _, condition = rows.partition(" ")
        assigned = ", ".join(f"{column} = :{column}" for column in columns)
        with transaction() as tx:
            tx.execute(text(f"UPDATE {table} SET {assigned} {condition}"), {**columns, "id": self.event.id})
