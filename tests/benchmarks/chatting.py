"""Purchases in a chat: how long we take from the first message to the QRIS, and from the payment to the ticket.

A phone writes, and what it gets is read from the simulator, with the moments at which each message came or went there.
The time in which a buyer reads and types is left out: our own is what lies between a message and its answer.
"""

import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from sqlalchemy import text

from tests import factories
from tests.benchmarks import processor
from tests.benchmarks.product import Product
from tests.waiting import PATIENCE_SECONDS, until

NAME = "Siti Rahma"
_numbers = itertools.count(int(time.time()) % 1_000_000 * 100)
_CODE = text("SELECT code FROM ticket_tiers WHERE id = :id")
_PAYMENT = text("""
    SELECT p.gateway, p.external_id FROM payments p JOIN orders o ON o.id = p.order_id
        JOIN chat_senders s ON s.user_id = o.user_id
    WHERE s.messenger_id = :messenger_id AND p.status = 'pending'
""")


@dataclass(frozen=True)
class Chats:
    """Purchases of one ticket each by a typed command, one after the other; seconds of each."""

    to_qris: Sequence[float]
    to_ticket: Sequence[float]
    messages: int
    """Of ours, in the longest."""
    web_seconds: float
    database_seconds: float


def measure(product: Product, purchases: int) -> Chats:
    """Let so many people buy a ticket in a chat."""
    code = _code(product, seats=purchases + 1)
    _Phone(product).buys(code)  # the first opens connections, and loads what is loaded once
    processor.until_idle(product.web)
    web, database = processor.used(product.web), processor.used(product.postgres)
    bought = [_Phone(product).buys(code) for _ in range(purchases)]
    return Chats(
        to_qris=[each[0] for each in bought],
        to_ticket=[each[1] for each in bought],
        messages=max(each[2] for each in bought),
        web_seconds=processor.used(product.web) - web,
        database_seconds=processor.used(product.postgres) - database,
    )


def milliseconds(seconds: Sequence[float], percent: int) -> float:
    """The time within which so many percent were served."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000


def _code(product: Product, *, seats: int) -> str:
    with product.database.begin() as tx:
        event = factories.an_event(tx, tiers=[factories.a_tier(quota=seats)])
        return str(tx.execute(_CODE, {"id": event.tier_ids[0]}).scalar_one())


class _Phone:
    """A person with a phone at the simulator."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._session = requests.Session()
        self._url = f"{product.world.url}/simulators/whatsapp/phones"
        person = self._call("", name=NAME, phone=f"62812{next(_numbers):08}")
        self._url += f"/{person['id']}"
        self._user_id = str(person["user_id"])

    def buys(self, code: str) -> tuple[float, float, int]:
        """Buy a ticket: the seconds to the QRIS and from payment to ticket, and how many messages of ours it took."""
        asked, naming = self._answer("/write", text=f"beli {code} 1")
        button = asked["content"]["interactive"]["action"]["buttons"][0]["reply"]
        qris, paying = self._answer("/choose", **button)
        assert qris["content"]["type"] == "image", qris
        with self._product.database.connect() as tx:
            payment = tx.execute(_PAYMENT, {"messenger_id": self._user_id}).one()
        paid_at = datetime.now(UTC)
        before = len(self._ours())
        self._product.world.gateway(payment.gateway, payment.external_id, "pay")
        ticket = self._next(before)
        assert ticket["content"]["type"] == "document", ticket
        return naming + paying, (_moment(ticket) - paid_at).total_seconds(), len(self._ours())

    def _answer(self, action: str, **wanted: Any) -> tuple[dict[str, Any], float]:
        """The answer to a message, and after how many seconds."""
        before = len(self._ours())
        self._call(action, **wanted)
        answer = self._next(before)
        written = [each for each in self._messages() if not each["is_from_business"]][-1]
        return answer, (_moment(answer) - _moment(written)).total_seconds()

    def _next(self, before: int) -> dict[str, Any]:
        return until(lambda: self._ours()[before:], what="for an answer in the chat")[0]

    def _ours(self) -> list[dict[str, Any]]:
        return [each for each in self._messages() if each["is_from_business"]]

    def _messages(self) -> list[dict[str, Any]]:
        answer = self._session.get(f"{self._url}/messages.json", timeout=PATIENCE_SECONDS)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def _call(self, action: str, **wanted: Any) -> dict[str, Any]:
        answer = self._session.post(f"{self._url}{action}", json=wanted, timeout=PATIENCE_SECONDS)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document


def _moment(message: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(message["at"])
