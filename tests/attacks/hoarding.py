"""One mailbox with many aliases keeps an event's tickets held for as long as it can: how much is left for others.

Six hours of a sale, five minutes at a time: instead of waiting, everything that the database knows of the past is
moved back. At each step every alias that holds nothing reserves as much as an order may have, and stretches its hold
by starting a payment. Callers' requests are not counted: this is a rule of the stock.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, text

from tests.attacks import run
from tests.attacks.run import Figure
from tests.people import PASSWORD, Person, World
from tests.stack import Client, Stack

ALIASES = 10
QUOTA = 50
MOST = 5
STEP_MINUTES = 5
STEPS = 72
_ALLOWED_SHARE = 2 * MOST / QUOTA
"""Two orders' worth, at any moment."""
_ALLOWED_OVER_TIME = 0.75 * _ALLOWED_SHARE
"""The waits leave others a chance at these too."""

_LATER = text(f"""
    WITH past AS (SELECT make_interval(mins => {STEP_MINUTES}) AS step),
    orders_moved AS (UPDATE orders SET created_at = created_at - step,
        reservation_expires_at = reservation_expires_at - step FROM past
        WHERE status IN ('reserved', 'pending_payment')),
    payments_moved AS (UPDATE payments SET expires_at = expires_at - step FROM past
        WHERE status IN ('opening', 'pending'))
    UPDATE event_buyers SET hold_again_at = hold_again_at - step, last_abandoned_at = last_abandoned_at - step FROM past
""")
_HELD = text("SELECT reserved FROM ticket_tiers WHERE id = :id")


def attack(stack: Stack) -> Sequence[Figure]:
    """Ten aliases of one mailbox hold what they can for six hours."""
    world = World(stack)
    event = world.somebody("organizer").publish({"name": "Festival", "price": 150_000, "quota": QUOTA})
    aliases = [_alias(world, number) for number in range(ALIASES)]
    with stack.database() as database, database.connect() as connection:
        shares = [held / QUOTA for held in _held(world, connection, event, aliases)]
    most, over_time = max(shares), sum(shares) / len(shares)
    return [
        Figure("most of the stock held at once", f"{most:.0%}", f"{_ALLOWED_SHARE:.0%}", most <= _ALLOWED_SHARE),
        Figure(
            "of the stock held, over six hours",
            f"{over_time:.0%}",
            f"{_ALLOWED_OVER_TIME:.0%}",
            over_time <= _ALLOWED_OVER_TIME,
        ),
    ]


def _alias(world: World, number: int) -> Person:
    address = f"penimbun+{number}@example.com"
    body = {"email": address, "password": PASSWORD, "full_name": "Siti Rahma", "role": "customer", "accept_terms": True}
    world.anybody.post("auth/register", body, status=201)
    tokens = world.anybody.post("auth/verify", {"email": address, "code": world.code(address)}, status=200)
    return Person(world, address, Client(world.url, tokens["access_token"]))


def _held(world: World, connection: Connection, event: dict[str, Any], aliases: Sequence[Person]) -> Iterator[int]:
    """How many tickets are held after each step."""
    for _ in range(STEPS):
        for alias in aliases:
            _hold(alias, event)
        connection.rollback()
        yield connection.execute(_HELD, {"id": event["tiers"][0]["id"]}).scalar_one()
        connection.execute(_LATER)
        connection.commit()


def _hold(alias: Person, event: dict[str, Any]) -> None:
    item = {"tier_id": event["tiers"][0]["id"], "quantity": MOST}
    answer = alias.api.call("POST", "orders/reserve", json={"event_id": event["id"], "items": [item]})
    if answer.status_code == 201:
        order = answer.json()
        people = [{"item_id": each["id"], "name": "Siti", "email": alias.address} for each in order["items"]]
        wanted = {"payment_method": "QRIS", "attendees": people}
        alias.api.call("POST", f"orders/{order['id']}/checkout", json=wanted)


if __name__ == "__main__":
    sys.exit(run.one(__name__, attack, RATE_LIMITS="off", ACCESS_TOKEN_SECONDS="86400"))
