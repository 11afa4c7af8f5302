"""The Midtrans client: what it sends, and what it makes of each answer."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.gateways.errors import (
    GatewayError,
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
    NotSettledYet,
)
from shared.gateways.http import Timeouts
from shared.gateways.midtrans.client import Midtrans
from shared.gateways.midtrans.requests import snap_request
from shared.gateways.statuses import (
    Customer,
    GatewayPaymentState,
    GatewayRefundState,
    OpenedPayment,
    PaymentMethod,
)
from tests.unit.gateways.samples import read, sample, sample_id, sample_paths
from tests.unit.gateways.scripted_server import Reply, ScriptedServer

SITI = Customer(name="Siti Rahma", email="siti@example.com")
UNKNOWN_ORDER = Reply(200, sample("midtrans", "status_not_found_404"))
CANNOT_MODIFY = Reply(200, sample("midtrans", "error_412_cannot_modify"))
SNAP_OK = Reply(201, sample("midtrans", "snap_create_201"))
IN_HALF_AN_HOUR = timedelta(minutes=30)

ERRORS = {
    # file: HTTP status, what it is to us, code
    "snap_error_401": (401, GatewayMisconfigured, "401"),
    "snap_error_400_sum_mismatch": (400, GatewayRefused, "400"),
    "snap_error_500": (500, GatewayUnavailable, None),
    "error_401_core": (401, GatewayMisconfigured, "401"),
    "error_400_validation_card_token": (200, GatewayRefused, "400"),
    "error_411_token": (200, GatewayRefused, "411"),
    "error_412_cannot_modify": (200, GatewayRefused, "412"),
    "error_414_refund_amount": (200, GatewayRefused, "414"),
}


@pytest.fixture
def midtrans(server: ScriptedServer, impatient: Timeouts) -> Midtrans:
    return Midtrans(core_url=server.url, server_key="SB-Mid-server-test", timeouts=impatient)


def open_payment(midtrans: Midtrans, method: PaymentMethod = PaymentMethod.OVO, **changes: Any) -> OpenedPayment:
    wanted: dict[str, Any] = {
        "order_id": "order-1-1",
        "amount": 100_000,
        "expires_at": datetime.now(UTC) + IN_HALF_AN_HOUR,
        "customer": SITI,
        "finish_url": "https://karcis.example/ok",
    }
    return midtrans.open_payment(method=method, **wanted | changes)


def asked(server: ScriptedServer) -> list[str]:
    return [f"{each.method} {each.path}" for each in server.asked]


def status(transaction_status: str, code: str = "200", **changes: Any) -> Reply:
    transaction = sample("midtrans", "status_permata_pending_201")
    return Reply(200, transaction | {"transaction_status": transaction_status, "status_code": code, **changes})


@pytest.mark.parametrize(
    "path",
    [path for pattern in ("error_4*", "snap_error_*") for path in sample_paths("midtrans", f"{pattern}.json")
     if path.stem in ERRORS],
    ids=sample_id,
)  # fmt: skip
def test_every_published_error_is_one_of_ours(path: Path, midtrans: Midtrans, server: ScriptedServer) -> None:
    http_status, kind, code = ERRORS[path.stem]
    server.will_answer(Reply(http_status, read(path)))
    with pytest.raises(GatewayError) as error:
        open_payment(midtrans, PaymentMethod.OVO if path.stem.startswith("snap") else PaymentMethod.QRIS)
    assert type(error.value) is kind
    assert getattr(error.value, "code", None) == code


def test_a_core_error_is_seen_in_the_body_and_in_the_status(midtrans: Midtrans, server: ScriptedServer) -> None:
    """HTTP 200 with status_code 500 in the body is trouble as real as HTTP 500, and repeated likewise."""
    server.will_answer(Reply(200, {"status_code": "503"}), Reply(503), status("settlement"))
    assert midtrans.payment_status("order-1-1").state is GatewayPaymentState.PAID


def test_a_page_is_asked_for_in_full(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(SNAP_OK)
    opened = open_payment(midtrans)
    assert opened.snap_token == "d379aa71-99eb-4dd1-b9bb-eefe813746e9"
    assert opened.redirect_url == sample("midtrans", "snap_create_201")["redirect_url"]
    assert opened.gateway_reference == "order-1-1"
    (request,) = server.asked
    assert (request.method, request.path) == ("POST", "/snap/v1/transactions")
    body = dict(request.body)
    assert body.pop("expiry")["unit"] == body.pop("page_expiry")["unit"] == "minute"
    assert body == {
        "transaction_details": {"order_id": "order-1-1", "gross_amount": 100_000},
        "customer_details": {"first_name": "Siti Rahma", "email": "siti@example.com"},
        "enabled_payments": ["ovo"],
        "callbacks": {"finish": "https://karcis.example/ok"},
    }


@pytest.mark.parametrize(
    ("method", "enabled"),
    [
        (PaymentMethod.OVO, ["ovo"]),
        (PaymentMethod.DANA, ["dana"]),
        (PaymentMethod.GOPAY, ["gopay"]),
        (PaymentMethod.LINKAJA, ["other_qris"]),
        (PaymentMethod.ANY, None),
    ],
)
def test_every_wallet_of_ours_has_a_button_on_the_page(
    midtrans: Midtrans, server: ScriptedServer, method: PaymentMethod, enabled: list[str] | None
) -> None:
    server.will_answer(SNAP_OK)
    open_payment(midtrans, method)
    assert server.asked[0].body.get("enabled_payments") == enabled


@pytest.mark.parametrize("left", [timedelta(minutes=30), timedelta(seconds=1799.5), timedelta(seconds=8)], ids=str)
def test_the_payment_ends_at_our_deadline_to_the_second(left: timedelta) -> None:
    now = datetime(2026, 11, 21, 13, 0, 0, tzinfo=UTC)
    body = snap_request(
        order_id="o",
        amount=1,
        method=PaymentMethod.ANY,
        now=now,
        expires_at=now + left,
        customer=SITI,
        finish_url=None,
    )
    start = datetime.strptime(body["expiry"]["start_time"], "%Y-%m-%d %H:%M:%S %z")
    end = start + timedelta(minutes=body["expiry"]["duration"])
    assert abs(end - (now + left)) <= timedelta(seconds=1)
    assert abs(timedelta(minutes=body["page_expiry"]["duration"]) - left) < timedelta(minutes=1)


def test_qris_is_charged_directly_and_comes_back_as_a_code(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, sample("midtrans", "charge_qris_201")))
    opened = open_payment(midtrans, PaymentMethod.QRIS)
    assert opened.qr_string is not None
    assert opened.qr_string.startswith("000201")
    (request,) = server.asked
    assert (request.method, request.path) == ("POST", "/v2/charge")
    assert request.body["payment_type"] == "qris"
    assert request.body["custom_expiry"]["unit"] == "second"
    assert 1795 <= request.body["custom_expiry"]["expiry_duration"] <= 1800
    assert len(request.headers["Idempotency-Key"]) <= 46


def test_every_field_of_a_charge_is_one_that_midtrans_documents(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, sample("midtrans", "charge_qris_201")))
    open_payment(midtrans, PaymentMethod.QRIS)
    beyond_the_sample = {"custom_expiry"}  # documented in the text of the reference
    assert set(server.asked[0].body) - set(sample("midtrans", "charge_qris_request")) == beyond_the_sample


@pytest.mark.parametrize(
    ("method", "sample_name", "payment_type", "fields", "number", "biller_code"),
    [
        (PaymentMethod.BCA, "charge_bca_va_201", "bank_transfer", {"bank": "bca"}, "812785002530231", None),
        (PaymentMethod.BNI, "charge_bca_va_201", "bank_transfer", {"bank": "bni"}, "812785002530231", None),
        (PaymentMethod.BRI, "charge_bca_va_201", "bank_transfer", {"bank": "bri"}, "812785002530231", None),
        (PaymentMethod.PERMATA, "charge_permata_va_201", "bank_transfer", {"bank": "permata"}, "850003072869607", None),
        (
            PaymentMethod.MANDIRI,
            "charge_mandiri_bill_201",
            "echannel",
            {"bill_info1": "Untuk:", "bill_info2": "Tiket acara"},
            "778347787706",
            "70012",
        ),
    ],
)
def test_a_bank_is_charged_directly_and_comes_back_as_a_number(
    midtrans: Midtrans,
    server: ScriptedServer,
    method: PaymentMethod,
    sample_name: str,
    payment_type: str,
    fields: dict[str, str],
    number: str,
    biller_code: str | None,
) -> None:
    server.will_answer(Reply(200, sample("midtrans", sample_name)))
    opened = open_payment(midtrans, method)
    assert (opened.va_number, opened.biller_code, opened.snap_token) == (number, biller_code, None)
    (request,) = server.asked
    assert (request.method, request.path) == ("POST", "/v2/charge")
    assert request.body["payment_type"] == payment_type
    assert request.body[payment_type] == fields
    assert request.body["transaction_details"]["gross_amount"] == 100_000
    assert 1795 <= request.body["custom_expiry"]["expiry_duration"] <= 1800


def test_an_account_lives_as_long_as_midtrans_keeps_one(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, sample("midtrans", "charge_bca_va_201")))
    for method, seconds in ((PaymentMethod.BCA, 20), (PaymentMethod.QRIS, 5)):
        open_payment(midtrans, method, expires_at=datetime.now(UTC) + timedelta(seconds=5))
        assert server.asked[-1].body["custom_expiry"]["expiry_duration"] == seconds


@pytest.mark.parametrize(
    ("method", "known", "number", "biller_code"),
    [
        (PaymentMethod.PERMATA, {}, "514003740741123", None),
        (
            PaymentMethod.BNI,
            {"permata_va_number": None, "va_numbers": [{"bank": "bni", "va_number": "82"}]},
            "82",
            None,
        ),
        (
            PaymentMethod.MANDIRI,
            {"permata_va_number": None, "payment_type": "echannel", "bill_key": "99", "biller_code": "70012"},
            "99",
            "70012",
        ),
    ],
)
def test_an_account_that_exists_is_looked_up(
    midtrans: Midtrans,
    server: ScriptedServer,
    method: PaymentMethod,
    known: dict[str, Any],
    number: str,
    biller_code: str | None,
) -> None:
    """Midtrans keeps no keys of Permata's charges, and the others' for five minutes."""
    server.will_answer(
        Reply(200, {"status_code": "406", "status_message": "conflict"}), status("pending", "201", **known)
    )
    opened = open_payment(midtrans, method)
    assert (opened.va_number, opened.biller_code) == (number, biller_code)


def test_an_account_without_its_number_is_no_answer(midtrans: Midtrans, server: ScriptedServer) -> None:
    charge = sample("midtrans", "charge_bca_va_201")
    server.will_answer(Reply(200, charge | {"va_numbers": []}))
    with pytest.raises(GatewayUnavailable) as error:
        open_payment(midtrans, PaymentMethod.BCA)
    assert error.value.outcome_unknown


def test_a_bank_that_has_no_number_to_give_is_unavailable(midtrans: Midtrans, server: ScriptedServer) -> None:
    no_number = {"status_code": "505", "status_message": "Unable to create va_number for this transaction"}
    server.will_answer(Reply(200, no_number))
    with pytest.raises(GatewayUnavailable):
        open_payment(midtrans, PaymentMethod.BRI)


def test_the_same_charge_has_the_same_key(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, sample("midtrans", "charge_qris_201")))
    for order_id in ("a", "a", "b"):
        open_payment(midtrans, PaymentMethod.QRIS, order_id=order_id)
    first, second, other = (request.headers["Idempotency-Key"] for request in server.asked)
    assert first == second != other


def test_a_charge_that_exists_is_looked_up(midtrans: Midtrans, server: ScriptedServer) -> None:
    """After five minutes Midtrans forgets its first answer; the picture of the code is still there."""
    server.will_answer(
        Reply(200, {"status_code": "406", "status_message": "duplicate order_id"}),
        status("pending", "201", payment_type="qris", transaction_id="tx-1", expiry_time="2026-11-21 20:00:00"),
    )
    opened = open_payment(midtrans, PaymentMethod.QRIS)
    assert opened.qr_image_url == f"{server.url}/v2/qris/tx-1/qr-code"
    assert opened.expires_at == datetime(2026, 11, 21, 13, tzinfo=UTC)


def test_a_page_whose_payer_chose_a_method_is_looked_up(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(Reply(400, sample("midtrans", "snap_error_400_order_id_utilized")), status("pending", "201"))
    opened = open_payment(midtrans, PaymentMethod.ANY)
    assert (opened.snap_token, opened.va_number) == (None, "514003740741123")


@pytest.mark.parametrize("method", [PaymentMethod.QRIS, PaymentMethod.OVO])
def test_a_refusal_over_an_order_nobody_knows_stays_one(
    midtrans: Midtrans, server: ScriptedServer, method: PaymentMethod
) -> None:
    refused = {
        PaymentMethod.QRIS: Reply(200, {"status_code": "406", "status_message": "order_id"}),
        PaymentMethod.OVO: Reply(400, {"error_messages": ["transaction_details.order_id too long"]}),
    }
    server.will_answer(refused[method], UNKNOWN_ORDER)
    with pytest.raises(GatewayRefused):
        open_payment(midtrans, method)


def test_a_charge_whose_first_try_still_runs_is_for_later(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(Reply(202, {}))
    with pytest.raises(GatewayUnavailable) as error:
        open_payment(midtrans, PaymentMethod.QRIS)
    assert error.value.outcome_unknown


@pytest.mark.parametrize("http_status", [200, 404], ids=["as observed", "as documented"])
def test_an_order_without_a_method_is_pending(midtrans: Midtrans, server: ScriptedServer, http_status: int) -> None:
    server.will_answer(Reply(http_status, sample("midtrans", "status_not_found_404")))
    reported = midtrans.payment_status("order/1#1")
    assert (reported.state, reported.amount, reported.gateway_reference) == (
        GatewayPaymentState.PENDING,
        None,
        "order/1#1",
    )
    assert asked(server) == ["GET /v2/order%2F1%231/status"]


def test_a_404_of_another_host_is_our_mistake(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(Reply(404, "<html>", {"Content-Type": "text/html"}))
    with pytest.raises(GatewayRefused):
        midtrans.payment_status("order-1-1")


def test_an_expired_order_is_told_with_407(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, sample("midtrans", "expire_bank_transfer_407")))
    assert midtrans.payment_status("order-1-1").state is GatewayPaymentState.EXPIRED


def test_ending_closes_the_page_and_expires_the_payment(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(
        Reply(200, sample("midtrans", "snap_cancel_token_200")),
        Reply(200, sample("midtrans", "expire_bank_transfer_407")),
    )
    assert midtrans.cancel("order-1-1", "token").state is GatewayPaymentState.EXPIRED
    assert asked(server) == ["POST /snap/v1/transactions/token/cancel", "POST /v2/order-1-1/expire"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        ("token already canceled", GatewayPaymentState.EXPIRED),
        ("token not found", GatewayPaymentState.EXPIRED),
        ("Transaction is on progress", GatewayPaymentState.PENDING),
    ],
)
def test_a_page_nobody_can_use_has_ended(
    midtrans: Midtrans, server: ScriptedServer, error: str, state: GatewayPaymentState
) -> None:
    assert {"error_messages": [error]} in sample("midtrans", "snap_cancel_token_errors")
    server.will_answer(Reply(400, {"error_messages": [error]}), UNKNOWN_ORDER)
    assert midtrans.cancel("order-1-1", "token").state is state


def test_ending_what_was_just_paid_tells_that_it_was_paid(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(CANNOT_MODIFY, status("settlement"))
    assert midtrans.cancel("order-1-1").state is GatewayPaymentState.PAID


def test_ending_a_payment_under_review_cancels_it(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(
        CANNOT_MODIFY,
        status("capture", "201", fraud_status="challenge"),
        Reply(200, sample("midtrans", "cancel_bank_transfer_200")),
    )
    assert midtrans.cancel("order-1-1").state is GatewayPaymentState.EXPIRED
    assert asked(server)[-1] == "POST /v2/order-1-1/cancel"


def test_a_refund_is_asked_for_under_its_key(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, sample("midtrans", "refund_cc_full_200")))
    reported = midtrans.refund(order_id="order-1-1", amount=10_000, refund_key="reference1", reason="sakit")
    assert (reported.state, reported.amount, reported.gateway_reference) == (GatewayRefundState.SUCCEEDED, 10_000, "1")
    assert asked(server) == ["POST /v2/order-1-1/refund"]
    assert server.asked[0].body == {"refund_key": "reference1", "amount": 10_000, "reason": "sakit"}


def test_a_card_is_refunded_once_its_capture_has_settled(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(CANNOT_MODIFY, status("capture", fraud_status="accept"))
    with pytest.raises(NotSettledYet):
        midtrans.refund(order_id="order-1-1", amount=10_000, refund_key="reference1", reason="sakit")


def test_what_can_not_be_refunded_is_refused(midtrans: Midtrans, server: ScriptedServer) -> None:
    server.will_answer(CANNOT_MODIFY, status("settlement"))
    with pytest.raises(GatewayRefused):
        midtrans.refund(order_id="order-1-1", amount=10_000, refund_key="reference1", reason="sakit")


def test_a_used_refund_key_is_looked_up(midtrans: Midtrans, server: ScriptedServer) -> None:
    duplicate = Reply(200, sample("midtrans", "error_406_duplicate_refund_key"))
    refunds = sample("midtrans", "status_refunds_fragment")
    server.will_answer(duplicate, status("partial_refund", **refunds))
    key = refunds["refunds"][0]["refund_key"]
    reported = midtrans.refund(order_id="order-1-1", amount=10_000, refund_key=key, reason="")
    assert (reported.state, reported.amount) == (GatewayRefundState.SUCCEEDED, 10_000)
    server.will_answer(duplicate, status("settlement"))
    with pytest.raises(GatewayUnavailable) as not_listed_yet:
        midtrans.refund(order_id="order-1-1", amount=10_000, refund_key=key, reason="")
    assert not_listed_yet.value.outcome_unknown
