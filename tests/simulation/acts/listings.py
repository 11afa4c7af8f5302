"""Lists of one's own: everybody finds in them all that is theirs, as it is, and nothing else (I10)."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.identity.tokens import Principal
from tests.factories import bearer
from tests.simulation.acts.asking import ask, outcome
from tests.simulation.acts.registry import act
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.people import People
    from tests.simulation.world import World

_MOST = 100
"""The items of a page."""


@dataclass(frozen=True)
class _List:
    """A list: who may read it, how an item reads there, and the same of the whole truth, by the reader's id."""

    path: str
    readers: Callable[["People"], list[Principal]]
    fields: tuple[str, ...]
    truth: str


_LISTS = (
    _List(
        "/orders/my-orders",
        lambda people: [buyer.principal for buyer in people.buyers],
        ("id", "status", "total_amount"),
        "SELECT CAST(id AS text), status, total_amount FROM orders WHERE user_id = :id",
    ),
    _List(
        "/refunds",
        lambda people: [buyer.principal for buyer in people.buyers],
        ("id", "order_id", "status", "amount"),
        "SELECT CAST(id AS text), CAST(order_id AS text), status, amount FROM refunds WHERE user_id = :id",
    ),
    _List(
        "/refunds",
        lambda people: people.organizers,
        ("id", "order_id", "status", "amount"),
        """SELECT CAST(r.id AS text), CAST(o.id AS text), r.status, r.amount
            FROM refunds r JOIN orders o ON o.id = r.order_id WHERE o.organizer_id = :id""",
    ),
    _List(
        "/payouts",
        lambda people: people.organizers,
        ("id", "event_id", "status", "amount"),
        "SELECT CAST(id AS text), CAST(event_id AS text), status, amount FROM payouts WHERE organizer_id = :id",
    ),
    _List(
        "/organizer/events",
        lambda people: people.organizers,
        ("id", "status", "title"),
        "SELECT CAST(id AS text), status, title FROM events WHERE organizer_id = :id",
    ),
    _List(
        "/promos",
        lambda people: people.organizers,
        ("id", "code", "uses"),
        "SELECT CAST(id AS text), code, uses FROM promos WHERE organizer_id = :id",
    ),
)


@act("somebody lists what is theirs", 3)
def read_own(world: "World", chance: random.Random) -> str | None:
    """Read a list, and compare it with all that is theirs."""
    wanted = chance.choice(_LISTS)
    reader = chance.choice(wanted.readers(world.people))
    answer = ask(world, "GET", f"{wanted.path}?page_size={_MOST}", bearer(reader))
    if answer is not None and answer.ok:
        shown = sorted((tuple(item[name] for name in wanted.fields) for item in answer.json()["items"]), key=str)
        truth: list[Any] = sorted((tuple(row) for row in world.rows(wanted.truth, id=reader.id)), key=str)
        if len(truth) <= _MOST and shown != truth:
            different = sorted(set(shown) ^ set(truth), key=str)
            raise Violation("I10: a list has all that is its reader's, and nothing else", [wanted.path, *different])
    return f"{wanted.path}: {outcome(answer)}"
