"""The whole purchase: reserve, check out, pay at the simulated gateway, until the tickets are there and mailed."""

import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import requests
from sqlalchemy import Engine, text

from tests.benchmarks import processor
from tests.benchmarks.crowd import Buyer, Crowd
from tests.benchmarks.product import Product
from tests.people import Person

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

    name: str
    buyers: int
    deliveries: Sequence[float]
    failures: Sequence[str]
    """The errors of the others."""
    seconds: float
    web_seconds: float
    database_seconds: float
    generator_seconds: float
    """Of the processor, as the web's."""

    @property
    def per_second(self) -> float:
        """Whole purchases per second."""
        return len(self.deliveries) / self.seconds

    def milliseconds(self, percent: int) -> float:
        """The time within which so many percent had their ticket and mail."""
        if len(self.deliveries) < 2:
            return float("nan")
        return statistics.quantiles(self.deliveries, n=100, method="inclusive")[percent - 1] * 1000


SecondsOrFailure = float | str
"""How long the delivery took, or what went wrong."""


def measure(product: Product, crowd: Crowd, *, buyers: int, seconds: float) -> Purchases:
    """Let `buyers` at a time buy a ticket each, for `seconds`, and the last of them finish."""
    event = _event(crowd)
    waiting = list(crowd.buyers)
    processor.until_idle(product.web)
    begun = time.perf_counter()

    def till(_: int) -> list[SecondsOrFailure]:
        outcomes = []
        while time.perf_counter() - begun < seconds:
            outcomes.append(_outcome(lambda: _buy(product, event, waiting.pop(), deliveries)))
        return outcomes

    with _Deliveries(product.database).watching() as deliveries, ThreadPoolExecutor(buyers) as pool:
        return _measured("whole", product, buyers, lambda: itertools.chain.from_iterable(pool.map(till, range(buyers))))


def at_once(product: Product, crowd: Crowd, *, buyers: int, times: int) -> Purchases:
    """Let `buyers` pay at the same moment what they have reserved and checked out before, so many times."""
    event = _event(crowd)
    waiting = list(crowd.buyers)
    rounds = [[_to_be_paid(product, event, waiting.pop()) for _ in range(buyers)] for _ in range(times)]
    processor.until_idle(product.web)

    def paid(payable: _Payable) -> SecondsOrFailure:
        return _outcome(lambda: _pay(product, payable, deliveries))

    with _Deliveries(product.database).watching() as deliveries, ThreadPoolExecutor(buyers) as pool:
        one_after_another = (outcome for payables in rounds for outcome in list(pool.map(paid, payables)))
        return _measured("paid at once", product, buyers, lambda: one_after_another)


def _measured(name: str, product: Product, buyers: int, act: Callable[[], Iterable[SecondsOrFailure]]) -> Purchases:
    begun, generator = time.perf_counter(), time.process_time()
    web, database = processor.used(product.web), processor.used(product.postgres)
    outcomes = list(act())
    return Purchases(
        name,
        buyers,
        deliveries=[outcome for outcome in outcomes if isinstance(outcome, float)],
        failures=[outcome for outcome in outcomes if isinstance(outcome, str)],
        seconds=time.perf_counter() - begun,
        web_seconds=processor.used(product.web) - web,
        database_seconds=processor.used(product.postgres) - database,
        generator_seconds=time.process_time() - generator,
    )


def _event(crowd: Crowd) -> dict[str, Any]:
    made = crowd.event(tiers=1, seats=len(crowd.buyers))
    return {"id": str(made.id), "tiers": [{"id": str(tier_id)} for tier_id in made.tier_ids]}


def _outcome(act: Callable[[], float]) -> SecondsOrFailure:
    try:
        return act()
    except (AssertionError, requests.RequestException) as error:
        return str(error)


def _buy(product: Product, event: dict[str, Any], buyer: Buyer, deliveries: "_Deliveries") -> float:
    """Seconds from the payer's click at the gateway until the ticket can be downloaded and its mail is sent."""
    payable = _to_be_paid(product, event, buyer)
    took = _pay(product, payable, deliveries)
    (ticket,) = payable.person.order(payable.order)["tickets"]
    payable.person.api.call("GET", ticket["download_url"], status=200)
    return took


class _Payable(NamedTuple):
    """An order that waits for its payer's click at the gateway."""

    person: Person
    order: dict[str, Any]
    gateway_reference: str


def _to_be_paid(product: Product, event: dict[str, Any], buyer: Buyer) -> _Payable:
    person = buyer.person(product.world)
    order = person.reserve(event)
    return _Payable(person, order, person.checkout(order)["gateway_reference"])


def _pay(product: Product, payable: _Payable, deliveries: "_Deliveries") -> float:
    """Seconds from the click until the ticket is issued and its mail is sent."""
    paid_at = time.perf_counter()
    product.world.gateway("xendit", payable.gateway_reference, "pay")
    return deliveries.wait(UUID(payable.order["id"])) - paid_at


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
