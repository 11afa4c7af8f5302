"""Midtrans's virtual accounts by Core API: a number on our own page, to be paid to the rupiah (PS-001, PS-004)."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.local.postgres import Postgres
from shared.cloud.database import transaction
from shared.gateways.midtrans.gateway import MidtransGateway
from shared.gateways.midtrans.webhooks import signature
from shared.gateways.statuses import GatewayPaymentStatus, PaymentMethod
from shared.identity.tokens import Principal
from shared.payments import checkout, payment_expiry, sync, webhooks
from shared.payments.status_handling import StatusOutcome
from shared.sales.schemas import OrderResponse, PaymentResponse
from tests.factories import a_tier, a_user, an_event, reserve
from tests.integration.refunds.steps import rows
from tests.model.gateways import KEY, Gateways, gateways

pytestmark = pytest.mark.usefixtures("database")

PAYLOADS = Path(__file__).parents[2] / "payloads" / "midtrans"
BANKS = ("BCA", "BNI", "BRI", "PERMATA", "MANDIRI")


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    with gateways(postgres, "virtual_accounts_gateways") as served:
        yield served


@pytest.fixture(autouse=True)
def behaving_in_the_end(at: Gateways) -> Iterator[None]:
    yield
    at.behaves("midtrans")


def an_order() -> tuple[Principal, OrderResponse]:
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=[a_tier(price=150_000)]), a_user(tx)
    order = reserve(buyer, event)
    assert isinstance(order, OrderResponse)
    return buyer, order


def pay_by(buyer: Principal, order: OrderResponse, method: str) -> PaymentResponse:
    wanted = checkout.CheckoutRequest(payment_method=PaymentMethod(method), gateway="midtrans")
    return checkout.checkout(buyer.id, order.id, wanted).payments[-1]


def charged(at: Gateways, payment: PaymentResponse) -> dict[str, Any]:
    """The payment as the simulator has it."""
    found: dict[str, Any] = requests.get(f"{at.url}/midtrans/payments/{payment.gateway_reference}", timeout=10).json()
    return found


def order_now(order: OrderResponse) -> OrderResponse:
    with transaction() as tx:
        return OrderResponse.read(tx, order.id)


def notification(sample: str, payment: PaymentResponse) -> bytes:
    """A published notification, as it would come for this payment."""
    published = json.loads((PAYLOADS / f"{sample}.json").read_bytes())
    body = published | {"order_id": payment.gateway_reference, "gross_amount": f"{payment.amount}.00"}
    proof = signature(body["order_id"], body["status_code"], body["gross_amount"], KEY)
    return json.dumps(body | {"signature_key": proof}).encode()


@pytest.mark.parametrize("method", BANKS)
def test_the_payment_shows_a_number_and_the_exact_amount_until_the_hold_ends(at: Gateways, method: str) -> None:
    buyer, order = an_order()
    payment = pay_by(buyer, order, method)
    asked = charged(at, payment)
    assert payment.va_number == asked["va_number"]
    assert (payment.amount, asked["amount"]) == (order.total_amount, order.total_amount)
    assert payment.biller_code == ("70012" if method == "MANDIRI" else None)
    assert (payment.snap_token, payment.qr_string) == (None, None)
    assert method in payment.instructions or payment.biller_code in payment.instructions
    assert abs(datetime.fromisoformat(asked["expires_at"]) - payment.expires_at) < timedelta(seconds=2)
    assert payment.expires_at <= order_now(order).reservation_expires_at
    assert order_now(order).payments[-1].va_number == payment.va_number  # it is there again after a reload


@pytest.mark.parametrize("method", BANKS)
def test_the_same_choice_again_gives_the_same_number(at: Gateways, method: str) -> None:
    buyer, order = an_order()
    first, again = (pay_by(buyer, order, method) for _ in range(2))
    assert (again.id, again.va_number, again.biller_code) == (first.id, first.va_number, first.biller_code)


@pytest.mark.parametrize("method", BANKS)
def test_a_lost_answer_is_found_again_by_the_next_click(at: Gateways, method: str) -> None:
    buyer, order = an_order()
    at.fails("midtrans", body="empty", count=1, takes_effect=True)
    payment = pay_by(buyer, order, method)
    assert payment.va_number == charged(at, payment)["va_number"]
    assert payment.biller_code == ("70012" if method == "MANDIRI" else None)


@pytest.mark.parametrize(
    ("method", "sample"),
    [
        ("BCA", "notif_bni_va_settlement"),
        ("BNI", "notif_bni_va_settlement"),
        ("BRI", "notif_bri_va_settlement"),
        ("PERMATA", "notif_permata_va_settlement"),
    ],
)
def test_a_notification_makes_the_order_paid_once_midtrans_confirms_it(at: Gateways, method: str, sample: str) -> None:
    buyer, order = an_order()
    payment = pay_by(buyer, order, method)
    webhooks.receive("midtrans", {}, notification(sample, payment))
    assert order_now(order).status == "pending_payment"  # a notification alone proves nothing
    at.does("midtrans", str(payment.gateway_reference), "pay")
    assert outcome_of_webhook(sample, payment) == "paid"
    assert order_now(order).status == "paid"
    channel = rows("SELECT channel FROM payments WHERE id = :id", id=payment.id)[0].channel
    assert channel == method.lower()


def outcome_of_webhook(sample: str, payment: PaymentResponse) -> str:
    """Deliver the notification again, as another event."""
    body = json.loads(notification(sample, payment)) | {"transaction_id": str(payment.id)}
    webhooks.receive("midtrans", {}, json.dumps(body).encode())
    return rows("SELECT status FROM payments WHERE id = :id", id=payment.id)[0].status


def test_a_bill_of_mandiri_is_paid_and_may_be_taken_back(at: Gateways) -> None:
    buyer, order = an_order()
    payment = pay_by(buyer, order, "MANDIRI")
    at.does("midtrans", str(payment.gateway_reference), "pay")
    assert sync.sync_payment(payment.id) is StatusOutcome.PAID
    at.does("midtrans", str(payment.gateway_reference), "reverse")
    assert sync.sync_payment(payment.id) is StatusOutcome.REVERSED


def test_an_answer_that_a_newer_one_has_overtaken_books_nothing(at: Gateways, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer, order = an_order()
    payment = pay_by(buyer, order, "MANDIRI")
    at.does("midtrans", str(payment.gateway_reference), "pay")
    asked = MidtransGateway.status
    newer: list[StatusOutcome] = []

    def answer_late(self: MidtransGateway, *about: Any) -> list[GatewayPaymentStatus]:
        paid = asked(self, *about)
        monkeypatch.setattr(MidtransGateway, "status", asked)
        at.does("midtrans", str(payment.gateway_reference), "reverse")
        newer.append(sync.sync_payment(payment.id))
        return paid

    monkeypatch.setattr(MidtransGateway, "status", answer_late)
    assert sync.sync_payment(payment.id) is StatusOutcome.NOTHING
    assert newer == [StatusOutcome.FAILED]
    assert order_now(order).status == "pending_payment"
    assert not rows("SELECT 1 FROM ledger_postings WHERE order_id = :id", id=order.id)


@pytest.mark.parametrize("method", BANKS)
def test_another_way_ends_the_account_at_midtrans(at: Gateways, method: str) -> None:
    buyer, order = an_order()
    first = pay_by(buyer, order, method)
    second = pay_by(buyer, order, "QRIS")
    assert second.id != first.id
    payment_expiry.cancel_at_gateway(first.id)
    assert charged(at, first)["status"] == "expired"
    at.does("midtrans", str(first.gateway_reference), "pay")  # a bank that is late
    assert sync.sync_payment(first.id) is StatusOutcome.PAID
    assert order_now(order).status == "paid"


@pytest.mark.parametrize("method", ["BCA", "PERMATA", "MANDIRI", "QRIS"])
def test_a_number_or_code_that_failed_makes_room_for_another_try(at: Gateways, method: str) -> None:
    buyer, order = an_order()
    failed = pay_by(buyer, order, method)
    at.does("midtrans", str(failed.gateway_reference), "fail")
    assert sync.sync_payment(failed.id) is StatusOutcome.FAILED
    assert order_now(order).payments[-1].status == "failed"
    again = pay_by(buyer, order, method)
    assert again.id != failed.id
    assert again.qr_string or again.va_number != failed.va_number
    at.does("midtrans", str(again.gateway_reference), "pay")
    assert sync.sync_payment(again.id) is StatusOutcome.PAID


def test_a_wallet_that_failed_may_be_tried_again_on_its_page(at: Gateways) -> None:
    buyer, order = an_order()
    payment = pay_by(buyer, order, "OVO")
    at.does("midtrans", str(payment.gateway_reference), "fail")
    assert sync.sync_payment(payment.id) is StatusOutcome.NOTHING
    assert order_now(order).payments[-1].status == "pending"


def test_money_of_another_amount_is_held_for_review(at: Gateways) -> None:
    buyer, order = an_order()
    payment = pay_by(buyer, order, "BNI")
    at.does("midtrans", str(payment.gateway_reference), "pay", amount=payment.amount + 500)
    assert sync.sync_payment(payment.id) is StatusOutcome.IN_REVIEW


@pytest.mark.usefixtures("at")
def test_a_wallet_is_still_paid_on_a_page_of_midtrans() -> None:
    buyer, order = an_order()
    payment = pay_by(buyer, order, "GOPAY")
    assert (payment.va_number, payment.biller_code) == (None, None)
    assert payment.redirect_url is not None
    assert payment.snap_token is not None
