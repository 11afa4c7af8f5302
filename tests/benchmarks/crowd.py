"""Buyers in bulk, the events they want, and what the database says of those events afterwards."""

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import Engine, text

from shared.identity.tokens import access_token
from tests import factories
from tests.factories import Event
from tests.people import Person, World
from tests.stack import Client

_REGISTER = text("""
    INSERT INTO users (email, full_name, role, is_email_verified, terms_version, terms_accepted_at)
    SELECT :name || number || '@example.com', 'Siti Rahma', 'customer', true, '1', now()
    FROM generate_series(1, :count) AS number
    RETURNING id, email
""")
_HOLDINGS = text("""
    SELECT sum(held) AS held, sum(GREATEST(held - quota, 0)) AS oversold,
        sum(abs(held - reserved - sold)) AS miscounted
    FROM (
        SELECT t.quota, t.reserved, t.sold, count(o.id) AS held
        FROM ticket_tiers t
        LEFT JOIN order_items i ON i.tier_id = t.id
        LEFT JOIN orders o ON o.id = i.order_id AND o.capacity_released_at IS NULL
        WHERE t.event_id = :event_id
        GROUP BY t.id) AS tiers
""")


@dataclass(frozen=True)
class Holdings:
    """The holds of an event, from its orders, and how they fit the quota and the tiers' own counters."""

    held: int
    oversold: int
    miscounted: int


@dataclass(frozen=True)
class Buyer:
    """Somebody with an account and a valid access token."""

    address: str
    token: str

    def person(self, world: World) -> Person:
        """The same buyer as somebody who goes through a whole purchase."""
        return Person(world, self.address, Client(world.url, self.token))


class Crowd:
    """`size` buyers. An event sees each of them once, as a buyer may hold one reservation per event."""

    def __init__(self, engine: Engine, size: int, *, name: str = "buyer") -> None:
        self._engine = engine
        with engine.begin() as tx:
            rows = tx.execute(_REGISTER, {"count": size, "name": name}).all()
        self.buyers = [Buyer(row.email, access_token(row.id, "customer", None)) for row in rows]

    def event(self, *, tiers: int, seats: int) -> Event:
        """A published event with `tiers` of `seats` tickets each."""
        made = [factories.a_tier(name=f"Kelas {number}", quota=seats) for number in range(1, tiers + 1)]
        with self._engine.begin() as tx:
            return factories.an_event(tx, tiers=made)

    def reservations(self, event: Event, *, with_keys: bool = False) -> Iterator[bytes]:
        """A request for one ticket from each buyer in turn, of a tier chosen at random; ready to be sent."""
        bodies = [_body(event.id, tier_id) for tier_id in event.tier_ids]
        heads = [_head(buyer.token, len(bodies[0]), with_key=with_keys) for buyer in self.buyers]
        if len(bodies) == 1:
            wanted: Iterator[bytes] = itertools.repeat(bodies[0])
        else:
            wanted = iter(random.Random(1).choices(bodies, k=len(heads)))
        return (head + body for head, body in zip(heads, wanted, strict=False))

    def holdings(self, event_id: UUID | str) -> Holdings:
        """The database's counts for an event now."""
        with self._engine.connect() as tx:
            row = tx.execute(_HOLDINGS, {"event_id": event_id}).one()
        return Holdings(int(row.held), int(row.oversold), int(row.miscounted))


def _head(token: str, length: int, *, with_key: bool) -> bytes:
    key: Sequence[str] = [f"Idempotency-Key: {uuid4()}"] if with_key else []
    lines = [
        "POST /api/v1/orders/reserve HTTP/1.1",
        "Host: benchmark",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        *key,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _body(event_id: UUID, tier_id: UUID) -> bytes:
    attendee = {"name": "Siti Rahma", "email": "siti.rahma@example.com"}
    item = {"tier_id": str(tier_id), "quantity": 1, "attendees": [attendee]}
    return json.dumps({"event_id": str(event_id), "items": [item]}).encode()
