"""The product under load: one of our own on this machine, or one at an address, with accounts made before."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import requests
from sqlalchemy import text

from tests.benchmarks import processor
from tests.benchmarks import product as benchmark_product
from tests.benchmarks.crowd import Crowd
from tests.benchmarks.product import Product
from tests.load.journeys import Offer

_SLUG = text("SELECT slug FROM events WHERE id = :event_id")
_ORDERS = text("""
    SELECT count(*) AS made, count(*) FILTER (WHERE status = 'paid' AND tickets_issued_at IS NULL) AS unissued
    FROM orders WHERE event_id = :event_id
""")


@dataclass(frozen=True)
class Truth:
    """The database's counts after a load."""

    orders: int
    oversold: int
    miscounted: int
    unissued: int
    """Paid orders without tickets."""


class Target(Protocol):
    """A running product."""

    url: str
    has_simulators: bool
    description: list[str]

    def tokens(self) -> Iterator[str]:
        """Access tokens, each of another account that has bought nothing of the offer."""

    def offer(self, seats: int) -> Offer:
        """The event on sale."""

    def truth(self, offer: Offer) -> Truth | None:
        """The database's counts, where we can look into it."""

    def processor_seconds(self) -> float:
        """The processor time of its web workers so far, where we can look at them."""


class Local:
    """A product on this machine."""

    has_simulators = True

    def __init__(self, product: Product, crowd: Crowd) -> None:
        self.url = product.world.url
        self.description = product.describe()
        self._product = product
        self._crowd = crowd

    def tokens(self) -> Iterator[str]:
        """Those of the crowd."""
        return (buyer.token for buyer in self._crowd.buyers)

    def offer(self, seats: int) -> Offer:
        """A new event."""
        event = self._crowd.event(tiers=1, seats=seats)
        with self._product.database.connect() as tx:
            slug = tx.execute(_SLUG, {"event_id": event.id}).scalar_one()
        return Offer(str(event.id), slug, str(event.tier_ids[0]))

    def truth(self, offer: Offer) -> Truth:
        """The counts of this machine's database."""
        with self._product.database.connect() as tx:
            orders = tx.execute(_ORDERS, {"event_id": offer.event_id}).one()
        holdings = self._crowd.holdings(offer.event_id)
        return Truth(orders.made, holdings.oversold, holdings.miscounted, orders.unissued)

    def processor_seconds(self) -> float:
        """The processor time of all web workers."""
        return processor.used(self._product.web)


class Deployed:
    """A product at an address: an event that is on sale there, and a file with an access token on each line."""

    has_simulators = False

    def __init__(self, url: str, event_id: str, tokens: Path) -> None:
        self.url = url.rstrip("/")
        self.description = [f"{self.url}: a purchase ends at the gateway's page, and the seats are the event's own"]
        self._event_id = event_id
        self._tokens = iter(tokens.read_text(encoding="utf-8").split())

    def tokens(self) -> Iterator[str]:
        """Those of the file, none of them twice."""
        return self._tokens

    def offer(self, seats: int) -> Offer:
        """The event, with its first tier."""
        del seats
        answer = requests.get(f"{self.url}/api/v1/events/{self._event_id}", timeout=30)
        answer.raise_for_status()
        event = answer.json()
        return Offer(event["id"], event["slug"], event["tiers"][0]["id"])

    def truth(self, offer: Offer) -> None:
        """Nothing: its database is not ours to look into."""

    def processor_seconds(self) -> float:
        """Nothing: its instances are elsewhere."""
        return 0.0


@contextmanager
def chosen(options: argparse.Namespace, accounts: int) -> Iterator[Target]:
    """The target that the command names; a local one is started with so many accounts, and stopped at the end."""
    if options.address:
        yield Deployed(options.address, options.event, options.tokens)
        return
    with benchmark_product.running() as product:
        yield Local(product, Crowd(product.database, accounts))
