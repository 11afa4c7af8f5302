"""People and gateways at a running product, in the words of the business."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any
from uuid import uuid4

import requests

from shared.identity import passwords
from tests.factories import a_user
from tests.stack import Client, Stack
from tests.waiting import PATIENCE_SECONDS, until

PASSWORD = "Rahasia-123!"


@dataclass
class World:
    """A running product, at its own address unless `url` says another."""

    stack: Stack
    url: str = ""

    def __post_init__(self) -> None:
        self.url = self.url or self.stack.url

    @cached_property
    def anybody(self) -> Client:
        """Somebody who is not signed in."""
        return Client(self.url)

    @cached_property
    def _outside(self) -> requests.Session:
        """The connections to what is not ours: the inbox and the gateways."""
        return requests.Session()

    def mails(self, address: str) -> list[dict[str, Any]]:
        """The mails in the inbox for an address, newest first."""
        items = self._outside.get(f"{self.url}/inbox.json", params={"to": address}, timeout=PATIENCE_SECONDS).json()[
            "items"
        ]
        return [item for item in items if item["to"] == address]

    def mail(self, address: str, template: str) -> dict[str, Any]:
        """The mail of a kind for an address, once it has come."""
        found = until(
            lambda: [mail for mail in self.mails(address) if mail["template"] == template],
            what=f"for the mail {template}",
        )
        return found[0]

    def code(self, address: str) -> str:
        """The one-time code that was mailed to verify an address."""
        words = self.mail(address, "verify_email")["text"].split()
        return next(word.strip(".") for word in words if word.strip(".").isdigit() and len(word.strip(".")) == 6)

    def register(self, role: str = "customer") -> "Person":
        """A new person: registered, verified by the code from their mail, signed in."""
        address = _new_address()
        self.anybody.post(
            "auth/register",
            {
                "email": address,
                "password": PASSWORD,
                "full_name": "Siti Rahma",
                "role": role,
                "accept_terms": True,
            },
            status=201,
        )
        tokens = self.anybody.post("auth/verify", {"email": address, "code": self.code(address)}, status=200)
        return Person(self, address, Client(self.url, tokens["access_token"]))

    def somebody(self, role: str = "customer") -> "Person":
        """Somebody with an account, signed in. They have registered before: a sixth of the processor time."""
        address = _new_address()
        with self.stack.database() as database, database.begin() as tx:
            a_user(tx, role=role, email=address, password_hash=_password_hash())
        return self.sign_in(address)

    def sign_in(self, address: str) -> "Person":
        """Somebody with an account, signed in anew."""
        tokens = self.anybody.post("auth/login", {"email": address, "password": PASSWORD}, status=200)
        return Person(self, address, Client(self.url, tokens["access_token"]))

    @cached_property
    def _organizer(self) -> "Person":
        return self.somebody("organizer")

    def publish(self, *tiers: dict[str, Any], **event: Any) -> dict[str, Any]:
        """Put an event on sale, of an organizer who has others too."""
        return self._organizer.publish(*tiers, **event)

    def gateway(self, name: str, reference: str, act: str, **how: Any) -> Any:
        """Press a button of a gateway's simulator: pay, fail, expire, refund."""
        answer = self._outside.post(
            f"{self.url}/simulators/{name}/payments/{reference}/{act}", json=how, timeout=PATIENCE_SECONDS
        )
        answer.raise_for_status()
        return answer.json()

    def mail_event(self, message_id: str, event: str) -> None:
        """Have the mail service tell what became of a mail: open, bounce, spamreport, ..."""
        address = f"{self.url}/simulators/sendgrid/mails/{message_id}/{event}"
        requests.post(address, timeout=PATIENCE_SECONDS).raise_for_status()

    def faults(self, name: str, **what: Any) -> None:
        """Make a gateway misbehave for the next `count` calls."""
        self._outside.post(
            f"{self.url}/simulators/{name}/faults", json=what, timeout=PATIENCE_SECONDS
        ).raise_for_status()


def _new_address() -> str:
    return f"{uuid4().hex[:12]}@example.com"


@cache
def _password_hash() -> str:
    return passwords.hash_password(PASSWORD, cost=4)


@dataclass
class Person:
    """A signed-in person."""

    world: World
    address: str
    api: Client

    def publish(self, *tiers: dict[str, Any], **event: Any) -> dict[str, Any]:
        """Put an event on sale (organizers)."""
        start = datetime.now(UTC) + timedelta(days=30)
        body = {
            "title": "Konser Senja",
            "description": "Malam musik",
            "category": "musik",
            "location": "Jakarta",
            "venue": "Istora Senayan",
            "start_date": start.isoformat(),
            "end_date": (start + timedelta(hours=4)).isoformat(),
            "timezone": "Asia/Jakarta",
            "capacity": 10_000,
            "terms": "Pintu dibuka pukul 17.30.",
            "tiers": list(tiers) or [{"name": "Festival", "price": 150_000, "quota": 100}],
            **event,
        }
        made = self.api.post("events", body, status=201)
        answer = self.api.call("PUT", f"events/{made['id']}", json={"status": "published"}, status=200)
        published: dict[str, Any] = answer.json()
        return published

    def invite(self, event: dict[str, Any]) -> "Person":
        """Somebody of the event's gate staff, who has joined (organizers)."""
        address = _new_address()
        invitation = {"email": address, "full_name": "Dewi Lestari", "event_ids": [event["id"]]}
        self.api.post("organizer/staff", invitation, status=201)
        written = self.world.mail(address, "staff_invitation")["text"]
        [code] = re.findall(r"^ {4}(\S+)$", written, re.MULTILINE)
        self.world.anybody.post(
            "auth/reset-password", {"email": address, "code": code, "password": PASSWORD}, status=204
        )
        return self.world.sign_in(address)

    def reserve(
        self,
        event: dict[str, Any],
        quantities: Sequence[int] = (1,),
        *,
        status: int = 201,
        promo_code: str | None = None,
        **headers: str,
    ) -> dict[str, Any]:
        """Hold tickets of the event's tiers, in their order."""
        body = {
            "promo_code": promo_code,
            "event_id": event["id"],
            "items": [
                {
                    "tier_id": tier["id"],
                    "quantity": quantity,
                    "attendees": [{"name": f"Peserta {n}", "email": self.address} for n in range(1, quantity + 1)],
                }
                for tier, quantity in zip(event["tiers"], quantities, strict=False)
                if quantity
            ],
        }
        order: dict[str, Any] = self.api.post("orders/reserve", body, status=status, **headers)
        return order

    def checkout(
        self, order: dict[str, Any], gateway: str = "xendit", method: str = "QRIS", **more: Any
    ) -> dict[str, Any]:
        """Choose how to pay; give the payment."""
        body = {"payment_method": method, "gateway": gateway, **more}
        checked: dict[str, Any] = self.api.post(f"orders/{order['id']}/checkout", body, status=200)
        payment: dict[str, Any] = checked["payments"][-1]
        return payment

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        """An order as it is now."""
        found: dict[str, Any] = self.api.get(f"orders/{order['id']}")
        return found

    def set_bank_account(self, number: str = "1234567890", holder: str = "Siti Rahma") -> dict[str, Any]:
        """Say where to send money."""
        account = {"bank_code": "BCA", "account_number": number, "account_holder_name": holder}
        answer: dict[str, Any] = self.api.call("PUT", "account/bank-account", json=account, status=200).json()
        return answer

    def until_order(self, order: dict[str, Any], status: str, **more: Any) -> dict[str, Any]:
        """The order, once it has reached a status."""

        def reached() -> dict[str, Any] | None:
            now = self.order(order)
            return now if now["status"] == status else None

        return until(reached, what=f"for the order to be {status}", **more)

    def until_tickets(self, order: dict[str, Any], count: int, **more: Any) -> dict[str, Any]:
        """The order, once it has its tickets."""

        def issued() -> dict[str, Any] | None:
            now = self.order(order)
            return now if len(now["tickets"]) == count else None

        return until(issued, what="for the tickets", **more)

    def buy(
        self, event: dict[str, Any], quantities: Sequence[int] = (1,), gateway: str = "xendit", method: str = "QRIS"
    ) -> dict[str, Any]:
        """Reserve, check out, pay, and wait for the tickets."""
        order = self.reserve(event, quantities)
        payment = self.checkout(order, gateway, method)
        self.world.gateway(gateway, payment["gateway_reference"], "pay")
        return self.until_tickets(order, sum(quantities))
