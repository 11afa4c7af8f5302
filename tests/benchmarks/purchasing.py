"""The whole purchase: reserve, check out, pay at the simulated gateway, until the tickets are there and mailed."""

import itertools
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import requests
from sqlalchemy import Engine, text

from tests.benchmarks.crowd import Buyer, Crowd
from tests.benchmarks.product import Product

_LOOK_EVERY_SECONDS = 0.01
_PATIENCE_SECONDS = 60

_DELIVERED = text("""
    SELECT o.id FROM orders o
    JOIN emails e ON e.once_key = 'e_ticket:' || o.id AND e.sent_at IS NOT NULL
    WHERE o.id = ANY(:ids) AND o.tickets_issued_at IS NOT NULL
""")


@dataclass(frozen=True)
class Purchases:
    """The purchases of `buyers` in a while. `deliveries`: seconds from paying to ticket and mail."""

    buyers: int
    deliveries: Sequence[float]
    failures: Sequence[str]
    """What went wrong with the others."""
    seconds: float

    @property
    def per_second(self) -> float:
        """Whole purchases per second."""
        return len(self.deliveries) / self.seconds

    def milliseconds(self, percent: int) -> float:
        """The time within which so many percent had their ticket and mail."""
        if len(self.deliveries) < 2:
            return float("nan")
        return statistics.quantiles(self.deliveries, n=100, method="inclusive")[percent - 1] * 1000


def measure(product: Product, crowd: Crowd, *, buyers: int, seconds: float) -> Purchases:
    """Let `buyers` at a time buy a ticket each, for `seconds`, and the last of them finish."""
    made = crowd.event(tiers=1, seats=len(crowd.buyers))
    event = {"id": str(made.id), "tiers": [{"id": str(tier_id)} for tier_id in made.tier_ids]}
    waiting = list(crowd.buyers)
    begun = time.perf_counter()

    def till(_: int) -> list[float | str]:
        outcomes = []
        while time.perf_counter() - begun < seconds:
            outcomes.append(_outcome(product, event, waiting.pop(), deliveries))
        return outcomes

    with _Deliveries(product.database).watching() as deliveries, ThreadPoolExecutor(buyers) as pool:
        outcomes = list(itertools.chain.from_iterable(pool.map(till, range(buyers))))
    return Purchases(
        buyers,
        deliveries=[outcome for outcome in outcomes if isinstance(outcome, float)],
        failures=[outcome for outcome in outcomes if isinstance(outcome, str)],
        seconds=time.perf_counter() - begun,
    )


def _outcome(product: Product, event: dict[str, Any], buyer: Buyer, deliveries: "_Deliveries") -> float | str:
    try:
        return _buy(product, event, buyer, deliveries)
    except (AssertionError, requests.RequestException) as error:
        return str(error)


def _buy(product: Product, event: dict[str, Any], buyer: Buyer, deliveries: "_Deliveries") -> float:
    """Seconds from the payer's click at the gateway until the ticket can be downloaded and its mail is sent."""
    person = buyer.person(product.world)
    order = person.reserve(event)
    payment = person.checkout(order)
    paid_at = time.perf_counter()
    product.world.gateway("xendit", payment["gateway_reference"], "pay")
    delivered_at = deliveries.wait(UUID(order["id"]))
    (ticket,) = person.order(order)["tickets"]
    person.api.call("GET", ticket["download_url"], status=200)
    return delivered_at - paid_at


class _Deliveries:
    """Looks for what has been delivered, for everybody who waits, in one statement every 10 ms."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._expected: dict[UUID, threading.Event] = {}
        self._delivered_at: dict[UUID, float] = {}
        self._over = threading.Event()

    @contextmanager
    def watching(self) -> Iterator["_Deliveries"]:
        """Look from now until the end of the block."""
        watcher = threading.Thread(target=self._watch)
        watcher.start()
        try:
            yield self
        finally:
            self._over.set()
            watcher.join()

    def wait(self, order_id: UUID) -> float:
        """When the order was delivered, by `time.perf_counter`. Raises AssertionError after a minute."""
        delivered = self._expected[order_id] = threading.Event()
        in_time = delivered.wait(_PATIENCE_SECONDS)
        del self._expected[order_id]
        assert in_time, f"order {order_id} was paid and has no ticket or no mail after {_PATIENCE_SECONDS} s"
        return self._delivered_at[order_id]

    def _watch(self) -> None:
        with self._database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not self._over.wait(_LOOK_EVERY_SECONDS):
                expected = dict(self._expected)
                if not expected:
                    continue
                for (order_id,) in connection.execute(_DELIVERED, {"ids": list(expected)}):
                    self._delivered_at[order_id] = time.perf_counter()
                    expected[order_id].set()
