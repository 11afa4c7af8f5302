"""Journeys of people: they look at pages, reserve, check out, pay at the gateway, wait for the ticket and download it.

aiohttp holds a thousand of them in one thread: connections that stay open, TLS, every way in which an answer may come.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import aiohttp

from tests.load.recording import DELIVERY, OK, Recording

LOOK_EVERY_SECONDS = 2.0
"""How often the page of a paid order asks whether the ticket is there."""
PATIENCE_SECONDS = 300
PAYS_BY = {"payment_method": "QRIS", "gateway": "xendit"}


class Given(NamedTuple):
    """An answer, which may be a refusal."""

    is_ok: bool
    body: Any


@dataclass(frozen=True)
class Offer:
    """An event on sale, by its id and its page, and one of its tiers."""

    event_id: str
    slug: str
    tier_id: str


@dataclass(frozen=True)
class Site:
    """A product at `url`, who uses it, and whether its gateways are simulators at which everybody can pay."""

    url: str
    session: aiohttp.ClientSession
    recording: Recording
    has_simulators: bool

    async def call(self, step: str, method: str, path: str, token: str | None = None, body: Any = None) -> Given:
        """Send one request and record what became of it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with self.recording.timed(step) as outcome:
            try:
                async with self.session.request(method, self.url + path, json=body, headers=headers) as answer:
                    content = await (answer.json() if "json" in answer.content_type else answer.read())
            except (aiohttp.ClientError, TimeoutError):
                return Given(False, None)
            outcome.append(OK if answer.ok else f"{answer.status} {_problem(content)}")
        return Given(answer.ok, content)


async def look(site: Site, offer: Offer) -> None:
    """Look at an event."""
    await site.call("event page", "GET", f"/id/events/{offer.slug}")


async def reserve(site: Site, offer: Offer, token: str) -> Any | None:
    """Reserve a ticket; None where it was refused."""
    attendee = {"name": "Siti Rahma", "email": "siti.rahma@example.com"}
    item = {"tier_id": offer.tier_id, "quantity": 1, "attendees": [attendee]}
    wanted = {"event_id": offer.event_id, "items": [item]}
    given = await site.call("reserve", "POST", "/api/v1/orders/reserve", token, wanted)
    return given.body if given.is_ok else None


async def pay(site: Site, order: Any, token: str) -> bool:
    """Check out, pay, and wait for the ticket; tell whether there is one. Real gateways are not paid at."""
    path = f"/api/v1/orders/{order['id']}"
    checked_out = await site.call("checkout", "POST", f"{path}/checkout", token, PAYS_BY)
    if not (checked_out.is_ok and site.has_simulators):
        return False
    reference = checked_out.body["payments"][-1]["gateway_reference"]
    paid_at = site.recording.now
    paid = await site.call("pay at the gateway", "POST", f"/simulators/xendit/payments/{reference}/pay", body={})
    return paid.is_ok and await _receive(site, path, token, paid_at)


async def _receive(site: Site, path: str, token: str, paid_at: float) -> bool:
    """Ask for the order until it has its ticket, and download it."""
    with site.recording.timed(DELIVERY, paid_at) as outcome:
        while True:
            order = await site.call("order", "GET", path, token)
            tickets = order.body["tickets"] if order.is_ok else []
            if tickets and tickets[0]["download_url"]:
                outcome.append(OK)
                break
            if site.recording.now - paid_at > PATIENCE_SECONDS:
                return False
            await asyncio.sleep(LOOK_EVERY_SECONDS)
    return (await site.call("download", "GET", tickets[0]["download_url"], token)).is_ok


async def buy_at_once(site: Site, offer: Offer, token: str) -> None:
    """A buyer of a flash sale: the event's page, and everything after it without a thought."""
    await look(site, offer)
    order = await reserve(site, offer, token)
    if order:
        await pay(site, order, token)


@dataclass(frozen=True)
class Habits:
    """How long people think between two requests, on average, and how many of those who look at an event buy."""

    think_seconds: float
    buying: float


@dataclass
class Visit:
    """Somebody's visit to the site, which ends at a moment; who has reserved by then goes on to the ticket."""

    site: Site
    habits: Habits
    until: float
    chance: random.Random

    async def goes_on(self) -> bool:
        """Think, and tell whether there is time left. People don't come in step, so they think first."""
        left = self.until - self.site.recording.now
        await asyncio.sleep(max(min(self.chance.expovariate(1 / self.habits.think_seconds), left), 0))
        return self.site.recording.now < self.until


async def browse(visit: Visit, offer: Offer, tokens: Iterator[str]) -> None:
    """Somebody who looks around, thinks, and buys now and then, as somebody new each time."""
    while await visit.goes_on():
        await visit.site.call("home", "GET", "/id")
        if not await visit.goes_on():
            return
        await look(visit.site, offer)
        token = next(tokens, None) if visit.chance.random() < visit.habits.buying else None
        if token and await visit.goes_on() and (order := await reserve(visit.site, offer, token)):
            await visit.goes_on()
            await pay(visit.site, order, token)


def _problem(content: Any) -> str:
    if not isinstance(content, dict):
        return "without a problem document"
    return str(content.get("type", "")).rsplit("/", 1)[-1]
