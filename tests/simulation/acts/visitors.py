"""Visitors, who read what the cache holds: what is for sale and at what price, as it is now or was a moment ago."""

import random
from typing import TYPE_CHECKING

from tests.simulation.acts.asking import ask, outcome
from tests.simulation.acts.registry import act
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

OLDEST_SECONDS = 16.0
"""The greatest age of what visitors read (shared/catalog/public_views.py)."""
_OF_EVENT = """
    SELECT e.title, e.status, array_agg(t.price ORDER BY t.position, t.id) AS prices
    FROM events e JOIN ticket_tiers t ON t.event_id = e.id WHERE e.id = :id GROUP BY e.id
"""


@act("a visitor looks at an event", 4)
def look(world: "World", chance: random.Random) -> str | None:
    """Read an event's page, or the list; it tells what has been so for a while."""
    event = chance.choice(world.people.events)
    if chance.random() < 0.3:
        return outcome(ask(world, "GET", "/events", {}))
    answer = ask(world, "GET", f"/events/{event.id}", {})
    if answer and answer.ok and world.clock.seconds > world.people.edited_at + OLDEST_SECONDS:
        page = answer.json()
        shown = (page["title"], page["status"], [tier["price"] for tier in page["tiers"]])
        [row] = world.rows(_OF_EVENT, id=event.id)
        if shown != tuple(row):
            raise Violation("I12: visitors see what is for sale, some seconds old at most", [shown, row])
    return outcome(answer)
