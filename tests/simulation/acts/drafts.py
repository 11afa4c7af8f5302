"""Organizers write events of their own, publish them, take them back and cancel them, before and after people buy."""

import random
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tests.factories import Event
from tests.simulation.acts.asking import ask, outcome
from tests.simulation.acts.registry import act

if TYPE_CHECKING:
    from tests.simulation.world import World

_TIERS = (
    ("Murah", 40_000, "ticket"),
    ("Mahal", 123_457, "ticket"),
    ("Gratis", 0, "ticket"),
    ("Kaus", 99_999, "product"),
)


@act("an organizer writes an event", 1)
def write(world: "World", chance: random.Random) -> str | None:
    """Save a draft."""
    organizer = chance.choice(world.people.organizers)
    starts_at = world.clock.now + timedelta(days=chance.choice((1, 20)))
    body = {
        "title": f"Acara {len(world.people.drafts)}",
        "category": "musik",
        "location": "Jakarta",
        "start_date": starts_at.isoformat(),
        "end_date": (starts_at + timedelta(hours=4)).isoformat(),
        "capacity": 40,
        "tiers": [{"name": name, "price": price, "quota": 3, "kind": kind} for name, price, kind in _TIERS],
    }
    answer = ask(world, "POST", "/events", world.people.headers(organizer), body)
    if answer and answer.ok:
        event = answer.json()
        tier_ids = [UUID(tier["id"]) for tier in event["tiers"]]
        world.people.drafts.append(Event(UUID(event["id"]), organizer.id, tier_ids))
    return outcome(answer)


@act("an organizer publishes an event or takes it back", 3)
def publish(world: "World", chance: random.Random) -> str | None:
    """Change the status of an event: refused once people have bought."""
    if not world.people.drafts:
        return None
    event = chance.choice(world.people.drafts[-3:])
    status = chance.choice(("published", "published", "draft", "cancelled"))
    headers = world.people.organizer(event.organizer_id)
    return f"{status}: {outcome(ask(world, 'PUT', f'/events/{event.id}', headers, {'status': status}))}"
