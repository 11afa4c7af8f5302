"""Midtrans from end to end: our client, the simulator, and the notifications it signs."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
import requests

from shared.gateways.errors import GatewayMisconfigured, GatewayRefused, NotSettledYet, SignatureInvalid
from shared.gateways.midtrans.client import Midtrans
from shared.gateways.statuses import (
    Customer,
    GatewayPaymentState,
    GatewayPaymentStatus,
    GatewayRefundState,
    GatewayRefundStatus,
    OpenedPayment,
    PaymentMethod,
)
from tests.integration.simulators.world import Payer, Received, Receiver
from tests.waiting import until

SITI = Customer(name="Siti Rahma", email="siti@example.com")


@pytest.fixture
def order_id() -> str:
    return f"{uuid4()}-1"


def open_payment(midtrans: Midtrans, order_id: str, method: PaymentMethod, **changes: Any) -> OpenedPayment:
    wanted: dict[str, Any] = {
        "order_id": order_id,
        "amount": 100_000,
        "method": method,
        "expires_at": datetime.now(UTC) + timedelta(minutes=30),
        "customer": SITI,
        "finish_url": "http://127.0.0.1:9/orders/1",
    }
    return midtrans.open_payment(**wanted | changes)


def payment_in(midtrans: Midtrans, webhook: Received) -> GatewayPaymentStatus:
    reported = midtrans.parse_notification(webhook.body).reported
    assert isinstance(reported, GatewayPaymentStatus)
    return reported


@pytest.mark.parametrize(
    ("method", "channel"),
    [
        (PaymentMethod.QRIS, "qris"),
        (PaymentMethod.BCA, "bca"),
        (PaymentMethod.BNI, "bni"),
        (PaymentMethod.BRI, "bri"),
        (PaymentMethod.PERMATA, "permata"),
        (PaymentMethod.MANDIRI, "echannel"),
        (PaymentMethod.OVO, "ovo"),
    ],
)
def test_a_payment_is_opened_paid_and_told(
    midtrans: Midtrans,
    midtrans_payer: Payer,
    receiver: Receiver,
    order_id: str,
    method: PaymentMethod,
    channel: str,
) -> None:
    open_payment(midtrans, order_id, method)
    assert midtrans.payment_status(order_id).state is GatewayPaymentState.PENDING
    midtrans_payer.does("pay", order_id)
    reported = midtrans.payment_status(order_id)
    assert (reported.state, reported.amount, reported.paid_amount, reported.channel) == (
        GatewayPaymentState.PAID,
        100_000,
        100_000,
        channel,
    )
    (webhook,) = receiver.wait_for(1, order_id)
    assert webhook.path == "/webhook/midtrans"
    assert payment_in(midtrans, webhook) == reported
    assert midtrans_payer.movements(order_id) == [("payment", 100_000)]


def test_another_key_refuses_the_notification(
    midtrans: Midtrans, midtrans_payer: Payer, receiver: Receiver, order_id: str
) -> None:
    open_payment(midtrans, order_id, PaymentMethod.QRIS)
    midtrans_payer.does("pay", order_id)
    (webhook,) = receiver.wait_for(1, order_id)
    with pytest.raises(SignatureInvalid):
        Midtrans(core_url="http://127.0.0.1:9", server_key="another").parse_notification(webhook.body)


def test_a_page_is_unknown_to_core_until_a_method_is_chosen(
    midtrans: Midtrans, midtrans_payer: Payer, order_id: str
) -> None:
    opened = open_payment(midtrans, order_id, PaymentMethod.ANY)
    assert opened.snap_token is not None
    assert midtrans.payment_status(order_id).raw_status == "not_found"
    midtrans_payer.does("pay", order_id, channel="gopay")
    assert midtrans.payment_status(order_id).channel == "gopay"


def test_a_qr_code_can_be_seen(midtrans: Midtrans, order_id: str) -> None:
    opened = open_payment(midtrans, order_id, PaymentMethod.QRIS)
    assert opened.qr_string is not None
    assert opened.qr_image_url is not None
    assert requests.get(opened.qr_image_url, timeout=10).content.startswith(b"\x89PNG")


def test_asking_again_is_safe(midtrans: Midtrans, midtrans_payer: Payer, order_id: str) -> None:
    first = open_payment(midtrans, order_id, PaymentMethod.QRIS)
    assert open_payment(midtrans, order_id, PaymentMethod.QRIS).qr_string == first.qr_string
    page_id = f"{order_id}-page"
    old, new = (open_payment(midtrans, page_id, PaymentMethod.OVO) for _ in range(2))
    assert old.snap_token != new.snap_token
    midtrans_payer.does("pay", page_id)
    assert open_payment(midtrans, page_id, PaymentMethod.OVO).snap_token is None


@pytest.mark.parametrize(
    ("method", "digits", "biller_code"),
    [
        (PaymentMethod.BCA, 11, None),
        (PaymentMethod.BNI, 16, None),
        (PaymentMethod.BRI, 18, None),
        (PaymentMethod.PERMATA, 15, None),
        (PaymentMethod.MANDIRI, 12, "70012"),
    ],
)
def test_a_bank_gives_one_number_and_keeps_it(
    midtrans: Midtrans, order_id: str, method: PaymentMethod, digits: int, biller_code: str | None
) -> None:
    first, again = (open_payment(midtrans, order_id, method) for _ in range(2))
    assert first.va_number is not None
    assert first.va_number.isdigit()
    assert len(first.va_number) == digits
    assert (first.biller_code, first.snap_token) == (biller_code, None)
    assert (again.va_number, again.biller_code) == (first.va_number, biller_code)
    assert first.expires_at == again.expires_at


@pytest.mark.parametrize("method", [PaymentMethod.QRIS, PaymentMethod.PERMATA, PaymentMethod.OVO])
@pytest.mark.parametrize("takes_effect", [True, False], ids=["made", "not made"])
def test_an_answer_that_got_lost_does_no_harm(
    midtrans: Midtrans, midtrans_payer: Payer, order_id: str, method: PaymentMethod, takes_effect: bool
) -> None:
    midtrans_payer.breaks(status=500, takes_effect=takes_effect, count=1)
    opened = open_payment(midtrans, order_id, method)
    assert opened.qr_string or opened.va_number or opened.snap_token


def test_a_wrong_key_is_our_mistake(base_url: str, order_id: str) -> None:
    stranger = Midtrans(core_url=f"{base_url}/simulators/midtrans", server_key="wrong")
    for method in (PaymentMethod.QRIS, PaymentMethod.BCA, PaymentMethod.OVO):
        with pytest.raises(GatewayMisconfigured, match="401"):
            open_payment(stranger, order_id, method)


def test_what_midtrans_would_not_take_is_refused(midtrans: Midtrans, order_id: str) -> None:
    for method in (PaymentMethod.BCA, PaymentMethod.OVO):
        with pytest.raises(GatewayRefused):
            open_payment(midtrans, f"{order_id}/1", method)


@pytest.mark.parametrize("method", [PaymentMethod.QRIS, PaymentMethod.BCA, PaymentMethod.OVO])
def test_an_ended_payment_can_still_be_paid_late(
    midtrans: Midtrans, midtrans_payer: Payer, receiver: Receiver, order_id: str, method: PaymentMethod
) -> None:  # LATE-1
    opened = open_payment(midtrans, order_id, method)
    for _ in range(2):
        assert midtrans.cancel(order_id, opened.snap_token).state is GatewayPaymentState.EXPIRED
    told = [] if method is PaymentMethod.OVO else receiver.wait_for(1, order_id)  # a page ends in silence
    midtrans_payer.does("pay", order_id)
    webhooks = receiver.wait_for(len(told) + 1, order_id)
    assert payment_in(midtrans, webhooks[-1]).state is GatewayPaymentState.PAID
    assert midtrans.cancel(order_id, opened.snap_token).state is GatewayPaymentState.PAID


@pytest.mark.slow("it waits for a payment to expire")
def test_a_code_expires_by_itself_and_says_so(midtrans: Midtrans, receiver: Receiver, order_id: str) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    open_payment(midtrans, order_id, PaymentMethod.QRIS, expires_at=soon)
    (webhook,) = receiver.wait_for(1, order_id)
    assert payment_in(midtrans, webhook).state is GatewayPaymentState.EXPIRED
    assert midtrans.payment_status(order_id).state is GatewayPaymentState.EXPIRED


@pytest.mark.slow("it waits for a payment to expire")
def test_a_page_that_expires_says_nothing(
    midtrans: Midtrans, midtrans_payer: Payer, receiver: Receiver, order_id: str
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    open_payment(midtrans, order_id, PaymentMethod.OVO, expires_at=soon)
    another = f"another-{order_id}"[:50]
    open_payment(midtrans, another, PaymentMethod.QRIS, expires_at=soon + timedelta(seconds=1))
    receiver.wait_for(1, another)
    assert midtrans_payer.state(order_id)["status"] == "closed"
    assert not [each for each in receiver.about(order_id) if another.encode() not in each.body]
    assert midtrans.payment_status(order_id).state is GatewayPaymentState.PENDING


@pytest.mark.parametrize(
    ("method", "action", "state"),
    [
        (PaymentMethod.QRIS, "fail", GatewayPaymentState.FAILED),
        (PaymentMethod.BCA, "fail", GatewayPaymentState.FAILED),
        (PaymentMethod.QRIS, "expire", GatewayPaymentState.EXPIRED),
        (PaymentMethod.BCA, "expire", GatewayPaymentState.EXPIRED),
        (PaymentMethod.OVO, "fail", GatewayPaymentState.FAILED),
        (PaymentMethod.OVO, "expire", GatewayPaymentState.EXPIRED),
    ],
)
def test_a_payment_fails_or_expires_and_says_so(
    midtrans: Midtrans,
    midtrans_payer: Payer,
    receiver: Receiver,
    order_id: str,
    method: PaymentMethod,
    action: str,
    state: GatewayPaymentState,
) -> None:
    open_payment(midtrans, order_id, method)
    midtrans_payer.does(action, order_id)
    (webhook,) = receiver.wait_for(1, order_id)
    assert payment_in(midtrans, webhook).state is midtrans.payment_status(order_id).state is state


def test_a_payer_who_tries_again_after_a_denial_makes_another_transaction_of_the_order(
    midtrans: Midtrans, midtrans_payer: Payer, receiver: Receiver, order_id: str
) -> None:
    open_payment(midtrans, order_id, PaymentMethod.OVO)
    for action in ("fail", "pay", "reverse"):
        midtrans_payer.does(action, order_id)
    told = [json.loads(each.body) for each in receiver.wait_for(3, order_id)]
    states = {(each["transaction_status"], each["transaction_id"]) for each in told}
    assert len(states) == 3
    assert len({transaction_id for _, transaction_id in states}) == 2


@pytest.mark.slow("it waits for webhooks that come late")
def test_settlement_comes_before_pending_when_out_of_order(
    midtrans: Midtrans, midtrans_payer: Payer, receiver: Receiver, order_id: str
) -> None:
    open_payment(midtrans, order_id, PaymentMethod.QRIS)
    midtrans_payer.does("pay", order_id, deliver="out_of_order")
    states = [payment_in(midtrans, each).state for each in receiver.wait_for(2, order_id)]
    assert sorted(states) == sorted(
        [GatewayPaymentState.PAID, GatewayPaymentState.PENDING]
    )  # in any order, on a busy machine


def test_another_amount_than_asked_shows_as_such(midtrans: Midtrans, midtrans_payer: Payer, order_id: str) -> None:
    open_payment(midtrans, order_id, PaymentMethod.QRIS)
    midtrans_payer.does("pay", order_id, amount=100_500)
    assert midtrans.payment_status(order_id).paid_amount == 100_500


@pytest.mark.slow("it waits for repeats")
def test_a_notification_is_repeated_as_its_answer_asks(
    midtrans: Midtrans, midtrans_payer: Payer, receiver: Receiver, order_id: str
) -> None:
    open_payment(midtrans, order_id, PaymentMethod.QRIS)
    receiver.will_answer(500, 500, about=order_id)  # Midtrans tries once more after a 500, and no more
    midtrans_payer.does("pay", order_id)
    receiver.wait_for(2, order_id)
    another = f"{order_id}-b"
    open_payment(midtrans, another, PaymentMethod.QRIS)
    midtrans_payer.does("pay", another, deliver="late", delay_seconds=1)
    receiver.wait_for(1, another)
    assert len([each for each in receiver.about(order_id) if another.encode() not in each.body]) == 2


def test_ending_a_card_under_review_cancels_it(midtrans: Midtrans, midtrans_payer: Payer, order_id: str) -> None:
    opened = open_payment(midtrans, order_id, PaymentMethod.ANY)
    midtrans_payer.does("challenge", order_id)
    assert midtrans.cancel(order_id, opened.snap_token).state is GatewayPaymentState.EXPIRED


def test_a_closed_page_takes_no_card(midtrans: Midtrans, midtrans_payer: Payer, order_id: str) -> None:
    opened = open_payment(midtrans, order_id, PaymentMethod.ANY)
    midtrans.cancel(order_id, opened.snap_token)
    assert midtrans_payer.tries("challenge", order_id).status_code == 409
    assert midtrans_payer.state(order_id)["status"] == "closed"


def test_a_transfer_taken_back_is_a_reversal(midtrans: Midtrans, midtrans_payer: Payer, order_id: str) -> None:
    open_payment(midtrans, order_id, PaymentMethod.PERMATA)
    midtrans_payer.does("pay", order_id)
    midtrans_payer.does("reverse", order_id)
    assert midtrans.payment_status(order_id).state is GatewayPaymentState.REVERSED
    assert midtrans_payer.movements(order_id) == [("payment", 100_000), ("reversal", -100_000)]


def test_a_card_is_refunded_once_it_has_settled(midtrans: Midtrans, midtrans_payer: Payer, order_id: str) -> None:
    def refund(reference: str) -> GatewayRefundStatus | None:
        with suppress(NotSettledYet):
            return midtrans.refund(order_id=reference, amount=100_000, refund_key="card", reason="sakit")
        return None

    numbers = count()

    def one_that_has_not_settled() -> str | None:  # where the machine pauses, it has
        reference = f"{next(numbers)}-{order_id}"[:50]
        open_payment(midtrans, reference, PaymentMethod.ANY)
        midtrans_payer.does("pay", reference, channel="credit_card")
        return reference if refund(reference) is None else None

    reference = until(one_that_has_not_settled)
    assert until(lambda: refund(reference)).state is GatewayRefundState.SUCCEEDED


def test_refunds_add_up(midtrans: Midtrans, midtrans_payer: Payer, receiver: Receiver, order_id: str) -> None:
    open_payment(midtrans, order_id, PaymentMethod.QRIS)
    midtrans_payer.does("pay", order_id)
    first = midtrans.refund(order_id=order_id, amount=40_000, refund_key="first", reason="sakit")
    assert first.state is GatewayRefundState.SUCCEEDED
    assert midtrans.refund(order_id=order_id, amount=40_000, refund_key="first", reason="sakit") == first
    partly = midtrans.payment_status(order_id)
    assert (partly.state, partly.refunded_amount) == (GatewayPaymentState.PARTIALLY_REFUNDED, 40_000)
    midtrans.refund(order_id=order_id, amount=60_000, refund_key="second", reason="sakit")
    assert midtrans.payment_status(order_id).state is GatewayPaymentState.REFUNDED
    found = midtrans.refund_status(order_id, "second")
    assert found is not None
    assert found.amount == 60_000
    told = [payment_in(midtrans, each) for each in receiver.wait_for(3, order_id)]
    assert sorted((reported.refunded_amount, reported.state) for reported in told) == [
        (0, GatewayPaymentState.PAID),
        (40_000, GatewayPaymentState.PARTIALLY_REFUNDED),
        (100_000, GatewayPaymentState.REFUNDED),
    ]


@pytest.mark.parametrize(
    ("method", "paid", "amount", "code"),
    [
        (PaymentMethod.BCA, True, 100_000, "412"),
        (PaymentMethod.QRIS, False, 100_000, "412"),
        (PaymentMethod.QRIS, True, 100_001, "414"),
        (PaymentMethod.OVO, True, 50_000, "414"),
    ],
)
def test_what_cannot_be_refunded_is_refused(
    midtrans: Midtrans,
    midtrans_payer: Payer,
    order_id: str,
    method: PaymentMethod,
    paid: bool,
    amount: int,
    code: str,
) -> None:
    open_payment(midtrans, order_id, method)
    if paid:
        midtrans_payer.does("pay", order_id)
    with pytest.raises(GatewayRefused) as error:
        midtrans.refund(order_id=order_id, amount=amount, refund_key="k", reason="x")
    assert error.value.code == code


def test_a_refund_the_provider_rejects_has_failed(midtrans: Midtrans, midtrans_payer: Payer, order_id: str) -> None:
    open_payment(midtrans, order_id, PaymentMethod.QRIS)
    midtrans_payer.does("pay", order_id)
    rejected = {"status_code": "202", "refund_amount": "0.00", "transaction_status": "settlement"}
    midtrans_payer.breaks(status=200, body=rejected, count=1)
    reported = midtrans.refund(order_id=order_id, amount=100_000, refund_key="k", reason="x")
    assert reported.state is GatewayRefundState.FAILED


def test_a_refund_made_in_the_dashboard_is_told(
    midtrans: Midtrans, midtrans_payer: Payer, receiver: Receiver, order_id: str
) -> None:
    open_payment(midtrans, order_id, PaymentMethod.GOPAY)
    midtrans_payer.does("pay", order_id)
    midtrans_payer.does("refund", order_id)
    told = {payment_in(midtrans, each).state for each in receiver.wait_for(2, order_id)}
    assert told == {GatewayPaymentState.PAID, GatewayPaymentState.REFUNDED}
