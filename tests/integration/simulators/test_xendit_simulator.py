"""Xendit from end to end: our client, the simulator, and the webhooks it signs."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import requests

from shared.gateways.errors import GatewayMisconfigured, GatewayRefused, GatewayUnavailable
from shared.gateways.statuses import (
    AccountCheck,
    Customer,
    GatewayPaymentState,
    GatewayPaymentStatus,
    GatewayRefundState,
    GatewayTransferState,
    GatewayTransferStatus,
    OpenedPayment,
    PaymentMethod,
    WebhookEventKind,
)
from shared.gateways.xendit.client import Xendit
from tests.integration.simulators.conftest import CALLBACK_TOKEN, PATIENCE, XENDIT_KEY
from tests.integration.simulators.world import Payer, Received, Receiver
from tests.waiting import until

SITI = Customer(name="Siti Rahma", email="siti@example.com", phone="081234567890")


@pytest.fixture
def order_id() -> str:
    return f"order-{uuid4()}"


def open_invoice(xendit: Xendit, order_id: str, **changes: Any) -> OpenedPayment:
    wanted: dict[str, Any] = {
        "external_id": order_id,
        "amount": 100_000,
        "description": "Tiket",
        "duration_seconds": 1800,
        "method": PaymentMethod.QRIS,
        "customer": SITI,
        "success_url": "http://127.0.0.1:9/orders/1",
    }
    return xendit.open_invoice(**wanted | changes)


def payment_in(xendit: Xendit, webhook: Received) -> GatewayPaymentStatus:
    reported = xendit.parse_webhook(webhook.headers, webhook.body).reported
    assert isinstance(reported, GatewayPaymentStatus)
    return reported


def test_an_invoice_is_opened_paid_and_told(
    xendit: Xendit, xendit_payer: Payer, receiver: Receiver, order_id: str
) -> None:
    opened = open_invoice(xendit, order_id)
    assert xendit.payment_status(opened.gateway_reference).state is GatewayPaymentState.PENDING
    xendit_payer.does("pay", opened.gateway_reference)
    reported = xendit.payment_status(opened.gateway_reference)
    assert (reported.state, reported.amount, reported.paid_amount, reported.channel) == (
        GatewayPaymentState.PAID,
        100_000,
        100_000,
        "QRIS",
    )
    (webhook,) = receiver.wait_for(1, order_id)
    assert webhook.path == "/webhook/xendit"
    assert payment_in(xendit, webhook) == reported
    assert xendit_payer.movements(order_id) == [("payment", 100_000)]


def test_a_virtual_account_has_a_number(xendit: Xendit, order_id: str) -> None:
    opened = open_invoice(xendit, order_id, method=PaymentMethod.BCA)
    assert opened.va_number is not None
    assert opened.va_number.isdigit()


def test_a_wrong_key_is_our_mistake(base_url: str) -> None:
    stranger = Xendit(f"{base_url}/simulators/xendit", "xnd_wrong", "")
    with pytest.raises(GatewayMisconfigured, match="INVALID_API_KEY"):
        stranger.payment_status("x")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 10}, "MINIMAL_TRANSFER_AMOUNT_ERROR"),
        ({"external_id": ""}, "API_VALIDATION_ERROR"),
        ({"duration_seconds": 0}, "API_VALIDATION_ERROR"),
    ],
)
def test_what_xendit_would_not_take_is_refused(
    xendit: Xendit, order_id: str, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(GatewayRefused, match=code):
        open_invoice(xendit, order_id, **changes)


@pytest.mark.slow("it waits for a time-out")
@pytest.mark.parametrize("loses", [{"status": 500}, {"timeout": True, "timeout_seconds": 1.5}], ids=["5xx", "time-out"])
@pytest.mark.parametrize("takes_effect", [True, False], ids=["made", "not made"])
def test_an_answer_that_got_lost_never_makes_a_second_invoice(
    base_url: str, xendit: Xendit, xendit_payer: Payer, order_id: str, loses: dict[str, Any], takes_effect: bool
) -> None:
    impatient = replace(PATIENCE, read_seconds=1.0)
    hasty = Xendit(f"{base_url}/simulators/xendit", XENDIT_KEY, CALLBACK_TOKEN, timeouts=impatient)
    xendit_payer.breaks(**loses, takes_effect=takes_effect, count=1)
    opened = open_invoice(hasty, order_id)
    assert xendit.payment_statuses(order_id)[0].gateway_reference == opened.gateway_reference
    assert open_invoice(xendit, order_id, resume=True).gateway_reference == opened.gateway_reference


def test_a_gateway_that_stays_down_is_for_later(xendit: Xendit, xendit_payer: Payer, order_id: str) -> None:
    xendit_payer.breaks(status=503, count=99)
    try:
        with pytest.raises(GatewayUnavailable):
            open_invoice(xendit, order_id)
    finally:
        xendit_payer.breaks(count=0)
    assert open_invoice(xendit, order_id)


def test_slowness_is_only_slow(xendit: Xendit, xendit_payer: Payer, order_id: str) -> None:
    xendit_payer.breaks(latency_ms=100, count=1)
    assert open_invoice(xendit, order_id)


def test_an_ended_invoice_is_told_and_can_still_be_paid_late(
    xendit: Xendit, xendit_payer: Payer, receiver: Receiver, order_id: str
) -> None:  # LATE-1
    opened = open_invoice(xendit, order_id)
    assert xendit.expire_invoice(opened.gateway_reference).state is GatewayPaymentState.EXPIRED
    assert xendit.expire_invoice(opened.gateway_reference).state is GatewayPaymentState.EXPIRED
    (expired,) = receiver.wait_for(1, order_id)
    assert payment_in(xendit, expired).state is GatewayPaymentState.EXPIRED
    xendit_payer.does("pay", opened.gateway_reference)
    assert payment_in(xendit, receiver.wait_for(2, order_id)[1]).state is GatewayPaymentState.PAID


@pytest.mark.slow("it waits for an invoice to expire")
def test_an_invoice_expires_by_itself(xendit: Xendit, receiver: Receiver, order_id: str) -> None:
    opened = open_invoice(xendit, order_id, duration_seconds=1)
    (webhook,) = receiver.wait_for(1, order_id)
    reported = payment_in(xendit, webhook)
    assert reported == xendit.payment_status(opened.gateway_reference)
    assert (reported.state, reported.paid_amount) == (GatewayPaymentState.EXPIRED, None)


@pytest.mark.slow("it waits for an invoice to expire")
def test_a_paid_invoice_does_not_expire(xendit: Xendit, xendit_payer: Payer, receiver: Receiver, order_id: str) -> None:
    opened = open_invoice(xendit, order_id, duration_seconds=5)
    xendit_payer.does("pay", opened.gateway_reference)
    assert opened.expires_at is not None
    another = open_invoice(xendit, f"{order_id}-later", duration_seconds=6)
    receiver.wait_for(1, another.gateway_reference)
    assert [payment_in(xendit, each).state for each in receiver.about(opened.gateway_reference)] == [
        GatewayPaymentState.PAID
    ]
    assert xendit.payment_status(opened.gateway_reference).state is GatewayPaymentState.PAID


def test_ending_a_paid_invoice_tells_the_truth(xendit: Xendit, xendit_payer: Payer, order_id: str) -> None:
    opened = open_invoice(xendit, order_id)
    xendit_payer.does("pay", opened.gateway_reference, deliver="never")
    assert xendit.expire_invoice(opened.gateway_reference).state is GatewayPaymentState.PAID


@pytest.mark.slow("it waits for an invoice to expire")
def test_a_failed_attempt_changes_nothing_and_nobody_is_told(
    xendit: Xendit, xendit_payer: Payer, receiver: Receiver, order_id: str
) -> None:
    opened = open_invoice(xendit, order_id, duration_seconds=5)
    xendit_payer.does("fail", opened.gateway_reference)
    assert xendit.payment_status(opened.gateway_reference).state is GatewayPaymentState.PENDING
    (expired,) = receiver.wait_for(1, order_id)
    assert payment_in(xendit, expired).state is GatewayPaymentState.EXPIRED


def test_another_amount_than_asked_shows_as_such(xendit: Xendit, xendit_payer: Payer, order_id: str) -> None:
    opened = open_invoice(xendit, order_id)
    xendit_payer.does("pay", opened.gateway_reference, amount=90_000)
    reported = xendit.payment_status(opened.gateway_reference)
    assert (reported.amount, reported.paid_amount) == (100_000, 90_000)


@pytest.mark.slow("it waits for webhooks that come late")
def test_webhooks_come_never_twice_late_or_out_of_order(
    xendit: Xendit, xendit_payer: Payer, receiver: Receiver, order_id: str
) -> None:
    deliveries = {"never": 0, "twice": 2, "late": 1, "out_of_order": 2}
    opened = {mode: open_invoice(xendit, f"{order_id}-{mode}") for mode in deliveries}
    for mode, each in opened.items():
        xendit_payer.does("pay", each.gateway_reference, deliver=mode, delay_seconds=0.3)
    came = {mode: receiver.wait_for(count, f"{order_id}-{mode}") for mode, count in deliveries.items()}
    assert {mode: len(webhooks) for mode, webhooks in came.items()} == deliveries
    assert came["twice"][0].body == came["twice"][1].body
    states = [payment_in(xendit, each).state for each in came["out_of_order"]]
    assert sorted(states) == sorted(
        [GatewayPaymentState.PAID, GatewayPaymentState.EXPIRED]
    )  # in any order, on a busy machine


def test_a_webhook_nobody_took_is_repeated(
    xendit: Xendit, xendit_payer: Payer, receiver: Receiver, order_id: str
) -> None:
    opened = open_invoice(xendit, order_id)
    receiver.will_answer(503, 401, about=order_id)
    xendit_payer.does("pay", opened.gateway_reference)
    first, *_, last = receiver.wait_for(3, order_id)
    assert first.body == last.body


def test_refunds_are_asked_for_once_and_told(
    xendit: Xendit, xendit_payer: Payer, receiver: Receiver, order_id: str
) -> None:
    opened = open_invoice(xendit, order_id)
    xendit_payer.does("pay", opened.gateway_reference)
    wanted: dict[str, Any] = {
        "invoice_id": opened.gateway_reference,
        "amount": 40_000,
        "reference_id": f"{order_id}-r",
        "reason": "x",
    }
    first = xendit.refund(**wanted, idempotency_key=f"{order_id}-k")
    assert first.state in (GatewayRefundState.PENDING, GatewayRefundState.SUCCEEDED)  # the latter on a busy machine
    again = xendit.refund(**wanted, idempotency_key=f"{order_id}-k")
    other_key = xendit.refund(**wanted, idempotency_key=f"{order_id}-k2")
    assert first.gateway_reference == again.gateway_reference == other_key.gateway_reference
    (webhook,) = receiver.wait_for(1, f"{order_id}-r")
    event = xendit.parse_webhook(webhook.headers, webhook.body)
    assert event.kind is WebhookEventKind.REFUND
    assert event.reported == xendit.refund_status(first.gateway_reference)
    assert xendit.refund_status(first.gateway_reference).state is GatewayRefundState.SUCCEEDED
    assert xendit_payer.movements(order_id) == [("payment", 100_000), ("refund", -40_000)]


@pytest.mark.parametrize(
    ("method", "paid", "amount", "code"),
    [
        (PaymentMethod.BCA, True, 100_000, "REFUND_NOT_SUPPORTED"),
        (PaymentMethod.QRIS, True, 100_001, "MAXIMUM_REFUND_AMOUNT_REACHED"),
        (PaymentMethod.QRIS, False, 100_000, "INELIGIBLE_TRANSACTION"),
    ],
)
def test_what_cannot_be_refunded_is_refused(
    xendit: Xendit, xendit_payer: Payer, order_id: str, method: PaymentMethod, paid: bool, amount: int, code: str
) -> None:
    opened = open_invoice(xendit, order_id, method=method)
    if paid:
        xendit_payer.does("pay", opened.gateway_reference)
    with pytest.raises(GatewayRefused, match=code):
        xendit.refund(
            invoice_id=opened.gateway_reference,
            amount=amount,
            reference_id=order_id,
            idempotency_key=order_id,
            reason="OTHERS",
        )


def send_payout(xendit: Xendit, reference: str, account_number: str, **changes: Any) -> GatewayTransferStatus:
    wanted: dict[str, Any] = {
        "reference_id": reference,
        "idempotency_key": reference,
        "bank_code": "BCA",
        "account_number": account_number,
        "account_holder_name": "SITI RAHMA",
        "amount": 1_000_000,
        "description": "Hasil",
    }
    return xendit.send_payout(**wanted | changes)


@pytest.mark.slow("it waits for payouts to settle")
@pytest.mark.parametrize(
    ("account_number", "states", "failure_code"),
    [
        ("7000000001", [GatewayTransferState.SUCCEEDED], None),
        ("0000123456", [GatewayTransferState.FAILED], "TEMPORARY_TRANSFER_ERROR"),
        ("999999", [GatewayTransferState.FAILED], "REJECTED_BY_CHANNEL"),
        ("121212", [GatewayTransferState.FAILED], "INVALID_DESTINATION"),
        ("654321", [GatewayTransferState.SUCCEEDED, GatewayTransferState.REVERSED], None),
    ],
)
def test_a_payout_takes_the_course_of_its_account_number(
    xendit: Xendit,
    receiver: Receiver,
    order_id: str,
    account_number: str,
    states: list[GatewayTransferState],
    failure_code: str | None,
) -> None:
    made = send_payout(xendit, order_id, account_number)
    assert made.state in (GatewayTransferState.PROCESSING, *states)
    webhooks = receiver.wait_for(len(states), order_id)
    told = [xendit.parse_webhook(each.headers, each.body).reported for each in webhooks]
    facts = {
        reported.state: reported for reported in told if isinstance(reported, GatewayTransferStatus)
    }  # on a busy machine in any order
    assert set(facts) == set(states)
    last = facts[states[-1]]
    assert xendit.payout_status(made.gateway_reference) == last
    assert xendit.payout_status(reference_id=order_id) == last
    assert last.failure_code == failure_code


def test_the_same_payout_twice_is_one_payout(xendit: Xendit, xendit_payer: Payer, order_id: str) -> None:
    first = send_payout(xendit, order_id, "7000000001")
    assert send_payout(xendit, order_id, "7000000001").gateway_reference == first.gateway_reference
    with pytest.raises(GatewayRefused, match="DUPLICATE_ERROR"):
        send_payout(xendit, order_id, "7000000001", amount=2_000_000)
    until(lambda: xendit_payer.movements(order_id) == [("payout", -1_000_000)])


def test_a_payout_can_be_cancelled_while_it_waits(xendit: Xendit, base_url: str, order_id: str) -> None:
    made = send_payout(xendit, order_id, "131313")
    cancel = f"{base_url}/simulators/xendit/v2/payouts/{made.gateway_reference}/cancel"
    requests.post(cancel, auth=("xnd_development_test", ""), timeout=10).raise_for_status()
    reported = xendit.payout_status(made.gateway_reference)
    assert reported is not None
    assert reported.state is GatewayTransferState.CANCELLED


def test_nobody_knows_an_unknown_payout(xendit: Xendit, order_id: str) -> None:
    assert xendit.payout_status(reference_id=order_id) is None
    with pytest.raises(GatewayRefused, match="404"):
        xendit.payout_status("disb-unknown")


@pytest.mark.parametrize(
    ("account_number", "check", "holder_name"),
    [
        ("7000000001", AccountCheck.FOUND, "SITI RAHMA"),
        ("0000111111", AccountCheck.FOUND, "FIRA DIYANKA"),
        ("0000121212", AccountCheck.NOT_FOUND, None),
        ("0000131313", AccountCheck.PENDING, None),
    ],
)
def test_the_owner_of_an_account_is_told(
    xendit: Xendit, account_number: str, check: AccountCheck, holder_name: str | None
) -> None:
    answer = xendit.check_account(
        bank_code="BCA", account_number=account_number, reference_id="r", holder_name="Siti Rahma"
    )
    assert (answer.check, answer.holder_name) == (check, holder_name)
    assert xendit.account_name(answer.request_id) == answer
