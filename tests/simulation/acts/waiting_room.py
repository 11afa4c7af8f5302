"""The waiting room of a rush: people join, ask for their turn, and try to order without it or with somebody's pass."""

import random
from typing import TYPE_CHECKING

from shared.waiting_room import draw
from tests.factories import Event
from tests.simulation.acts.asking import ask, outcome
from tests.simulation.acts.registry import act
from tests.simulation.people import Buyer
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

_CALLED = """
    SELECT r.serving_number, r.draw_size, r.draw_key, p.number
    FROM waiting_rooms r JOIN waiting_room_places p ON p.room_id = r.id
    WHERE r.event_id = :event_id AND p.user_id = :user_id AND p.pass_id IS NOT NULL
    ORDER BY r.closed_at NULLS FIRST LIMIT 1
"""


@act("somebody joins the waiting room", 2)
def join(world: "World", chance: random.Random) -> str | None:
    """Take a place, or the same one again."""
    event, buyer = world.people.rush, chance.choice(world.people.buyers)
    if event is None:
        return None
    answer = ask(world, "POST", f"/waiting-rooms/{event.id}/place", buyer.headers())
    if answer and answer.ok:
        buyer.place_token = answer.json()["token"]
    return f"{buyer.name}: {outcome(answer)}"


@act("somebody asks for their turn", 2)
def enter(world: "World", chance: random.Random) -> str | None:
    """Ask for the pass of one's place, now and then with somebody else's token."""
    placed = [buyer for buyer in world.people.buyers if buyer.place_token]
    if world.people.rush is None or not placed:
        return None
    owner = chance.choice(placed)
    buyer = owner if chance.random() < 0.85 else chance.choice(world.people.buyers)
    body = {"token": owner.place_token}
    answer = ask(world, "POST", f"/waiting-rooms/{world.people.rush.id}/pass", buyer.headers(), body)
    if answer and answer.ok:
        _entered(world, world.people.rush, buyer, owner, answer.json()["queue_pass"])
    return f"{buyer.name}: {outcome(answer)}"


def _entered(world: "World", event: Event, buyer: Buyer, owner: Buyer, queue_pass: str) -> None:
    """Somebody got a pass: it was their own turn, as the draw has it."""
    if buyer is not owner:
        raise Violation("I10: nobody enters with somebody else's place", [buyer.name, owner.name])
    [place] = world.rows(_CALLED, event_id=event.id, user_id=buyer.principal.id)
    if draw.position(place.number, place.draw_size, place.draw_key) > place.serving_number:
        raise Violation("nobody enters a waiting room before their turn", [place])
    buyer.queue_pass = queue_pass
