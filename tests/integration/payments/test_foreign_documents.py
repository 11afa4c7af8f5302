"""Gateways' documents are cleaned before they are kept: a rightly signed webhook is never refused and never lost."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from infra.local.postgres import Postgres
from shared.cloud.database import transaction
from shared.gateways.midtrans.webhooks import signature
from shared.payments import checkout, webhooks
from shared.sales.schemas import OrderResponse
from tests.factories import a_user, an_event, reserve
from tests.integration.refunds.steps import rows
from tests.model.gateways import KEY, Gateways, gateways

pytestmark = pytest.mark.usefixtures("database")

ODDITIES = {
    "half an emoji": rb'"\ud83c"',
    "NUL": rb'"\u0000"',
    "a raw NUL": b'"\x00"',
    "no UTF-8": b'"\xff"',
    "infinity": b"1e999",
    "not a number": b"NaN",
    "a number without end": b"9" * 10_000,
    "a well": b"[" * 5_000 + b"]" * 5_000,
    "a long text": b'"' + b"x" * 100_000 + b'"',
}


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    with gateways(postgres, "foreign_documents_gateways") as served:
        yield served


def a_paid_purchase(at: Gateways, gateway: str) -> OrderResponse:
    """Paid at its gateway, of which we have not heard."""
    with transaction() as tx:
        event, buyer = an_event(tx), a_user(tx)
    order = reserve(buyer, event)
    assert isinstance(order, OrderResponse)
    opened = checkout.checkout(buyer.id, order.id, checkout.CheckoutRequest(payment_method="QRIS", gateway=gateway))
    at.does(gateway, str(opened.payments[0].gateway_reference), "pay")
    return opened


def told(order: OrderResponse, gateway: str, **odd: bytes) -> None:
    """The gateway's webhook, in which these fields are as odd as they are given."""
    [payment] = order.payments
    if gateway == "xendit":
        body = {"id": payment.gateway_reference, "external_id": f"{order.id}-1", "status": "PAID"}
        body |= {"amount": payment.amount, "paid_amount": payment.amount}
    else:
        amount = f"{payment.amount}.00"
        body = {
            "order_id": f"{order.id}-1",
            "status_code": "200",
            "gross_amount": amount,
            "transaction_id": f"t-{order.id}",
        }
        body |= {"transaction_status": "settlement", "payment_type": "qris"}
        body |= {"signature_key": signature(f"{order.id}-1", "200", amount, KEY)}
    fields = {**{name: json.dumps(value).encode() for name, value in body.items()}, **odd}
    written = b",".join(b'"' + name.encode() + b'":' + value for name, value in fields.items())
    webhooks.receive(gateway, {"x-callback-token": KEY}, b"{" + written + b"}")


def status(order: OrderResponse) -> str:
    with transaction() as tx:
        return OrderResponse.read(tx, order.id).status


@pytest.mark.slow("every odd text in every field")
@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
@pytest.mark.parametrize("odd", ODDITIES.values(), ids=ODDITIES)
@pytest.mark.parametrize("field", ["description", "currency", "merchant_name"])
def test_an_odd_text_in_a_webhook_does_not_stop_the_payment(at, gateway, odd, field):
    order = a_paid_purchase(at, gateway)
    told(order, gateway, **{field: odd})
    assert status(order) == "paid"


@pytest.mark.parametrize(
    ("gateway", "field"),
    [("xendit", "amount"), ("xendit", "paid_at"), ("midtrans", "transaction_status"), ("midtrans", "settlement_time")],
)
def test_a_webhook_whose_facts_can_not_be_read_is_a_hint_to_ask(at, gateway, field):
    order = a_paid_purchase(at, gateway)
    told(order, gateway, **{field: b"1e999"})
    assert status(order) == "paid"


def test_an_odd_refund_and_an_odd_payout_are_kept_and_told_to_a_person():
    for kind in ("refund", "payout"):
        name = uuid4().hex
        body = b'{"event": "%s.succeeded", "data": {"id": "%s", "amount": 1e999, "reference_id": "\\ud83c"}}'
        webhooks.receive("xendit", {"x-callback-token": KEY, "webhook-id": name}, body % (kind.encode(), name.encode()))
        [event] = rows("SELECT outcome FROM webhook_events WHERE webhook_id = :name", name=name)
        assert event.outcome == f"unknown_{kind}"


def test_a_long_id_of_a_webhook_is_kept_by_its_hash(at):
    order = a_paid_purchase(at, "xendit")
    body = json.dumps({"id": order.payments[0].gateway_reference, "external_id": f"{order.id}-1", "status": "PAID"})
    for _ in range(2):
        webhooks.receive("xendit", {"x-callback-token": KEY, "webhook-id": "w" * 9_000}, body.encode())
    assert status(order) == "paid"
    assert len(rows("SELECT id FROM webhook_events WHERE payment_id = :id", id=order.payments[0].id)) == 1
