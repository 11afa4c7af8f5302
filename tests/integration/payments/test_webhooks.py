"""Webhooks: kept once, answered the same, and tried three times where the gateway can't be asked (PS-009, PS-012)."""

import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.gateways import registry
from shared.gateways.errors import GatewayUnavailable
from shared.gateways.http import Timeouts
from shared.gateways.xendit.client import Xendit
from shared.payments import records as payment_records
from shared.payments import sync, webhooks
from shared.problems import Malformed, NotSignedIn
from shared.sales import orders
from tests.factories import an_order

PAYLOADS = Path(__file__).parents[2] / "payloads" / "xendit"
pytestmark = pytest.mark.usefixtures("database", "a_gateway_that_is_down")

TOKEN = "callback-token"


@pytest.fixture
def a_gateway_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Xendit at an address where nobody listens."""
    impatient = Timeouts(connect_seconds=0.2, total_seconds=0.5, tries=1, failures_to_open=1000)
    xendit = Xendit("http://127.0.0.1:9", "key", TOKEN, timeouts=impatient)
    monkeypatch.setattr(registry, "xendit", lambda: xendit)


def a_payment() -> UUID:
    order = an_order()
    with transaction() as tx:
        locked = orders.lock(tx, order.id)
        deadline = orders.start_payment(tx, locked)
        payment = payment_records.add(
            tx, locked, gateway="xendit", method="QRIS", amount=locked.total_amount, expires_at=deadline
        )
        reference = {"id": payment.id, "reference": uuid4().hex}
        tx.execute(
            text("UPDATE payments SET status = 'pending', gateway_reference = :reference WHERE id = :id"), reference
        )
    return payment.id


def deliver(payment_id: UUID, *, token: str = TOKEN) -> None:
    with transaction() as tx:
        payment = payment_records.read(tx, payment_id)
    body = {
        "id": payment.gateway_reference,
        "external_id": payment.external_id,
        "status": "PAID",
        "amount": payment.amount,
        "paid_amount": payment.amount,
        "currency": "IDR",
    }
    webhooks.receive("xendit", {"x-callback-token": token}, json.dumps(body).encode())


def events_of(payment_id: UUID) -> list:
    with transaction() as tx:
        query = text("SELECT id, processed, retry_count, error_message FROM webhook_events WHERE payment_id = :id")
        return list(tx.execute(query, {"id": payment_id}))


def test_an_event_that_can_not_be_processed_is_kept_and_put_on_the_queue(scheduled):  # PS-013
    payment_id = a_payment()
    deliver(payment_id)
    (event,) = events_of(payment_id)
    assert (event.processed, event.retry_count) == (False, 1)
    assert "GatewayUnavailable" in event.error_message
    (task,) = scheduled.tasks
    assert task.http_request.url.endswith("/webhook-retry/tasks/retry")
    assert json.loads(task.http_request.body) == {"event_id": str(event.id)}


def test_nothing_of_a_bank_account_is_kept_of_what_is_told_of_a_transfer():
    told = json.loads((PAYLOADS / "webhook_disbursement_completed.json").read_text(encoding="utf-8"))
    told |= {"id": uuid4().hex, "account_number": "1234567890", "channels": [{"account_holder_name": "MICHAEL CHEN"}]}
    webhooks.receive("xendit", {"x-callback-token": TOKEN}, json.dumps(told).encode())
    with transaction() as tx:
        query = text("SELECT payload FROM webhook_events WHERE gateway_reference = :id")
        kept = tx.execute(query, {"id": told["id"]}).scalar_one()
    assert (kept["account_number"], kept["channels"]) == ("******7890", [{}])
    assert "CHEN" not in json.dumps(kept)


def test_a_repeat_of_an_event_is_kept_once_and_asks_for_nothing_more(scheduled):
    payment_id = a_payment()
    deliver(payment_id)
    deliver(payment_id)
    assert len(events_of(payment_id)) == 1
    assert len(scheduled.tasks) == 1


def open_tasks(event_id: UUID) -> list[str]:
    with transaction() as tx:
        query = text("SELECT kind FROM manual_tasks WHERE subject_id = :id AND done_at IS NULL")
        return list(tx.execute(query, {"id": str(event_id)}).scalars())


def fail_three_times(event_id: UUID) -> None:
    for payment in (1, 2):
        with pytest.raises(GatewayUnavailable):
            webhooks.retry(event_id, payment)
    webhooks.retry(event_id, 3)


def test_after_three_tries_a_person_is_told():
    payment_id = a_payment()
    deliver(payment_id)
    (event,) = events_of(payment_id)
    fail_three_times(event.id)
    assert open_tasks(event.id) == ["webhook_failed"]
    assert events_of(payment_id)[0].retry_count == 4


def test_nobody_has_to_help_once_the_gateway_answers(monkeypatch: pytest.MonkeyPatch):
    payment_id = a_payment()
    deliver(payment_id)
    (event,) = events_of(payment_id)
    fail_three_times(event.id)
    monkeypatch.setattr(sync, "sync_payment", lambda *_: "pending")
    webhooks.process(event.id)
    assert open_tasks(event.id) == []


def test_a_bad_token_is_refused_and_nothing_is_kept():
    payment_id = a_payment()
    with pytest.raises(NotSignedIn):
        deliver(payment_id, token="another")
    assert events_of(payment_id) == []


def test_what_bears_no_signature_and_can_not_be_read_is_malformed():
    with pytest.raises(Malformed):
        webhooks.receive("midtrans", {}, b"[]")


def test_what_is_rightly_signed_is_kept_though_nothing_of_it_can_be_read():
    webhooks.receive("xendit", {"x-callback-token": TOKEN}, b"[]")
    with transaction() as tx:
        query = text("SELECT outcome FROM webhook_events WHERE event_type = 'unknown.unreadable'")
        assert tx.execute(query).scalars().all() == ["ignored"]


def test_a_payout_that_we_never_asked_for_is_told_to_a_person_with_its_name():
    reference = str(uuid4())  # of a refund, say, that a person has paid at the dashboard
    payout = {"id": f"disb-{uuid4()}", "reference_id": reference, "amount": 90_000, "status": "SUCCEEDED"}
    body = {"event": "payout.succeeded", "business_id": "1", "data": payout}
    webhooks.receive("xendit", {"x-callback-token": TOKEN}, json.dumps(body).encode())
    with transaction() as tx:
        query = text("SELECT details FROM manual_tasks WHERE kind = 'unknown_payout' AND done_at IS NULL")
        told = {"gateway": "xendit", "payment_id": None, "reference": reference}
        assert tx.execute(query).scalar_one() == told
