"""The simulators against what the gateways published: refusals word for word, answers field for field."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.integration.simulators.conftest import SENDGRID_KEY, SERVER_KEY, XENDIT_KEY
from tests.integration.simulators.world import Payer, Receiver

PAYLOADS = Path(__file__).parents[2] / "payloads"

MAIL = {
    "personalizations": [{"to": [{"email": "siti@example.com"}]}],
    "from": {"email": "tiket@karcis.example"},
    "subject": "Halo",
    "content": [{"type": "text/plain", "value": "Halo"}],
}
INVOICE = {"external_id": "wire", "amount": 100_000}


def published(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_bytes())


def order(order_id: str, **more: Any) -> dict[str, Any]:
    return {"transaction_details": {"order_id": order_id, "gross_amount": 100_000}, **more}


@pytest.fixture
def call(base_url: str) -> Any:
    keys = {"xendit": (XENDIT_KEY, ""), "midtrans": (SERVER_KEY, "")}

    def send(gateway: str, method: str, path: str, body: Any = None, **changes: Any) -> requests.Response:
        options: dict[str, Any] = {"auth": keys.get(gateway)} | changes
        if gateway == "sendgrid":
            options = {"headers": {"Authorization": f"Bearer {SENDGRID_KEY}"}} | options
        url = f"{base_url}/simulators/{gateway}{path}"
        return requests.request(method, url, json=body, timeout=10, **options)

    return send


@pytest.mark.parametrize(
    ("gateway", "method", "path", "body", "status", "sample"),
    [
        ("xendit", "GET", "/v2/invoices/6e86bc62165502ccd3c9dadf", None, 404, "invoice_error_404"),
        ("midtrans", "GET", "/v2/unknown/status", None, 200, "status_not_found_404"),
        ("midtrans", "POST", "/v2/unknown/expire", None, 200, "status_not_found_404"),
        ("sendgrid", "POST", "/v3/mail/send", MAIL | {"custom_args": "x"}, 400, "mail_send_error_400_custom_args_type"),
    ],
)
def test_refusals_are_worded_as_published(
    call: Any, gateway: str, method: str, path: str, body: Any, status: int, sample: str
) -> None:
    response = call(gateway, method, path, body)
    assert response.status_code == status
    assert without_particulars(response.json()) == without_particulars(published(f"{gateway}/{sample}"))


@pytest.mark.parametrize(
    ("gateway", "path", "sample"),
    [
        ("xendit", "/v2/invoices", "error_401_invalid_api_key"),
        ("xendit", "/v2/payouts", "error_401_invalid_api_key"),
        ("xendit", "/refunds", "error_401_invalid_api_key"),
        ("midtrans", "/v2/charge", "error_401_core"),
        ("midtrans", "/v2/x/cancel", "error_401_core"),
        ("sendgrid", "/v3/mail/send", "mail_send_error_401_bad_key"),
    ],
)
@pytest.mark.parametrize("key", [None, ("wrong", "")], ids=["no key", "wrong key"])
def test_a_wrong_key_is_refused_as_published(call: Any, gateway: str, path: str, sample: str, key: Any) -> None:
    response = call(gateway, "POST", path, {}, auth=key, headers={})
    assert response.status_code == 401
    assert response.json() == published(f"{gateway}/{sample}")


def test_snap_refuses_as_published(call: Any) -> None:
    order_id = str(uuid4())
    wrong_sum = order(order_id, item_details=[{"id": "a", "name": "a", "price": 1, "quantity": 1}])
    refused = call("midtrans", "POST", "/snap/v1/transactions", wrong_sum)
    assert (refused.status_code, refused.json()) == (400, published("midtrans/snap_error_400_sum_mismatch"))
    first = published("midtrans/snap_error_401")["error_messages"][0]
    stranger = call("midtrans", "POST", "/snap/v1/transactions", order(order_id), auth=("wrong", ""))
    assert (stranger.status_code, stranger.json()["error_messages"][0]) == (401, first)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        order("with space"),
        order("o" * 51),
        {"transaction_details": {"order_id": "o", "gross_amount": "100000.00"}},
        order("o", item_details=[{"id": "a", "name": "n" * 51, "price": 100_000, "quantity": 1}]),
        order("o", enabled_payments=["barter"]),
        order("o", expiry={"start_time": "tomorrow", "unit": "minute", "duration": 5}),
    ],
    ids=["empty", "space", "long id", "text amount", "long name", "no method", "no time"],
)
def test_snap_refuses_what_is_malformed(call: Any, wrong: dict[str, Any]) -> None:
    assert call("midtrans", "POST", "/snap/v1/transactions", wrong).status_code == 400


def test_a_snap_order_that_was_paid_is_used_up(call: Any, midtrans_payer: Payer) -> None:
    order_id = str(uuid4())
    created = call("midtrans", "POST", "/snap/v1/transactions", order(order_id))
    assert (created.status_code, set(created.json())) == (201, set(published("midtrans/snap_create_201")))
    midtrans_payer.does("pay", order_id)
    again = call("midtrans", "POST", "/snap/v1/transactions", order(order_id))
    assert (again.status_code, again.json()) == (400, published("midtrans/snap_error_400_order_id_utilized"))


def test_a_page_is_closed_as_published(call: Any) -> None:
    token = call("midtrans", "POST", "/snap/v1/transactions", order(str(uuid4()))).json()["token"]
    already, _, not_found = published("midtrans/snap_cancel_token_errors")
    close = f"/snap/v1/transactions/{token}/cancel"
    assert set(call("midtrans", "POST", close).json()) == set(published("midtrans/snap_cancel_token_200"))
    assert call("midtrans", "POST", close).json() == already
    assert call("midtrans", "POST", "/snap/v1/transactions/unknown/cancel").json() == not_found


@pytest.mark.parametrize(
    ("request_fields", "sample"),
    [
        ({"payment_type": "qris", "qris": {"acquirer": "gopay"}}, "charge_qris_201"),
        ({"payment_type": "gopay"}, "charge_gopay_201"),
        ({"payment_type": "bank_transfer", "bank_transfer": {"bank": "bca"}}, "charge_bca_va_201"),
        ({"payment_type": "bank_transfer", "bank_transfer": {"bank": "permata"}}, "charge_permata_va_201"),
        ({"payment_type": "echannel", "echannel": {"bill_info1": "x", "bill_info2": "y"}}, "charge_mandiri_bill_201"),
    ],
)
def test_charges_have_every_published_field(call: Any, request_fields: dict[str, Any], sample: str) -> None:
    response = call("midtrans", "POST", "/v2/charge", order(str(uuid4()), **request_fields))
    assert response.status_code == 200
    assert_same_shape(response.json(), published(f"midtrans/{sample}"))
    if "va" in sample or "bill" in sample:
        assert response.json()["status_message"] == published(f"midtrans/{sample}")["status_message"]


@pytest.mark.parametrize(
    ("request_fields", "code"),
    [
        ({"payment_type": "barter"}, "402"),
        ({"payment_type": "qris", "item_details": [{"id": "a", "name": "a", "price": 1, "quantity": 1}]}, "400"),
        ({"payment_type": "qris", "custom_expiry": {"expiry_duration": 5, "unit": "fortnight"}}, "413"),
        ({"payment_type": "bank_transfer", "bank_transfer": {"bank": "piggy"}}, "402"),
        ({"payment_type": "echannel", "echannel": {"bill_info1": "x"}}, "400"),
        (
            {
                "payment_type": "bank_transfer",
                "bank_transfer": {"bank": "bca"},
                "custom_expiry": {"expiry_duration": 19, "unit": "second"},
            },
            "400",
        ),
    ],
)
def test_core_refuses_in_the_body(call: Any, request_fields: dict[str, Any], code: str) -> None:
    response = call("midtrans", "POST", "/v2/charge", order(str(uuid4()), **request_fields))
    assert (response.status_code, response.json()["status_code"]) == (200, code)


def test_core_s_actions_answer_as_published(call: Any, midtrans_payer: Payer) -> None:
    expired, cancelled, paid = (str(uuid4()) for _ in range(3))
    for order_id in (expired, cancelled, paid):
        call("midtrans", "POST", "/v2/charge", order(order_id, payment_type="gopay"))
    duplicate = call("midtrans", "POST", "/v2/charge", order(paid, payment_type="qris")).json()
    assert duplicate["status_code"] == "406"
    assert "conflict with the current state of the target resource" in duplicate["status_message"]
    assert_same_shape(call("midtrans", "POST", f"/v2/{expired}/expire").json(), answer("expire_bank_transfer_407"))
    assert_same_shape(call("midtrans", "POST", f"/v2/{cancelled}/cancel").json(), answer("cancel_bank_transfer_200"))
    midtrans_payer.does("pay", paid)
    refused = call("midtrans", "POST", f"/v2/{paid}/cancel").json()
    assert refused == published("midtrans/error_412_cannot_modify")
    refund = {"refund_key": "reference1", "amount": 40_000, "reason": "x"}
    made = call("midtrans", "POST", f"/v2/{paid}/refund", refund).json()
    assert_same_shape(made, answer("refund_cc_full_200") | {"transaction_status": "partial_refund"})
    again = call("midtrans", "POST", f"/v2/{paid}/refund", refund).json()
    assert again == published("midtrans/error_406_duplicate_refund_key")
    too_much = call("midtrans", "POST", f"/v2/{paid}/refund", refund | {"refund_key": "r2", "amount": 10**9}).json()
    assert too_much == published("midtrans/error_414_refund_amount")
    malformed = call("midtrans", "POST", f"/v2/{paid}/refund", refund | {"refund_key": "r 3"}).json()
    assert malformed["status_code"] == "400"


@pytest.mark.parametrize(
    ("bank", "same_key_is_known"), [("bca", True), ("permata", False)], ids=["bca", "permata keeps no keys"]
)
def test_the_key_of_an_account_repeats_its_answer(call: Any, bank: str, same_key_is_known: bool) -> None:
    wanted = order(str(uuid4()), payment_type="bank_transfer", bank_transfer={"bank": bank})
    first, again = (
        call("midtrans", "POST", "/v2/charge", wanted, headers={"Idempotency-Key": "one"}).json() for _ in range(2)
    )
    assert (again == first) is same_key_is_known
    assert again["status_code"] == ("201" if same_key_is_known else "406")


def test_an_account_s_end_and_status_are_as_published(call: Any) -> None:
    expired, cancelled, pending = (str(uuid4()) for _ in range(3))
    for order_id in (expired, cancelled, pending):
        wanted = order(order_id, payment_type="bank_transfer", bank_transfer={"bank": "permata"})
        call("midtrans", "POST", "/v2/charge", wanted)
    of_bank = {"payment_type": "bank_transfer"}
    assert_same_shape(
        call("midtrans", "POST", f"/v2/{expired}/expire").json(), answer("expire_bank_transfer_407") | of_bank
    )
    assert_same_shape(
        call("midtrans", "POST", f"/v2/{cancelled}/cancel").json(), answer("cancel_bank_transfer_200") | of_bank
    )
    unsigned = published("midtrans/status_permata_pending_201")
    del unsigned["signature_key"]
    assert_same_shape(call("midtrans", "GET", f"/v2/{pending}/status").json(), unsigned)


def test_status_and_refunds_have_every_published_field(call: Any, midtrans_payer: Payer) -> None:
    order_id = str(uuid4())
    call("midtrans", "POST", "/v2/charge", order(order_id, payment_type="qris"))
    midtrans_payer.does("pay", order_id)
    midtrans_payer.does("refund", order_id, amount=10_000, reason="x")
    status = call("midtrans", "GET", f"/v2/{order_id}/status").json()
    by_transaction = call("midtrans", "GET", f"/v2/{status['transaction_id']}/status").json()
    assert status == by_transaction
    fragment = published("midtrans/status_refunds_fragment")
    assert set(fragment["refunds"][0]) == set(status["refunds"][0])
    assert status["refund_amount"] == "10000.00"


@pytest.mark.parametrize(
    ("channel", "sample"),
    [
        ("QRIS", "notif_qris_settlement_signed"),
        ("BNI", "notif_bni_va_settlement"),
        ("PERMATA", "notif_permata_va_settlement"),
        ("ALFAMART", "notif_cstore_alfamart_settlement"),
    ],
)
def test_notifications_have_every_published_field(
    call: Any, midtrans_payer: Payer, receiver: Receiver, channel: str, sample: str
) -> None:
    order_id = str(uuid4())
    call("midtrans", "POST", "/snap/v1/transactions", order(order_id))
    midtrans_payer.does("pay", order_id, channel=channel)
    (webhook,) = receiver.wait_for(1, order_id)
    assert webhook.headers["User-Agent"] == "Veritrans"
    assert_same_shape(json.loads(webhook.body), published(f"midtrans/{sample}"))


def test_invoices_have_every_published_field(call: Any, xendit_payer: Payer) -> None:
    invoice = call("xendit", "POST", "/v2/invoices", INVOICE).json()
    minimal = published("xendit/invoice_create_200_minimal")
    del minimal["merchant_profile_picture_url"]
    assert set(minimal) <= set(invoice)
    assert isinstance(invoice["amount"], int)
    assert datetime.fromisoformat(invoice["expiry_date"]) - datetime.now(UTC) > timedelta(hours=23)
    xendit_payer.does("pay", invoice["id"], channel="BCA")
    settled = published("xendit/invoice_get_200_settled")
    paid = call("xendit", "GET", f"/v2/invoices/{invoice['id']}").json()
    assert {name for name in settled if name.startswith(("paid_", "payment_", "bank_"))} <= set(paid)


@pytest.mark.parametrize(
    ("channel", "sample"),
    [
        ("BCA", "webhook_invoice_paid_bank_transfer"),
        ("ALFAMART", "webhook_invoice_paid_retail_outlet"),
        ("QRIS", "webhook_invoice_paid_qris"),
    ],
)
def test_invoice_webhooks_have_every_published_field(
    call: Any, xendit_payer: Payer, receiver: Receiver, channel: str, sample: str
) -> None:
    echoed = {"description": "Tiket", "payer_email": "siti@example.com"}
    invoice = call("xendit", "POST", "/v2/invoices", INVOICE | {"external_id": str(uuid4())} | echoed).json()
    xendit_payer.does("pay", invoice["id"], channel=channel)
    (webhook,) = receiver.wait_for(1, invoice["id"])
    optional = {"fees", "payment_method_id"}
    assert set(published(f"xendit/{sample}")) - optional <= set(json.loads(webhook.body))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"amount": 1}, "API_VALIDATION_ERROR"),
        (INVOICE | {"amount": "many"}, "API_VALIDATION_ERROR"),
        (INVOICE | {"currency": "XAU"}, "UNSUPPORTED_CURRENCY"),
        (INVOICE | {"amount": 10**10}, "MAXIMUM_TRANSFER_AMOUNT_ERROR"),
        (INVOICE | {"payment_methods": ["BARTER"]}, "UNAVAILABLE_PAYMENT_METHOD_ERROR"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_xendit_refuses_with_its_own_codes(call: Any, body: dict[str, Any], code: str) -> None:
    response = call("xendit", "POST", "/v2/invoices", body)
    assert (response.status_code, response.json()["error_code"]) == (400, code)


PAYOUT = published("xendit/payout_v2_create_request_idr") | {"amount": 10_000}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (PAYOUT | {"reference_id": None}, "API_VALIDATION_ERROR"),
        (PAYOUT | {"channel_code": "ID_PIGGY"}, "CHANNEL_CODE_NOT_SUPPORTED"),
        (PAYOUT | {"channel_properties": {"account_number": "x"}}, "RECIPIENT_ACCOUNT_NUMBER_ERROR"),
        (PAYOUT | {"amount": "many"}, "API_VALIDATION_ERROR"),
        (PAYOUT | {"amount": 1}, "MINIMUM_TRANSFER_LIMIT_ERROR"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_payouts_are_refused_with_their_own_codes(call: Any, body: dict[str, Any], code: str) -> None:
    response = call("xendit", "POST", "/v2/payouts", body, headers={"Idempotency-key": str(uuid4())})
    assert (response.status_code, response.json()["error_code"]) == (400, code)


def test_a_payout_needs_a_key_and_answers_as_published(call: Any) -> None:
    assert call("xendit", "POST", "/v2/payouts", PAYOUT).status_code == 400
    key = {"Idempotency-key": str(uuid4())}
    made = call("xendit", "POST", "/v2/payouts", PAYOUT, headers=key).json()
    assert_same_shape(made, published("xendit/payout_v2_create_200_accepted"))
    other = call("xendit", "POST", "/v2/payouts", PAYOUT | {"amount": 20_000}, headers=key)
    assert (other.status_code, other.json()) == (409, published("xendit/payout_v2_error_409_duplicate"))
    listed = call("xendit", "GET", "/v2/payouts?reference_id=nobody").json()
    assert listed == published("xendit/payout_v2_list_unknown_reference_200")


@pytest.mark.parametrize(
    ("magic_reply", "status"),
    [("COMPLETED_FOUND", "COMPLETED"), ("COMPLETED_NOT_FOUND", "COMPLETED"), ("WAITING_ON_BANK", "WAITING_ON_BANK")],
)
def test_the_name_check_answers_as_published(call: Any, magic_reply: str, status: str) -> None:
    path, body = "/v1.1/identity/bank_account_data_requests", published("xendit/name_validation_legacy_request")
    answer = call("xendit", "POST", path, body | {"reference_id": "r"}, headers={"x-magic-reply": magic_reply}).json()
    assert answer["status"] == status
    if magic_reply == "COMPLETED_FOUND":
        assert_same_shape(answer, published("xendit/name_validation_v1_1_completed_found"))
    assert call("xendit", "POST", path, {"bank_account_number": "x"}).status_code == 400
    assert call("xendit", "GET", f"{path}/unknown").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"from": None}, "from"),
        ({"personalizations": []}, "personalizations"),
        ({"subject": ""}, "subject"),
        ({"content": []}, "content"),
        ({"attachments": [{"filename": "a", "content": "no base64"}]}, "attachments.0.content"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_sendgrid_names_the_field_it_refuses(call: Any, change: dict[str, Any], field: str) -> None:
    response = call("sendgrid", "POST", "/v3/mail/send", MAIL | change)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)


def answer(name: str) -> dict[str, Any]:
    """A published answer as it would read for a wallet payment of 100,000."""
    changes = {"payment_type": "gopay", "gross_amount": "100000.00", "merchant_id": "G000000000"}
    published_answer: dict[str, Any] = published(f"midtrans/{name}")
    return {name: changes.get(name, value) for name, value in published_answer.items()}


def assert_same_shape(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """Every expected field is there with the same type; status words are the same."""
    for name, value in expected.items():
        assert name in given, name
        assert type(given[name]) is type(value), name
        if name in ("status_code", "transaction_status", "status", "fraud_status", "payment_type"):
            assert given[name] == value, name


def without_particulars(body: dict[str, Any]) -> dict[str, Any]:
    """An error without its random id, and without the links SendGrid adds."""
    errors = [{**error, "help": None} for error in body.get("errors", [])]
    return {name: value for name, value in body.items() if name not in ("id", "errors")} | {"errors": errors}
