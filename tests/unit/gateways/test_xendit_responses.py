"""Xendit's payloads, as published or recorded, and what they mean to us."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.gateways.errors import SignatureInvalid
from shared.gateways.statuses import (
    AccountCheck,
    GatewayPaymentState,
    GatewayPaymentStatus,
    GatewayRefundState,
    GatewayRefundStatus,
    GatewayTransferState,
    GatewayTransferStatus,
    WebhookEventKind,
)
from shared.gateways.xendit import responses, webhooks
from tests.unit.gateways.samples import read, sample, sample_id, sample_paths

TOKEN = "test-only-callback-token"

WEBHOOKS = {
    # file: kind, state, amount, is a dashboard test
    "webhook_invoice_paid_bank_transfer": (WebhookEventKind.PAYMENT, GatewayPaymentState.PAID, 2_000_000, True),
    "webhook_invoice_paid_retail_outlet": (WebhookEventKind.PAYMENT, GatewayPaymentState.PAID, 2_000_000, True),
    "webhook_invoice_paid_qris": (WebhookEventKind.PAYMENT, GatewayPaymentState.PAID, 1_000, False),
    "webhook_disbursement_completed": (WebhookEventKind.DISBURSEMENT, GatewayTransferState.SUCCEEDED, 150_000, False),
    "webhook_payout_v2_succeeded": (WebhookEventKind.PAYOUT, GatewayTransferState.SUCCEEDED, 100, False),
    "webhook_refund_succeeded": (WebhookEventKind.REFUND, GatewayRefundState.SUCCEEDED, 10_000, False),
}

each_sample = pytest.mark.parametrize("path", sample_paths("xendit", "webhook_*.json"), ids=sample_id)


def signed(payload: Any, token: str = TOKEN, **headers: str) -> tuple[dict[str, str], bytes]:
    return {"x-callback-token": token, **headers}, json.dumps(payload).encode()


@each_sample
def test_every_published_webhook_is_understood(path: Path) -> None:
    kind, state, amount, is_test = WEBHOOKS[path.stem]
    headers = {"X-CALLBACK-TOKEN": TOKEN}
    event = webhooks.read_webhook(headers, path.read_bytes(), TOKEN)
    assert event.kind == kind
    assert event.reported is not None
    assert event.reported.state == state
    assert event.reported.amount == amount
    assert event.is_test is is_test
    assert event.payload == read(path)


@each_sample
@pytest.mark.parametrize("headers", [{}, {"x-callback-token": ""}, {"x-callback-token": "wrong"}], ids=str)
def test_a_webhook_without_our_token_is_refused(path: Path, headers: dict[str, str]) -> None:  # SEC-005
    with pytest.raises(SignatureInvalid):
        webhooks.read_webhook(headers, path.read_bytes(), TOKEN)


@pytest.mark.parametrize("presented", ["", "anything"])
def test_an_empty_configured_token_refuses_everything(presented: str) -> None:
    headers, body = signed(sample("xendit", "webhook_invoice_paid_qris"), presented)
    with pytest.raises(SignatureInvalid):
        webhooks.read_webhook(headers, body, "")


def test_the_token_is_checked_before_the_body_is_read() -> None:
    with pytest.raises(SignatureInvalid):
        webhooks.read_webhook({}, b"no json", TOKEN)


@pytest.mark.parametrize("body", [b"no json", b"[]", b"\xff\x00"])
def test_a_signed_webhook_of_which_nothing_can_be_read_is_kept_as_its_text(body: bytes) -> None:
    event = webhooks.read_webhook({"x-callback-token": TOKEN}, body, TOKEN)
    assert (event.kind, event.reported) == (WebhookEventKind.UNKNOWN, None)
    assert list(event.payload) == ["unreadable"]


def test_a_signed_webhook_with_a_broken_field_still_says_what_to_ask_about() -> None:
    body = b'{"id": "i", "external_id": "x", "status": "PAID", "amount": 1e999}'
    event = webhooks.read_webhook({"x-callback-token": TOKEN}, body, TOKEN)
    assert (event.kind, event.external_id, event.gateway_reference) == (WebhookEventKind.PAYMENT, "x", "i")
    assert event.reported is None


def test_repeats_of_a_webhook_have_one_id() -> None:
    payload = sample("xendit", "webhook_invoice_paid_qris")
    first = webhooks.read_webhook(*signed(payload), TOKEN)
    assert (
        first.event_id == webhooks.read_webhook(*signed(payload | {"updated": "2026-01-01T00:00:00Z"}), TOKEN).event_id
    )
    assert first.event_id != webhooks.read_webhook(*signed(payload | {"status": "EXPIRED"}), TOKEN).event_id
    assert webhooks.read_webhook(*signed(payload, **{"webhook-id": "wh-1"}), TOKEN).event_id == "wh-1"


def test_an_invoice_that_was_paid_after_its_time_is_paid_whatever_it_calls_itself() -> None:
    paid = sample("xendit", "webhook_invoice_paid_qris") | {"status": "EXPIRED"}
    reported = responses.read_invoice(paid)
    assert (reported.state, reported.paid_amount) == (GatewayPaymentState.PAID, paid["paid_amount"])


def test_an_expired_invoice_comes_without_any_paid_field() -> None:
    paid = sample("xendit", "webhook_invoice_paid_qris")
    expired = {name: value for name, value in paid.items() if not name.startswith(("paid_", "payment_"))}
    reported = webhooks.read_webhook(*signed(expired | {"status": "EXPIRED"}), TOKEN).reported
    assert isinstance(reported, GatewayPaymentStatus)
    assert (reported.state, reported.paid_amount, reported.paid_at) == (GatewayPaymentState.EXPIRED, None, None)


def test_the_doubly_wrapped_refund_of_the_documentation_is_understood() -> None:
    payload = sample("xendit", "webhook_refund_succeeded")
    event = webhooks.read_webhook(
        *signed(payload | {"data": {"event": "refund.succeeded", "data": payload["data"]}}), TOKEN
    )
    assert isinstance(event.reported, GatewayRefundStatus)
    assert event.reported.gateway_reference == "rfd-6f4a377d-a201-437f-9119-f8b00cbbe857"


@pytest.mark.parametrize("payload", [{"event": "v3_payout.succeeded", "data": {"id": "po-1"}}, {"hello": "world"}])
def test_an_unknown_kind_of_webhook_is_told_as_such(payload: dict[str, Any]) -> None:
    event = webhooks.read_webhook(*signed(payload), TOKEN)
    assert (event.kind, event.reported) == (WebhookEventKind.UNKNOWN, None)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("PENDING", GatewayPaymentState.PENDING),
        ("PAID", GatewayPaymentState.PAID),
        ("SETTLED", GatewayPaymentState.PAID),
        ("EXPIRED", GatewayPaymentState.EXPIRED),
        ("SOMETHING_NEW", GatewayPaymentState.UNKNOWN),
    ],
)
def test_invoice_statuses(status: str, state: GatewayPaymentState) -> None:
    invoice = sample("xendit", "invoice_create_200_minimal")
    assert responses.read_invoice(invoice | {"status": status}).state is state


def test_a_settled_invoice_tells_who_paid_what_when() -> None:
    reported = responses.read_invoice(sample("xendit", "invoice_get_200_settled"))
    assert reported == GatewayPaymentStatus(
        gateway="xendit",
        external_id="5e4d5893-ba9d-4bde-a2a3-1f54e271c335",
        gateway_reference="63c9dadfbc62165502c6e8cd",
        state=GatewayPaymentState.PAID,
        amount=91_000,
        paid_amount=91_000,
        currency="IDR",
        channel="BCA",
        transaction_id=None,
        paid_at=datetime(2023, 1, 20, 0, 6, 0, 535000, UTC),
        refunded_amount=0,
        raw_status="SETTLED",
    )


@pytest.mark.parametrize("name", ["invoice_create_200_full", "invoice_create_200_minimal"])
def test_a_new_invoice_tells_where_to_pay(name: str) -> None:
    opened = responses.read_opened_invoice(sample("xendit", name))
    assert opened.redirect_url == f"https://checkout-staging.xendit.co/web/{opened.gateway_reference}"
    assert opened.expires_at is not None
    assert opened.va_number is None  # several banks: the payer chooses on the page


def test_an_invoice_for_one_bank_tells_its_account_number() -> None:
    invoice = sample("xendit", "invoice_get_200_settled")
    bca = [bank for bank in invoice["available_banks"] if bank["bank_code"] == "BCA"]
    assert responses.read_opened_invoice(invoice | {"available_banks": bca}).va_number == "1076681665325"


def test_refunds_are_read_from_answers_and_lists() -> None:
    created = responses.read_refund(sample("xendit", "refund_create_200_pending"))
    assert created.reference == "403fe54b-2f8d-47bd-9454-41e3e19f5bf0"
    assert created.payment_reference == "624cfc01e44daa21f0430c71"
    assert (created.state, created.amount) == (GatewayRefundState.PENDING, 100)
    (listed,) = map(responses.read_refund, sample("xendit", "refund_list_200")["data"])
    assert listed.state is GatewayRefundState.SUCCEEDED


@pytest.mark.parametrize(
    ("name", "state", "failure_code", "may_retry"),
    [
        ("payout_v2_create_200_accepted", GatewayTransferState.PROCESSING, None, False),
        ("payout_v2_get_failed_200", GatewayTransferState.FAILED, "TEMPORARY_TRANSFER_ERROR", True),
    ],
)
def test_payouts(name: str, state: GatewayTransferState, failure_code: str | None, may_retry: bool) -> None:
    payout = responses.read_payout(sample("xendit", name))
    assert (payout.state, payout.failure_code, payout.may_retry) == (state, failure_code, may_retry)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("ACCEPTED", GatewayTransferState.PROCESSING),
        ("REQUESTED", GatewayTransferState.PROCESSING),
        ("PENDING_COMPLIANCE_ASSESSMENT", GatewayTransferState.PROCESSING),
        ("SUCCEEDED", GatewayTransferState.SUCCEEDED),
        ("FAILED", GatewayTransferState.FAILED),
        ("COMPLIANCE_REJECTED", GatewayTransferState.FAILED),
        ("CANCELLED", GatewayTransferState.CANCELLED),
        ("REVERSED", GatewayTransferState.REVERSED),
        ("SOMETHING_NEW", GatewayTransferState.UNKNOWN),
    ],
)
def test_payout_statuses(status: str, state: GatewayTransferState) -> None:
    payout = sample("xendit", "payout_v2_get_failed_200")
    assert responses.read_payout(payout | {"status": status}).state is state


def test_disbursements_of_the_first_version_are_read() -> None:
    pending = responses.read_disbursement(sample("xendit", "disbursement_create_200_pending"))
    assert (pending.state, pending.amount) == (GatewayTransferState.PROCESSING, 15_000)
    (done,) = map(responses.read_disbursement, sample("xendit", "disbursement_get_by_external_id_200"))
    assert isinstance(done, GatewayTransferStatus)
    assert done.state is GatewayTransferState.SUCCEEDED


@pytest.mark.parametrize("name", ["name_validation_v1_success", "name_validation_v1_1_completed_found"])
def test_the_owner_of_an_account(name: str) -> None:
    answer = responses.read_account_name(sample("xendit", name))
    assert (answer.check, answer.holder_name) == (AccountCheck.FOUND, "FIRA DIYANKA")
    assert not answer.is_virtual_account


def test_a_completed_search_that_found_nobody_is_no_account() -> None:
    answer = sample("xendit", "name_validation_v1_1_completed_found")
    nobody = responses.read_account_name(answer | {"result": {"is_found": False}})
    assert (nobody.check, nobody.holder_name) == (AccountCheck.NOT_FOUND, None)


@pytest.mark.parametrize(
    ("status", "check"),
    [
        ("PENDING", AccountCheck.PENDING),
        ("WAITING_ON_BANK", AccountCheck.PENDING),
        ("FAILED", AccountCheck.NOT_FOUND),
        ("SOMETHING_NEW", AccountCheck.UNKNOWN),
    ],
)
def test_account_checks(status: str, check: AccountCheck) -> None:
    assert responses.read_account_name({"id": "bknv_1", "status": status}).check is check
