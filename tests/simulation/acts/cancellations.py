"""Cancellations of events: by organizers in time, else by an admin with the approval of a second one."""

import random
from typing import TYPE_CHECKING

from tests.simulation.acts.asking import ask, outcome
from tests.simulation.acts.registry import act
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

_OPEN = "SELECT id FROM approvals WHERE decision IS NULL AND action = 'event_cancellation' ORDER BY created_at, id"


@act("an organizer cancels an event", 1)
def cancel(world: "World", chance: random.Random) -> str | None:
    """Cancel: everybody gets their money back. Too near to the event it is refused."""
    event = chance.choice(world.people.events)
    if chance.random() < 0.5:
        return None
    answer = ask(
        world,
        "POST",
        f"/events/{event.id}/cancel",
        world.people.organizer(event.organizer_id) | _key(chance),
        {"reason": "Hujan"},
    )
    return outcome(answer)


@act("an admin asks for a cancellation", 1)
def request(world: "World", chance: random.Random) -> str | None:
    """Ask a second admin to agree that an event is cancelled."""
    event = chance.choice(world.people.events)
    if chance.random() < 0.5:
        return None
    body = {"reason": "Penyelenggara hilang", "waive_penalty": chance.random() < 0.5}
    headers = world.people.an_admin(chance) | _key(chance)
    return outcome(ask(world, "POST", f"/admin/events/{event.id}/cancellation", headers, body))


@act("an admin decides about a cancellation", 3)
def decide(world: "World", chance: random.Random) -> str | None:
    """Approve it, also as the one who asked, or decline it."""
    found = world.rows(_OPEN)
    if not found:
        return None
    word, body = chance.choice((("approve", None), ("approve", None), ("decline", {"reason": "Belum perlu"})))
    path = f"/admin/approvals/{chance.choice(found).id}/{word}"
    return f"{word}: {outcome(ask(world, 'POST', path, world.people.an_admin(chance), body))}"


@act("an admin cancels alone", 1)
def cancel_alone(world: "World", chance: random.Random) -> str | None:
    """Try to cancel an event without a second admin; only what is cancelled already may be cancelled again."""
    event = chance.choice(world.people.events)
    headers = world.people.an_admin(chance) | _key(chance)
    [before] = world.rows("SELECT status FROM events WHERE id = :id", id=event.id)
    answer = ask(world, "POST", f"/events/{event.id}/cancel", headers, {"reason": "Hujan"})
    if answer is not None and answer.ok and before.status != "cancelled":
        raise Violation("an admin cancels an event only with the approval of a second one", [str(event.id)])
    return outcome(answer)


def _key(chance: random.Random) -> dict[str, str]:
    return {"Idempotency-Key": f"cancel-{chance.getrandbits(64):016x}"}
