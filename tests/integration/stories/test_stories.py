"""The three stories of docs/map.md are what the product does, hop for hop.

`pytest -s tests/integration/stories` prints what each story passes.
"""

import hashlib
import importlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import text

from functions.issue_ticket import main as issue_ticket
from functions.refund_execution import main as refund_execution
from functions.send_email import main as send_email
from shared.cloud.database import transaction
from shared.gateways import registry
from shared.gateways.sendgrid.client import Sender, SendGrid
from shared.identity.tokens import Principal
from tests import endpoints
from tests.doubles import Published
from tests.factories import a_promo, a_tier, a_user, an_event
from tests.integration.stories.tracing import ROOT, Hop, Trace, traced
from tests.model.gateways import KEY, Gateways, gateways

pytestmark = pytest.mark.usefixtures("database", "files")

MAP = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")
STORIES = [
    "A reservation with a promo code",
    "A Midtrans webhook until the ticket is mailed",
    "A refund until it is booked",
]
MAX_SWITCHES = {STORIES[0]: 18, STORIES[1]: 56, STORIES[2]: 44}
"""How often a reader may have to go to another file, there and back: a story that hops is not read to its end."""


def told(title: str) -> list[Hop]:
    """The hops of a story as docs/map.md numbers them."""
    section = MAP.split(f"### {title}\n")[1].split("\n#")[0]
    return re.findall(r"^\d+\. \[`[\w/]+\.py` (\w+)\]\(\.\./([\w/.]+)\)", section, re.MULTILINE)


@dataclass
class Scene:
    """An event with a code, its organizer and a buyer, at gateways that settle at once."""

    at: Gateways
    published: Published
    organizer: Principal
    buyer: Principal
    body: dict[str, Any]

    def reserve(self) -> dict[str, Any]:
        return answered(endpoints.call("POST", "/orders/reserve", by=self.buyer, json=self.body), 201)

    def pay(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have the order paid at Midtrans; the notification that Midtrans would send."""
        wanted = {"payment_method": "QRIS", "gateway": "midtrans"}
        checkout = endpoints.call("POST", f"/orders/{order['id']}/checkout", by=self.buyer, json=wanted)
        [payment] = answered(checkout, 200)["payments"]
        self.at.does("midtrans", payment["gateway_reference"], "pay")
        with transaction() as tx:
            query = text("SELECT external_id, amount FROM payments WHERE id = :id")
            row = tx.execute(query, {"id": payment["id"]}).one()
        gross = f"{row.amount}.00"
        signature = hashlib.sha512(f"{row.external_id}200{gross}{KEY}".encode()).hexdigest()
        return {
            "order_id": row.external_id,
            "transaction_id": payment["gateway_reference"],
            "transaction_status": "settlement",
            "status_code": "200",
            "fraud_status": "accept",
            "payment_type": "qris",
            "currency": "IDR",
            "gross_amount": gross,
            "signature_key": signature,
        }

    def notify(self, notification: dict[str, Any], *topics: str) -> None:
        answered(endpoints.call("POST", "/payments/webhook/midtrans", json=notification), 200)
        self.deliver(*topics)

    def refund(self, order: dict[str, Any]) -> str:
        """Ask for a refund, approve it and have it sent; its status afterwards."""
        wanted = {"order_id": order["id"], "reason": "Sakit"}
        asked = answered(endpoints.call("POST", "/refunds/request", by=self.buyer, json=wanted), 201)
        answered(endpoints.call("PUT", f"/refunds/{asked['id']}/approve", by=self.organizer), 200)
        self.deliver("refund.approved")
        return str(asked["id"])

    def deliver(self, *topics: str) -> None:
        """Hand the first message of each of these topics to its function, and what those publish."""
        left = list(topics)
        while self.published.messages:
            topic, payload = self.published.messages.pop(0)
            if topic in left:
                left.remove(topic)
                HANDLERS[topic](payload)


def in_transaction(handle: Callable[[Any], None]) -> None:
    with transaction() as tx:
        handle(tx)


HANDLERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "payment.success": lambda payload: issue_ticket.issue_paid(issue_ticket.PaidOrder(**payload), 1),
    "ticket.created": lambda payload: in_transaction(
        lambda tx: send_email.enqueue_purchase_mails(send_email.TicketCreated(**payload), tx)
    ),
    "email.requested": lambda payload: send_email.send(send_email.EmailRequested(**payload), 1),
    "refund.approved": lambda payload: refund_execution.execute_refund(refund_execution.RefundApproved(**payload)),
}


def answered(response: Any, status: int) -> dict[str, Any]:
    answer: dict[str, Any] = response.get_json()
    assert response.status_code == status, answer
    return answer


@pytest.fixture(scope="module")
def at(postgres: Any, database: str) -> Iterator[Gateways]:
    for function in ("reserve", "checkout", "webhook", "refunds"):
        importlib.import_module(f"functions.{function}.main")
    with gateways(postgres, "stories_gateways") as served:
        mail = SendGrid(f"{served.url}/sendgrid", KEY, Sender("no-reply@example.com", "Karcis"))
        with mock.patch.object(registry, "sendgrid", return_value=mail):
            yield served


@pytest.fixture
def scene(at: Gateways, published: Published) -> Scene:
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=[a_tier(price=100_000)]), a_user(tx)
        a_promo(tx, event)
        role = text("UPDATE users SET role = 'organizer' WHERE id = :id")
        tx.execute(role, {"id": event.organizer_id})
    attendee = {"name": "Budi Santoso", "email": "budi@example.com"}
    item = {"tier_id": str(event.tier_ids[0]), "quantity": 1, "attendees": [attendee]}
    body = {"event_id": str(event.id), "items": [item], "promo_code": "HEMAT"}
    return Scene(at, published, Principal(event.organizer_id, "organizer", event.organizer_id), buyer, body)


def check(title: str, trace: Trace) -> None:
    """Each hop of the map is passed, in its order, and no file that the story passes is left out."""
    sys.stdout.write(f"\n{title}: {len(trace.hops)} functions, {trace.switches} file switches\n")
    sys.stdout.writelines(f"    {file} {name}\n" for file, name in trace.hops)
    hops = [(file, name) for name, file in told(title)]
    assert hops == [hop for hop in trace.hops if hop in hops]
    assert {file for file, _ in trace.hops} == {file for file, _ in hops}
    assert trace.switches <= MAX_SWITCHES[title]


def test_a_reservation_with_a_promo_code(scene: Scene):
    trace = Trace()
    with traced(trace):
        scene.reserve()
    check(STORIES[0], trace)


def test_a_webhook_until_the_ticket_is_mailed(scene: Scene):
    notification, trace = scene.pay(scene.reserve()), Trace()
    scene.published.messages.clear()
    with traced(trace):
        scene.notify(notification, "payment.success", "ticket.created", "email.requested")
    check(STORIES[1], trace)


def test_a_refund_until_it_is_booked(scene: Scene):
    order, trace = scene.reserve(), Trace()
    scene.notify(scene.pay(order), "payment.success")
    with traced(trace):
        refund_id = scene.refund(order)
    with transaction() as tx:
        query = text("SELECT status FROM refunds WHERE id = :id")
        assert tx.execute(query, {"id": refund_id}).scalar_one() == "completed"
    check(STORIES[2], trace)
