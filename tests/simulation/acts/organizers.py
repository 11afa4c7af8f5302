"""Organizers: they change what is on sale, and see to their money."""

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.simulation.acts.asking import ask, outcome
from tests.simulation.acts.registry import act
from tests.simulation.promises import Fact

if TYPE_CHECKING:
    from tests.factories import Event
    from tests.simulation.world import World

_STARTS = "SELECT start_date, end_date FROM events WHERE id = :id"


@act("an organizer changes an event", 2)
def change(world: "World", chance: random.Random) -> str | None:
    """Move it, rename it, or change its place: ticket holders are told."""
    event = chance.choice(world.people.events)
    [row] = world.rows(_STARTS, id=event.id)
    later = timedelta(days=chance.choice((1, 2)))
    wanted: dict[str, Any] = chance.choice(
        (
            {"start_date": _utc(row.start_date + later), "end_date": _utc(row.end_date + later)},
            {"title": f"Konser {chance.randrange(100)}"},
            {"venue": f"Gedung {chance.randrange(100)}"},
        )
    )
    answer = ask(world, "PUT", f"/events/{event.id}", _owner(world, event), wanted)
    if "title" not in wanted and (answer is None or answer.ok or answer.status >= 500):
        world.promises.moved.add(str(event.id))
    return f"{', '.join(wanted)}: {outcome(answer)}"


@act("an organizer changes a tier", 3)
def change_tier(world: "World", chance: random.Random) -> str | None:
    """Sell more or fewer, or at another price."""
    event = chance.choice(world.people.events)
    tier_id = chance.choice(event.tier_ids)
    wanted = chance.choice(({"quota": chance.randrange(1, 40)}, {"price": chance.choice((40_000, 55_555, 123_457))}))
    answer = ask(world, "PUT", f"/events/{event.id}/tiers/{tier_id}", _owner(world, event), wanted)
    for name, value in wanted.items():
        world.promises.told(Fact(name), str(tier_id), value, answer)
    return f"{wanted}: {outcome(answer)}"


@act("an organizer asks for a payout again", 2)
def retry_payout(world: "World", chance: random.Random) -> str | None:
    """Retry a payout that failed."""
    payouts = world.rows("SELECT id, organizer_id FROM payouts WHERE status IN ('failed', 'pending') ORDER BY id")
    if not payouts:
        return None
    payout = chance.choice(payouts)
    answer = ask(world, "POST", f"/payouts/{payout.id}/retry", world.people.organizer(payout.organizer_id))
    return outcome(answer)


def _owner(world: "World", event: "Event") -> dict[str, str]:
    return world.people.organizer(event.organizer_id)


def _utc(moment: Any) -> str:
    return str(moment.isoformat().replace("+00:00", "Z"))
