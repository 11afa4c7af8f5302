"""The Xendit client: what it sends, and what it makes of each answer."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.gateways.errors import GatewayError, GatewayMisconfigured, GatewayRefused, GatewayUnavailable
from shared.gateways.http import Timeouts
from shared.gateways.statuses import (
    AccountCheck,
    Customer,
    GatewayPaymentState,
    GatewayTransferState,
    GatewayTransferStatus,
    OpenedPayment,
    PaymentMethod,
)
from shared.gateways.xendit import client
from shared.gateways.xendit.client import Xendit
from shared.gateways.xendit.requests import BANKS, international_phone, payout_request, refund_request
from tests.unit.gateways.samples import read, sample, sample_id, sample_paths
from tests.unit.gateways.scripted_server import HANG, Reply, ScriptedServer

SITI = Customer(name="Siti Rahma", email="siti@example.com", phone="0812-3456-7890")
DOWN = Reply(503)

ERRORS = {
    # file: HTTP status, what it is to us, code
    "invoice_error_404": (404, GatewayRefused, "INVOICE_NOT_FOUND_ERROR"),
    "invoice_error_400_validation": (400, GatewayRefused, "API_VALIDATION_ERROR"),
    "error_401_invalid_api_key": (401, GatewayMisconfigured, "INVALID_API_KEY"),
    "error_400_missing_api_key": (400, GatewayRefused, "API_VALIDATION_ERROR"),
    "disbursement_error_404": (404, GatewayRefused, "DIRECT_DISBURSEMENT_NOT_FOUND_ERROR"),
    "disbursement_error_400_bank_code": (400, GatewayRefused, "BANK_CODE_NOT_SUPPORTED_ERROR"),
    "disbursement_error_400_account_number": (400, GatewayRefused, "RECIPIENT_ACCOUNT_NUMBER_ERROR"),
    "disbursement_error_500": (500, GatewayUnavailable, None),
    "payout_v2_error_409_duplicate": (409, GatewayRefused, "DUPLICATE_ERROR"),
}


@pytest.fixture
def xendit(server: ScriptedServer, impatient: Timeouts) -> Xendit:
    return Xendit(server.url, "xnd_development_test", "token", timeouts=impatient)


def open_invoice(xendit: Xendit, **changes: Any) -> OpenedPayment:
    wanted: dict[str, Any] = {
        "external_id": "order-1",
        "amount": 100_000,
        "description": "2 tiket Jazz Malam",
        "duration_seconds": 1800,
        "method": PaymentMethod.BCA,
        "customer": SITI,
        "success_url": "https://karcis.example/ok",
    }
    return xendit.open_invoice(**wanted | changes)


def invoice(**changes: Any) -> dict[str, Any]:
    return {**sample("xendit", "invoice_create_200_minimal"), "external_id": "order-1", **changes}


def open_ones(*invoices: dict[str, Any]) -> Reply:
    return Reply(200, list(invoices))


def asked(server: ScriptedServer) -> list[str]:
    return [f"{each.method} {each.path}" for each in server.asked]


@pytest.mark.parametrize("path", sample_paths("xendit", "*error*.json"), ids=sample_id)
def test_every_published_error_is_one_of_ours(path: Path, xendit: Xendit, server: ScriptedServer) -> None:
    status, kind, code = ERRORS[path.stem]
    server.will_answer(Reply(status, read(path)))
    with pytest.raises(GatewayError) as error:
        xendit.payment_status("6e86bc62165502ccd3c9dadf")
    assert type(error.value) is kind
    assert getattr(error.value, "code", None) == code


def test_an_invoice_is_asked_for_in_full(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, invoice()))
    assert open_invoice(xendit).gateway_reference == "63cc01390d8fc0b926efa2bb"
    (request,) = server.asked
    assert (request.method, request.path) == ("POST", "/v2/invoices")
    assert request.body == {
        "external_id": "order-1",
        "amount": 100_000,
        "currency": "IDR",
        "description": "2 tiket Jazz Malam",
        "payer_email": "siti@example.com",
        "customer": {"given_names": "Siti Rahma", "email": "siti@example.com", "mobile_number": "+6281234567890"},
        "invoice_duration": 1800,
        "locale": "id",
        "success_redirect_url": "https://karcis.example/ok",
        "payment_methods": ["BCA"],
    }


@pytest.mark.parametrize("method", [each for each in PaymentMethod if each is not PaymentMethod.ANY])
def test_every_method_of_ours_is_a_channel_of_xendit(
    xendit: Xendit, server: ScriptedServer, method: PaymentMethod
) -> None:
    server.will_answer(Reply(200, invoice()))
    open_invoice(xendit, method=method)
    assert server.asked[0].body["payment_methods"] == [method.value]


def test_any_method_leaves_the_choice_to_the_page(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, invoice()))
    open_invoice(xendit, method=PaymentMethod.ANY)
    assert "payment_methods" not in server.asked[0].body


@pytest.mark.parametrize("trouble", [DOWN, HANG], ids=["5xx", "time-out"])
def test_an_invoice_made_by_an_unanswered_call_is_found_not_made_again(
    xendit: Xendit, server: ScriptedServer, trouble: Reply
) -> None:
    server.will_answer(trouble, open_ones(invoice()))
    assert open_invoice(xendit).gateway_reference == "63cc01390d8fc0b926efa2bb"
    assert asked(server) == ["POST /v2/invoices", "GET /v2/invoices?external_id=order-1"]


def test_an_invoice_that_was_not_made_is_asked_for_again(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(DOWN, open_ones(), Reply(200, invoice()))
    open_invoice(xendit)
    assert asked(server) == ["POST /v2/invoices", "GET /v2/invoices?external_id=order-1", "POST /v2/invoices"]


def test_resuming_after_a_crash_finds_the_invoice_first(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(open_ones(invoice()))
    open_invoice(xendit, resume=True)
    assert asked(server) == ["GET /v2/invoices?external_id=order-1"]


def test_resuming_takes_the_invoice_that_was_paid(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(open_ones(invoice(id="open"), invoice(id="paid", status="PAID")))
    assert open_invoice(xendit, resume=True).gateway_reference == "paid"


@pytest.mark.parametrize("useless", [{"status": "EXPIRED"}, {"amount": 99_999}], ids=str)
def test_resuming_does_not_take_an_invoice_that_does_not_fit(
    xendit: Xendit, server: ScriptedServer, useless: dict[str, Any]
) -> None:
    server.will_answer(open_ones(invoice(id="old", **useless)), Reply(200, invoice(id="new")))
    assert open_invoice(xendit, resume=True).gateway_reference == "new"


def test_when_even_the_look_up_fails_the_outcome_stays_unknown(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(DOWN)
    with pytest.raises(GatewayUnavailable) as error:
        open_invoice(xendit)
    assert error.value.outcome_unknown
    assert asked(server).count("POST /v2/invoices") == 1


def test_the_truth_by_our_own_id_is_the_paid_invoice(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(open_ones(invoice(id="a", status="EXPIRED"), invoice(id="b", status="SETTLED"), invoice(id="c")))
    assert xendit.payment_statuses("order-1")[0].gateway_reference == "b"


def test_no_invoice_by_our_own_id_is_told_as_such(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(open_ones())
    assert xendit.payment_statuses("order-1") == []


def test_ending_an_invoice_expires_it(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, invoice(status="EXPIRED")))
    assert xendit.expire_invoice("63cc").state is GatewayPaymentState.EXPIRED
    assert asked(server) == ["POST /invoices/63cc/expire!"]


def test_ending_a_paid_invoice_tells_that_it_was_paid(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(Reply(400, {"error_code": "INVOICE_ALREADY_PAID"}), Reply(200, invoice(status="PAID")))
    assert xendit.expire_invoice("63cc").state is GatewayPaymentState.PAID


def test_a_refund_carries_its_key_and_a_reason_xendit_knows(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(DOWN, Reply(200, sample("xendit", "refund_create_200_pending")))
    xendit.refund(invoice_id="i", amount=100, reference_id="r", idempotency_key="k", reason="sakit")
    first, second = server.asked
    assert first.body == second.body
    assert first.body == {"invoice_id": "i", "reference_id": "r", "amount": 100, "currency": "IDR", "reason": "OTHERS"}
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == "k"


def test_a_refund_that_xendit_knows_already_is_looked_up(xendit: Xendit, server: ScriptedServer) -> None:
    known = sample("xendit", "refund_create_200_pending")
    other = known | {"id": "rfd-other", "reference_id": "other"}
    server.will_answer(
        Reply(409, {"error_code": "DUPLICATE_ERROR"}),
        Reply(200, {"data": [other], "has_more": True}),
        Reply(200, {"data": [known], "has_more": False}),
    )
    reported = xendit.refund(
        invoice_id="i", amount=100, reference_id=known["reference_id"], idempotency_key="k", reason="CANCELLATION"
    )
    assert reported.gateway_reference == known["id"]
    assert asked(server)[-1] == "GET /refunds?invoice_id=i&limit=100&after_id=rfd-other"


def test_of_a_refund_that_xendit_knows_and_does_not_list_yet_nothing_is_known(
    xendit: Xendit, server: ScriptedServer
) -> None:
    server.will_answer(Reply(409, {"error_code": "IDEMPOTENCY_ERROR"}), Reply(200, {"data": [], "has_more": False}))
    with pytest.raises(GatewayUnavailable) as unknown:
        xendit.refund(invoice_id="i", amount=100, reference_id="r", idempotency_key="k", reason="OTHERS")
    assert unknown.value.outcome_unknown


def test_what_went_back_of_an_invoice_is_the_sum_of_its_refunds_that_did_not_fail(
    xendit: Xendit, server: ScriptedServer
) -> None:
    refund = sample("xendit", "refund_create_200_pending") | {"invoice_id": "i", "amount": 700}
    refunds = [refund, refund | {"status": "FAILED"}, refund | {"status": "SUCCEEDED"}, refund | {"invoice_id": "j"}]
    server.will_answer(Reply(200, {"data": refunds, "has_more": False}))
    assert xendit.refunded_amount("i") == 1_400


def refund_pages(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, number: int) -> list[dict[str, Any]]:
    """The list of refunds has so many pages of one refund, newest first, and one page more than an invoice's may."""
    monkeypatch.setattr(client, "_REFUND_PAGES", number - 1)
    refund = sample("xendit", "refund_create_200_pending")
    refunds = [refund | {"id": f"rfd-{each}", "created": f"2026-05-{28 - each}T00:00:00Z"} for each in range(number)]
    server.will_answer(*(Reply(200, {"data": [each], "has_more": each is not refunds[-1]}) for each in refunds))
    return refunds


def test_the_refunds_since_a_moment_are_listed_however_many_they_are(
    xendit: Xendit, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund_pages(monkeypatch, server, 4)
    listed = xendit.refunds_created(datetime(2026, 5, 26, tzinfo=UTC))
    assert [refund.gateway_reference for refund in listed] == ["rfd-0", "rfd-1", "rfd-2"]


def test_what_went_back_of_an_invoice_is_unknown_where_its_list_has_no_end(
    xendit: Xendit, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    [refund, *_] = refund_pages(monkeypatch, server, 4)
    with pytest.raises(GatewayUnavailable):
        xendit.refunded_amount(refund["invoice_id"])


def test_a_list_of_refunds_whose_page_comes_again_is_not_read_for_ever(xendit: Xendit, server: ScriptedServer) -> None:
    refund = sample("xendit", "refund_create_200_pending")
    server.will_answer(Reply(200, {"data": [refund], "has_more": True}))
    with pytest.raises(GatewayUnavailable):
        list(xendit.refunds_created(datetime(2016, 1, 1, tzinfo=UTC)))


def test_a_payout_is_sent_as_the_bank_wants_it(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, sample("xendit", "payout_v2_get_failed_200") | {"status": "ACCEPTED"}))
    reported = xendit.send_payout(
        reference_id="payout-1",
        idempotency_key="key-1",
        bank_code="MANDIRI",
        account_number="0123456789012",
        account_holder_name="SITI",
        amount=1_000_000,
        description="Hasil penjualan Jazz Malam",
    )
    (request,) = server.asked
    assert request.body == {
        "reference_id": "payout-1",
        "channel_code": "ID_MANDIRI",
        "channel_properties": {"account_number": "0123456789012", "account_holder_name": "SITI"},
        "amount": 1_000_000,
        "currency": "IDR",
        "description": "Hasil penjuala",
    }
    assert request.headers["Idempotency-key"] == "key-1"
    assert reported.state is GatewayTransferState.PROCESSING


def test_a_bank_nobody_pays_out_to_is_refused_before_asking(xendit: Xendit, server: ScriptedServer) -> None:
    with pytest.raises(GatewayRefused, match="CHANNEL_CODE_NOT_SUPPORTED"):
        xendit.send_payout(
            reference_id="p",
            idempotency_key="k",
            bank_code="GRINGOTTS",
            account_number="1",
            account_holder_name="S",
            amount=1,
            description="",
        )
    assert not server.asked


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        (sample("xendit", "payout_v2_list_by_reference_200"), True),
        (sample("xendit", "payout_v2_list_by_reference_200")["data"], True),  # as the guide prints it
        (sample("xendit", "payout_v2_list_unknown_reference_200"), False),
    ],
    ids=["object", "array", "unknown"],
)
def test_a_payout_is_found_by_our_reference(xendit: Xendit, server: ScriptedServer, listed: Any, found: bool) -> None:
    server.will_answer(Reply(200, listed))
    assert (xendit.payout_status(reference_id="e1-probe-20260817-123338") is not None) is found


def a_payout(xendit: Xendit) -> GatewayTransferStatus:
    return xendit.send_payout(
        reference_id="ours",
        idempotency_key="ours",
        bank_code="BCA",
        account_number="1234567890",
        account_holder_name="Siti",
        amount=90_000,
        description="Refund",
    )


def test_a_payout_that_xendit_knows_already_has_not_failed(xendit: Xendit, server: ScriptedServer) -> None:
    known = {"data": [sample("xendit", "payout_v2_create_200_accepted") | {"reference_id": "ours", "amount": 90_000}]}
    server.will_answer(Reply(409, sample("xendit", "payout_v2_error_409_duplicate")), Reply(200, known))
    assert a_payout(xendit).state is GatewayTransferState.PROCESSING
    assert asked(server) == ["POST /v2/payouts", "GET /v2/payouts?reference_id=ours"]


def test_a_payout_that_is_not_listed_yet_is_asked_about_again(xendit: Xendit, server: ScriptedServer) -> None:
    unknown = Reply(200, sample("xendit", "payout_v2_list_unknown_reference_200"))
    server.will_answer(Reply(409, sample("xendit", "payout_v2_error_409_duplicate")), unknown)
    with pytest.raises(GatewayUnavailable) as error:
        a_payout(xendit)
    assert error.value.outcome_unknown


def test_a_payout_is_found_by_its_id(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, sample("xendit", "payout_v2_get_failed_200")))
    reported = xendit.payout_status("disb-1475459775872")
    assert reported is not None
    assert reported.may_retry


def test_the_name_check_has_its_own_address_and_key(server: ScriptedServer, impatient: Timeouts) -> None:
    xendit = Xendit(
        "http://127.0.0.1:9",
        "xnd",
        "token",
        iluma_url=server.url,
        iluma_api_key="iluma_development_test",
        timeouts=impatient,
    )
    found = Reply(200, sample("xendit", "name_validation_v1_1_completed_found"))
    server.will_answer(found, found)
    answer = xendit.check_account(bank_code="BCA", account_number="1234567890", reference_id="foo123")
    assert answer.check is AccountCheck.FOUND
    xendit.account_name(answer.request_id)
    assert asked(server) == [
        "POST /v1.1/identity/bank_account_data_requests",
        "GET /v1.1/identity/bank_account_data_requests/bknv_5c6ba591cf3c3867d75053d7",
    ]
    assert server.asked[0].body == sample("xendit", "name_validation_legacy_request") | {"reference_id": "foo123"}


def test_every_field_sent_is_one_that_xendit_documents(xendit: Xendit, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, invoice()))
    open_invoice(xendit)
    beyond_the_sample = {"payer_email", "locale", "payment_methods"}  # documented in the text of the reference
    assert set(server.asked[0].body) - set(sample("xendit", "invoice_create_request_full")) == beyond_the_sample
    payout = payout_request(
        reference_id="p", bank=BANKS["BCA"], account_number="1", account_holder_name="S", amount=1, description=""
    )
    assert set(payout) == set(sample("xendit", "payout_v2_create_request_idr"))
    refund = refund_request(invoice_id="i", amount=1, reference_id="r", reason="OTHERS")
    assert set(refund) == set(sample("xendit", "refund_create_request_invoice"))


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("081234567890", "+6281234567890"),
        ("+62 812-3456-7890", "+6281234567890"),
        ("6281234567890", "+6281234567890"),
        ("12345", None),
        (None, None),
    ],
)
def test_phone_numbers_go_out_in_international_form_or_not_at_all(typed: str | None, number: str | None) -> None:
    assert international_phone(typed) == number


def test_banks_know_their_account_numbers() -> None:
    assert 10 in BANKS["BCA"].account_digits
    assert 11 not in BANKS["BCA"].account_digits
    assert 17 in BANKS["MANDIRI"].account_digits
