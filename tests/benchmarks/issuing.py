"""Issuing what a paid order has bought: rendered, stored and recorded, by this process in the product's database.

The product doesn't hear of it: its topics are left out.
"""

import os
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from shared.cloud import clients, secrets
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.tickets import issuing
from tests import factories
from tests.benchmarks.product import Product
from tests.doubles import Published, Scheduled
from tests.factories import Event
from tests.stack import stack_secrets

TICKETS = (1, 10)
_WARMING = 3


def measure(product: Product, *, times: int) -> Mapping[int, float]:
    """The median of this process's milliseconds of processor time for an order, by the number of its tickets."""
    with _beside(product):
        with transaction() as tx:
            most = max(TICKETS)
            event = factories.an_event(tx, tiers=[factories.a_tier(quota=1_000_000, max_per_order=most)])
        return {tickets: _median(event, tickets, times) for tickets in TICKETS}


def _median(event: Event, tickets: int, times: int) -> float:
    taken = [_issue(event, tickets) for _ in range(_WARMING + times)]
    return statistics.median(taken[_WARMING:]) * 1000


def _issue(event: Event, tickets: int) -> float:
    order = factories.an_order(event, quantities=[tickets], paid=True)
    begun = time.process_time()
    if issuing.issue(order.id) != tickets:
        raise AssertionError(f"order {order.id} has not got its {tickets} tickets")
    return time.process_time() - begun


@contextmanager
def _beside(product: Product) -> Iterator[None]:
    """The product's database and storage for this process, and nobody who is told."""
    os.environ |= {
        "DATABASE_URL": product.server.url("karcis"),
        "STORAGE_EMULATOR_HOST": product.world.stack.cloud_url,
        "SHARED_CACHE": "off",
    }
    settings.cache_clear()
    secrets.provide({name.lower().replace("_", "-"): value for name, value in stack_secrets().items()})
    clients.engine.provide(clients.make_engine())
    clients.publisher.provide(Published())  # type: ignore[arg-type]
    clients.tasks.provide(Scheduled())  # type: ignore[arg-type]
    try:
        yield
    finally:
        for client in (clients.engine, clients.publisher, clients.tasks, clients.storage):
            client.provide(None)
