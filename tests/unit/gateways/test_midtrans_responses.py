"""Midtrans's payloads, as published or recorded, and what they mean to us."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.gateways.errors import PayloadUnreadable, SignatureInvalid
from shared.gateways.fields import Fields
from shared.gateways.midtrans import responses, webhooks
from shared.gateways.statuses import GatewayPaymentState, GatewayPaymentStatus, GatewayRefundState
from tests.unit.gateways.samples import read, sample, sample_id, sample_paths

# Sandbox keys that Midtrans prints in its own public documents and fixtures. They open nothing of ours.
PREFIX = "SB-Mid-server-"
KEY_A = PREFIX + "TOq1a2AVuiyhhOjvfs3U_KeO"
KEY_B = PREFIX + "GwUP_WGbJPXsDzsNEBRs8IYA"
KEY_C = PREFIX + "test"
PUBLIC_KEYS = (KEY_A, KEY_B, KEY_C)

NOTIFICATIONS = {
    # file: state, the key its signature fits (None: a placeholder of the documentation)
    "notif_cc_capture_accept_signed": (GatewayPaymentState.PAID, KEY_B),
    "notif_qris_settlement_signed": (GatewayPaymentState.PAID, KEY_B),
    "notif_cstore_indomaret_settlement_signed": (GatewayPaymentState.PAID, KEY_A),
    "notif_cc_settlement_signed": (GatewayPaymentState.PAID, KEY_C),
    "notif_bank_transfer_pending_signed": (GatewayPaymentState.PENDING, KEY_C),
    "notif_qris_expire_signed": (GatewayPaymentState.EXPIRED, KEY_C),
    "notif_cc_refund_signed": (GatewayPaymentState.REFUNDED, KEY_C),
    "notif_cc_capture_accept_docs": (GatewayPaymentState.PAID, None),
    "notif_qris_settlement_docs": (GatewayPaymentState.PAID, None),
    "notif_permata_va_settlement": (GatewayPaymentState.PAID, None),
    "notif_bni_va_settlement": (GatewayPaymentState.PAID, None),
    "notif_bri_va_settlement": (GatewayPaymentState.PAID, None),
    "notif_cstore_alfamart_settlement": (GatewayPaymentState.PAID, None),
    "notif_qris_pending": (GatewayPaymentState.PENDING, None),
    "notif_qris_expire": (GatewayPaymentState.EXPIRED, None),
    "notif_cc_deny_bank": (GatewayPaymentState.FAILED, None),
    "notif_cc_capture_c17550": (GatewayPaymentState.PAID, None),
    "notif_cc_settlement_c17550": (GatewayPaymentState.PAID, None),
    "notif_paymentlink_pending_numeric_types": (GatewayPaymentState.PENDING, None),
}

notifications = pytest.mark.parametrize("path", sample_paths("midtrans", "notif_*.json"), ids=sample_id)


def signed(payload: dict[str, Any], key: str = KEY_C) -> bytes:
    order_id, status_code, gross_amount = (str(payload[name]) for name in ("order_id", "status_code", "gross_amount"))
    proof = webhooks.signature(order_id, status_code, gross_amount, key)
    return json.dumps(payload | {"signature_key": proof}).encode()


@notifications
def test_every_published_notification_is_accepted_or_refused_by_its_signature(path: Path) -> None:  # SEC-005
    fitting = NOTIFICATIONS[path.stem][1]
    for key in PUBLIC_KEYS:
        if key == fitting:
            assert webhooks.read_webhook(path.read_bytes(), key).raw_status
        else:
            with pytest.raises(SignatureInvalid):
                webhooks.read_webhook(path.read_bytes(), key)


@notifications
def test_every_published_notification_is_understood_once_signed(path: Path) -> None:
    event = webhooks.read_webhook(signed(read(path)), KEY_C)
    assert isinstance(event.reported, GatewayPaymentStatus)
    assert event.reported.state is NOTIFICATIONS[path.stem][0]
    assert event.reported.amount == int(float(read(path)["gross_amount"]))
    assert event.reported.currency == "IDR"
    assert event.gateway_reference == event.external_id == read(path)["order_id"]
    assert not event.is_test


def test_the_documentation_s_stand_alone_signature() -> None:
    key = "askvnoibnosifnboseofinbofinfgbiufglnbfg"
    assert webhooks.signature("1111", "200", "100000.00", key) == (
        "edc076b21793ebe3e17926350f5b8ae67d902fe657b3d0aa31b932d5c127e2375d308a2bc94f3265ac2d80a1f181a79b"
        "997ac178a236fcff35af263fc4d4c231"
    )


@pytest.mark.parametrize("field", ["order_id", "status_code", "gross_amount", "signature_key"])
def test_a_changed_field_breaks_the_signature(field: str) -> None:
    notification = sample("midtrans", "notif_cc_settlement_signed")
    with pytest.raises(SignatureInvalid):
        webhooks.read_webhook(json.dumps(notification | {field: "1"}).encode(), KEY_C)


def test_an_empty_server_key_refuses_everything() -> None:
    with pytest.raises(SignatureInvalid):
        webhooks.read_webhook(signed(sample("midtrans", "notif_cc_settlement_signed"), ""), "")


def test_a_notification_without_signature_is_refused() -> None:
    notification = sample("midtrans", "notif_cc_settlement_signed")
    del notification["signature_key"]
    with pytest.raises(SignatureInvalid):
        webhooks.read_webhook(json.dumps(notification).encode(), KEY_C)


def test_the_signature_is_over_the_text_as_received() -> None:
    """10000 and "10000.00" are one amount and two signatures."""
    numeric = sample("midtrans", "notif_paymentlink_pending_numeric_types")
    assert numeric["gross_amount"] == 10000
    assert webhooks.read_webhook(signed(numeric), KEY_C)
    as_if_text = signed(numeric | {"gross_amount": "10000.00"})
    replaced = json.dumps(json.loads(as_if_text) | {"gross_amount": 10000}).encode()
    with pytest.raises(SignatureInvalid):
        webhooks.read_webhook(replaced, KEY_C)


@pytest.mark.parametrize("body", [b"", b"[]", b"no json", b"{}"])
def test_what_is_no_notification_is_unreadable(body: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        webhooks.read_webhook(body, KEY_C)


@pytest.mark.parametrize(
    ("status", "fraud", "payment_type", "state"),
    [
        ("pending", None, "bank_transfer", GatewayPaymentState.PENDING),
        ("pending", "accept", "qris", GatewayPaymentState.PENDING),
        ("PENDING", "ACCEPT", "dana", GatewayPaymentState.PENDING),  # DANA has shouted
        ("authorize", "accept", "credit_card", GatewayPaymentState.PENDING),
        ("capture", "accept", "credit_card", GatewayPaymentState.PAID),
        ("capture", "challenge", "credit_card", GatewayPaymentState.CHALLENGED),
        ("capture", "deny", "credit_card", GatewayPaymentState.FAILED),
        ("capture", None, "credit_card", GatewayPaymentState.UNKNOWN),
        ("settlement", None, "cstore", GatewayPaymentState.PAID),
        ("settlement", "accept", "qris", GatewayPaymentState.PAID),
        ("settlement", "challenge", "credit_card", GatewayPaymentState.UNKNOWN),
        ("deny", "accept", "credit_card", GatewayPaymentState.FAILED),
        ("deny", None, "bank_transfer", GatewayPaymentState.REVERSED),
        ("deny", "accept", "echannel", GatewayPaymentState.REVERSED),
        ("deny", None, "cstore", GatewayPaymentState.REVERSED),
        ("cancel", "accept", "qris", GatewayPaymentState.EXPIRED),
        ("cancel", "accept", "credit_card", GatewayPaymentState.REVERSED),  # captured, and voided before it settled
        ("cancel", "challenge", "credit_card", GatewayPaymentState.EXPIRED),
        ("cancel", "deny", "credit_card", GatewayPaymentState.FAILED),  # a refused challenge, as seen live
        ("expire", None, "qris", GatewayPaymentState.EXPIRED),
        ("failure", None, "gopay", GatewayPaymentState.FAILED),
        ("refund", "accept", "qris", GatewayPaymentState.REFUNDED),
        ("partial_refund", "accept", "gopay", GatewayPaymentState.PARTIALLY_REFUNDED),
        ("chargeback", "accept", "credit_card", GatewayPaymentState.CHARGED_BACK),
        ("partial_chargeback", "accept", "credit_card", GatewayPaymentState.CHARGED_BACK),
        ("something_new", "accept", "qris", GatewayPaymentState.UNKNOWN),
    ],
)
def test_the_table_of_states(status: str, fraud: str | None, payment_type: str, state: GatewayPaymentState) -> None:
    transaction = {"transaction_status": status, "fraud_status": fraud, "payment_type": payment_type}
    assert responses.state_of(Fields("midtrans", transaction)) is state


def test_a_deny_after_its_settlement_takes_the_money_back() -> None:
    settled = sample("midtrans", "notif_qris_settlement_signed")
    assert "settlement_time" in settled
    reported = responses.read_transaction(settled | {"transaction_status": "deny"})
    assert reported.state is GatewayPaymentState.REVERSED
    assert not reported.payer_may_retry


def test_a_denied_attempt_leaves_the_payment_open() -> None:
    assert responses.read_transaction(sample("midtrans", "notif_cc_deny_bank")).payer_may_retry


def test_a_paid_notification_tells_how_much_when_and_by_whom() -> None:
    assert responses.read_transaction(sample("midtrans", "notif_bni_va_settlement")) == GatewayPaymentStatus(
        gateway="midtrans",
        external_id="bni-va-01",
        gateway_reference="bni-va-01",
        state=GatewayPaymentState.PAID,
        amount=150_000,
        paid_amount=150_000,
        currency="IDR",
        channel="bni",
        transaction_id="9aed5972-5b6a-401e-894b-a32c91ed1a3a",
        paid_at=datetime(2021, 6, 23, 4, 42, 3, tzinfo=UTC),  # 11:42:03 in GMT+7
        refunded_amount=0,
        raw_status="settlement",
    )


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("notif_permata_va_settlement", "permata"),
        ("notif_cstore_alfamart_settlement", "alfamart"),
        ("notif_qris_settlement_signed", "qris"),
        ("status_permata_pending_201", "permata"),
    ],
)
def test_the_channel_is_named(name: str, channel: str) -> None:
    assert responses.read_transaction(sample("midtrans", name)).channel == channel


def test_unpaid_is_no_paid_amount() -> None:
    reported = responses.read_transaction(sample("midtrans", "status_permata_pending_201"))
    assert (reported.state, reported.amount, reported.paid_amount, reported.paid_at) == (
        GatewayPaymentState.PENDING,
        10_000,
        None,
        None,
    )


def test_the_order_asked_for_wins_over_the_one_in_the_answer() -> None:
    """DANA's answers have shown the transaction id there."""
    answer = sample("midtrans", "status_cc_settlement_200") | {"order_id": "57d5293c-e65f-4a29-95e4-5959c3fa335b"}
    assert responses.read_transaction(answer, "order-1").gateway_reference == "order-1"


def test_partial_refunds_add_up_and_are_found_by_our_key() -> None:
    transaction = {
        **sample("midtrans", "status_cc_settlement_200"),
        **sample("midtrans", "status_refunds_fragment"),
        "transaction_status": "partial_refund",
        "gross_amount": "40000.00",
    }
    reported = responses.read_transaction(transaction)
    assert (reported.state, reported.paid_amount, reported.refunded_amount) == (
        GatewayPaymentState.PARTIALLY_REFUNDED,
        40_000,
        25_000,
    )
    refund = responses.find_refund(transaction, "order-1", "32705cff-8907-4f09-a712-1bcea6dafea2")
    assert refund is not None
    assert (refund.amount, refund.state) == (15_000, GatewayRefundState.SUCCEEDED)
    assert responses.find_refund(transaction, "order-1", "another-key") is None


def test_refund_answers() -> None:
    answer = sample("midtrans", "refund_cc_full_200")
    assert responses.read_refund(answer, "vtcc05", "reference1", 10_000).state is GatewayRefundState.SUCCEEDED
    rejected = answer | {"status_code": "202", "refund_amount": "0.00", "transaction_status": "settlement"}
    assert responses.read_refund(rejected, "vtcc05", "reference1", 10_000).state is GatewayRefundState.FAILED


@pytest.mark.parametrize("name", ["notif_cc_settlement_signed", "notif_cc_refund_signed"])
def test_repeats_of_a_notification_have_one_id(name: str) -> None:
    notification = sample("midtrans", name)
    again = notification | {"transaction_time": "2030-01-01 00:00:00", "a_new_field": 1}
    first = webhooks.read_webhook(signed(notification), KEY_C).event_id
    assert webhooks.read_webhook(signed(again), KEY_C).event_id == first


@pytest.mark.parametrize(
    "change",
    [
        {"transaction_status": "expire"},
        {"fraud_status": "challenge"},
        {"transaction_id": "another"},
        {"refund_amount": "5000.00"},
    ],
    ids=str,
)
def test_another_event_has_another_id(change: dict[str, str]) -> None:
    notification = sample("midtrans", "notif_cc_settlement_signed")
    first = webhooks.read_webhook(signed(notification), KEY_C).event_id
    assert webhooks.read_webhook(signed(notification | change), KEY_C).event_id != first


def test_the_dashboard_s_test_notification_is_recognised() -> None:
    notification = sample("midtrans", "notif_cc_settlement_signed") | {"order_id": "payment_notif_test_G1_abc"}
    assert webhooks.read_webhook(signed(notification), KEY_C).is_test


@pytest.mark.parametrize(
    ("name", "qr_string", "qr_image_url", "redirect_url", "va_number", "biller_code"),
    [
        ("charge_qris_201", True, True, False, None, None),
        ("charge_qris_201_v2_action", False, True, False, None, None),
        ("charge_gopay_201", False, True, True, None, None),
        ("charge_bca_va_201", False, False, False, "812785002530231", None),
        ("charge_permata_va_201", False, False, False, "850003072869607", None),
        ("charge_mandiri_bill_201", False, False, False, "778347787706", "70012"),
    ],
)
def test_charges_tell_how_to_pay(
    name: str,
    qr_string: bool,
    qr_image_url: bool,
    redirect_url: bool,
    va_number: str | None,
    biller_code: str | None,
) -> None:
    opened = responses.read_charge(sample("midtrans", name), "order-1")
    assert opened.gateway_reference == "order-1"
    assert (opened.qr_string is not None) is qr_string
    assert (opened.qr_image_url is not None) is qr_image_url
    assert (opened.redirect_url is not None) is redirect_url
    assert (opened.va_number, opened.biller_code) == (va_number, biller_code)
