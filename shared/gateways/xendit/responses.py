"""Responses and webhooks of Xendit, read into our own types: invoices, refunds, payouts, account names; no network.

Wire format as of November 2026: Invoices v2, Payouts v2, Refunds, Disbursements v1, Iluma v1.1.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from shared.gateways.errors import PayloadUnreadable, SignatureInvalid
from shared.gateways.fields import Fields, header, parse_object, short_id, unreadable_event
from shared.gateways.statuses import (
    AccountCheck,
    AccountName,
    GatewayPaymentState,
    GatewayPaymentStatus,
    GatewayPayoutStatus,
    GatewayRefundState,
    GatewayRefundStatus,
    Movement,
    OpenedPayment,
    PayoutState,
    WebhookEvent,
    WebhookEventKind,
)

GATEWAY = "xendit"

DASHBOARD_TEST_ID = "593f4ed1c3d3bb7f39733d83"
"""The invoice id in the sample that the dashboard's "Test and save" button sends."""

INVOICE_STATES = {
    "PENDING": GatewayPaymentState.PENDING,
    "PAID": GatewayPaymentState.PAID,
    "SETTLED": GatewayPaymentState.PAID,  # the money reached the balance days after it was paid
    "EXPIRED": GatewayPaymentState.EXPIRED,
}

REFUND_STATES = {
    "PENDING": GatewayRefundState.PENDING,
    "SUCCEEDED": GatewayRefundState.SUCCEEDED,
    "FAILED": GatewayRefundState.FAILED,
    "CANCELLED": GatewayRefundState.FAILED,
}

PAYOUT_STATES = {
    "ACCEPTED": PayoutState.PROCESSING,
    "REQUESTED": PayoutState.PROCESSING,
    "PENDING_COMPLIANCE_ASSESSMENT": PayoutState.PROCESSING,
    "LOCKED": PayoutState.PROCESSING,
    "SUCCEEDED": PayoutState.SUCCEEDED,
    "FAILED": PayoutState.FAILED,
    "COMPLIANCE_REJECTED": PayoutState.FAILED,
    "EXPIRED": PayoutState.FAILED,
    "CANCELLED": PayoutState.CANCELLED,
    "REVERSED": PayoutState.REVERSED,
}

DISBURSEMENT_STATES = {
    "PENDING": PayoutState.PROCESSING,
    "COMPLETED": PayoutState.SUCCEEDED,
    "FAILED": PayoutState.FAILED,
}

CURABLE_PAYOUT_FAILURES = frozenset(
    {
        "INSUFFICIENT_BALANCE",
        "REJECTED_BY_CHANNEL",
        "REJECTED_BY_BANK",
        "TEMPORARY_TRANSFER_ERROR",
        "SWITCHING_NETWORK_ERROR",
        "TEMPORARY_BANK_NETWORK_ERROR",
        "UNKNOWN_BANK_NETWORK_ERROR",
    }
)
"""Failures after which a new payout with a new key can succeed; the others name a wrong destination."""

ACCOUNT_CHECKS = {
    "PENDING": AccountCheck.PENDING,
    "WAITING_ON_BANK": AccountCheck.PENDING,
    "SUCCESS": AccountCheck.FOUND,  # v1
    "FAILED": AccountCheck.NOT_FOUND,  # v1
}


def read_invoice(body: object) -> GatewayPaymentStatus:
    """The status in an invoice, as GET answers it and as a webhook carries it.

    Refunds never show here (an invoice has no such status), so `refunded_amount` is 0.
    """
    invoice = Fields(GATEWAY, body)
    status = invoice.text("status").upper()
    state = INVOICE_STATES.get(status, GatewayPaymentState.UNKNOWN)
    return GatewayPaymentStatus(
        gateway=GATEWAY,
        external_id=invoice.text("external_id"),
        gateway_reference=invoice.text("id"),
        state=state,
        amount=invoice.rupiah("amount"),
        paid_amount=invoice.optional_rupiah("paid_amount"),
        currency=invoice.optional_text("currency") or "IDR",
        channel=_first(invoice, "payment_channel", "ewallet_type", "bank_code", "payment_method"),
        transaction_id=_first(invoice, "payment_id", "credit_card_charge_id"),
        paid_at=invoice.iso_time("paid_at"),
        refunded_amount=0,
        raw_status=status,
    )


def read_opened_invoice(body: object) -> OpenedPayment:
    """The way to pay an invoice: its page, and its virtual account number where it has a single one."""
    invoice = Fields(GATEWAY, body)
    banks = invoice.objects("available_banks")
    return OpenedPayment(
        gateway_reference=invoice.text("id"),
        redirect_url=invoice.text("invoice_url"),
        va_number=banks[0].optional_text("bank_account_number") if len(banks) == 1 else None,
        expires_at=invoice.iso_time("expiry_date"),
    )


def list_of(read: Callable[[object], object]) -> Callable[[object], list[Any]]:
    """Reads a list, each of whose entries `read` can read, and gives the entries as they are."""

    def reads(body: object) -> list[Any]:
        if not isinstance(body, list):
            raise PayloadUnreadable(GATEWAY, "no list")
        for entry in body:
            read(entry)
        return body

    return reads


def read_payouts(body: object) -> list[Fields]:
    """The payouts in a list: live an object with data, though the guide prints a bare array."""
    payouts = Fields(GATEWAY, {"data": body} if isinstance(body, list) else body).objects("data")
    for payout in payouts:
        read_payout(payout.body)
    return payouts


def read_refund(body: object) -> GatewayRefundStatus:
    """The status in a refund, as the API answers it and as `data` of a webhook carries it."""
    refund = Fields(GATEWAY, body)
    status = refund.text("status").upper()
    return GatewayRefundStatus(
        gateway=GATEWAY,
        reference=refund.optional_text("reference_id") or "",
        gateway_reference=refund.text("id"),
        payment_reference=_first(refund, "invoice_id", "payment_id") or "",
        amount=refund.rupiah("amount"),
        state=REFUND_STATES.get(status, GatewayRefundState.UNKNOWN),
        failure_code=refund.optional_text("failure_code"),
        raw_status=status,
        created=refund.iso_time("created"),
    )


def read_payout(body: object) -> GatewayPayoutStatus:
    """The status in a payout (v2), as the API answers it and as `data` of a webhook carries it."""
    payout = Fields(GATEWAY, body)
    return _payout_status(payout, payout.text("reference_id"), PAYOUT_STATES)


def read_disbursement(body: object) -> GatewayPayoutStatus:
    """The status in a disbursement (v1, legacy)."""
    disbursement = Fields(GATEWAY, body)
    return _payout_status(disbursement, disbursement.text("external_id"), DISBURSEMENT_STATES)


def read_account_name(body: object) -> AccountName:
    """The owner of an account, from Iluma's v1.1 answer or its older v1 one.

    COMPLETED with `is_found: false` means that there is no such account.
    """
    response = Fields(GATEWAY, body)
    status = response.text("status").upper()
    result = Fields(GATEWAY, response.body.get("result") or {})
    check = ACCOUNT_CHECKS.get(status, AccountCheck.UNKNOWN)
    if status == "COMPLETED":
        check = AccountCheck.FOUND if result.body.get("is_found") is True else AccountCheck.NOT_FOUND
    name = result.optional_text("account_holder_name") or response.optional_text("bank_account_holder_name")
    return AccountName(
        request_id=response.text("id"),
        check=check,
        holder_name=name if check is AccountCheck.FOUND else None,
        is_virtual_account=result.body.get("is_virtual_account") is True
        or response.body.get("is_normal_account") is False,
    )


def read_webhook(headers: Mapping[str, str], body: bytes, callback_token: str) -> WebhookEvent:
    """Check where a webhook comes from and say what it is about.

    The proof is a fixed token in `x-callback-token`. An empty configured token refuses everything,
    since anybody could send it. A webhook with the token is never refused: parts that can't be read are left out.
    Raises SignatureInvalid.
    """
    presented = header(headers, "x-callback-token") or ""
    if not callback_token or not hmac.compare_digest(presented.encode(), callback_token.encode()):
        raise SignatureInvalid(GATEWAY, "callback token wrong" if presented else "callback token missing")
    try:
        payload = parse_object(GATEWAY, body)
    except PayloadUnreadable:
        return unreadable_event(GATEWAY, body)
    kind = _kind(payload.body)
    return _webhook_event(kind, _read_status(kind, payload.body), payload, header(headers, "webhook-id"))


def _read_status(kind: WebhookEventKind, payload: Mapping[str, Any]) -> "_Status | None":
    try:
        return _READERS[kind](_subject(payload)) if kind in _READERS else None
    except PayloadUnreadable:  # it still says what to ask about
        return None


def _kind(payload: Mapping[str, Any]) -> WebhookEventKind:
    """Envelopes have an event name; invoices and disbursements come bare and differ by their fields."""
    event = str(payload.get("event") or "")
    if event.startswith("payout."):
        return WebhookEventKind.PAYOUT
    if event.startswith("refund."):
        return WebhookEventKind.REFUND
    if event:
        return WebhookEventKind.UNKNOWN
    if "disbursement_description" in payload:
        return WebhookEventKind.DISBURSEMENT
    if "external_id" in payload and "status" in payload:
        return WebhookEventKind.PAYMENT
    return WebhookEventKind.UNKNOWN


def read_movement(row: Fields) -> Movement | None:
    """One row of the transaction list; None for what has not moved money, or not ours to book (fees, top-ups)."""
    if row.text("status").upper() not in _MOVED or row.text("type").upper() not in _BOOKED_TYPES:
        return None
    sign = 1 if row.text("cashflow").upper() == "MONEY_IN" else -1
    at = row.iso_time("created")
    if at is None:
        raise PayloadUnreadable(GATEWAY, "a transaction without a time")
    return Movement(row.text("reference_id"), sign * row.rupiah("amount"), at)


_MOVED = frozenset({"SUCCESS", "REVERSED"})
_BOOKED_TYPES = frozenset({"PAYMENT", "REFUND", "DISBURSEMENT", "PAYOUT"})

_Status = GatewayPaymentStatus | GatewayRefundStatus | GatewayPayoutStatus

_READERS: Mapping[WebhookEventKind, Callable[[object], _Status]] = {
    WebhookEventKind.PAYMENT: read_invoice,
    WebhookEventKind.REFUND: read_refund,
    WebhookEventKind.PAYOUT: read_payout,
    WebhookEventKind.DISBURSEMENT: read_disbursement,
}


def _subject(payload: Mapping[str, Any]) -> object:
    """The subject of the webhook. Xendit's own example of a refund webhook wraps `data` twice."""
    if "event" not in payload:
        return payload
    data = payload.get("data")
    return data["data"] if isinstance(data, Mapping) and "data" in data else data


def _webhook_event(
    kind: WebhookEventKind,
    reported: _Status | None,
    payload: Fields,
    webhook_id: str | None,
) -> WebhookEvent:
    status = (
        reported.raw_status if reported else str(payload.body.get("event") or payload.body.get("status") or "")[:100]
    )
    reference = reported.gateway_reference if reported else payload.lenient_text("id")
    return WebhookEvent(
        gateway=GATEWAY,
        kind=kind,
        event_id=short_id(webhook_id or f"{kind}:{reference}:{status}"),
        external_id=_external_id(reported) if reported else payload.lenient_text("external_id"),
        gateway_reference=reference,
        raw_status=status,
        is_test=reference == DASHBOARD_TEST_ID,
        reported=reported,
        payload=payload.body,
    )


def _external_id(reported: _Status) -> str:
    return reported.external_id if isinstance(reported, GatewayPaymentStatus) else reported.reference


def _payout_status(payout: Fields, reference: str, states: Mapping[str, PayoutState]) -> GatewayPayoutStatus:
    status = payout.text("status").upper()
    failure_code = payout.optional_text("failure_code")
    return GatewayPayoutStatus(
        gateway=GATEWAY,
        reference=reference,
        gateway_reference=payout.text("id"),
        amount=payout.rupiah("amount"),
        state=states.get(status, PayoutState.UNKNOWN),
        failure_code=failure_code,
        may_retry=failure_code in CURABLE_PAYOUT_FAILURES,
        raw_status=status,
    )


def _first(fields: Fields, *names: str) -> str | None:
    found = (fields.optional_text(name) for name in names)
    return next((value for value in found if value is not None), None)
