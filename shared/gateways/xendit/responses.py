"""Responses of Xendit, read into our own types: invoices, refunds, payouts, account names; no network.

Wire format as of November 2026: Invoices v2, Payouts v2, Refunds, Disbursements v1, Iluma v1.1.
"""

from collections.abc import Callable, Mapping
from typing import Any

from shared.gateways.errors import PayloadUnreadable
from shared.gateways.fields import Fields
from shared.gateways.statuses import (
    AccountCheck,
    AccountName,
    GatewayPaymentState,
    GatewayPaymentStatus,
    GatewayRefundState,
    GatewayRefundStatus,
    GatewayTransferState,
    GatewayTransferStatus,
    Movement,
    OpenedPayment,
)

GATEWAY = "xendit"


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
    "ACCEPTED": GatewayTransferState.PROCESSING,
    "REQUESTED": GatewayTransferState.PROCESSING,
    "PENDING_COMPLIANCE_ASSESSMENT": GatewayTransferState.PROCESSING,
    "LOCKED": GatewayTransferState.PROCESSING,
    "SUCCEEDED": GatewayTransferState.SUCCEEDED,
    "FAILED": GatewayTransferState.FAILED,
    "COMPLIANCE_REJECTED": GatewayTransferState.FAILED,
    "EXPIRED": GatewayTransferState.FAILED,
    "CANCELLED": GatewayTransferState.CANCELLED,
    "REVERSED": GatewayTransferState.REVERSED,
}

DISBURSEMENT_STATES = {
    "PENDING": GatewayTransferState.PROCESSING,
    "COMPLETED": GatewayTransferState.SUCCEEDED,
    "FAILED": GatewayTransferState.FAILED,
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

    One that was paid after its time may keep the status EXPIRED, with the money that came (docs/reference/gateways.md).
    Refunds never show here (an invoice has no such status), so `refunded_amount` is 0.
    """
    invoice = Fields(GATEWAY, body)
    status = invoice.text("status").upper()
    state = INVOICE_STATES.get(status, GatewayPaymentState.UNKNOWN)
    paid_amount, paid_at = invoice.optional_rupiah("paid_amount"), invoice.iso_time("paid_at")
    if state is GatewayPaymentState.EXPIRED and paid_amount and paid_at:
        state = GatewayPaymentState.PAID
    return GatewayPaymentStatus(
        gateway=GATEWAY,
        external_id=invoice.text("external_id"),
        gateway_reference=invoice.text("id"),
        state=state,
        amount=invoice.rupiah("amount"),
        paid_amount=paid_amount,
        currency=invoice.optional_text("currency") or "IDR",
        channel=_first(invoice, "payment_channel", "ewallet_type", "bank_code", "payment_method"),
        transaction_id=_first(invoice, "payment_id", "credit_card_charge_id"),
        paid_at=paid_at,
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


def read_payout(body: object) -> GatewayTransferStatus:
    """The status in a payout (v2), as the API answers it and as `data` of a webhook carries it."""
    payout = Fields(GATEWAY, body)
    return _payout_status(payout, payout.text("reference_id"), PAYOUT_STATES)


def read_disbursement(body: object) -> GatewayTransferStatus:
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


def _payout_status(payout: Fields, reference: str, states: Mapping[str, GatewayTransferState]) -> GatewayTransferStatus:
    status = payout.text("status").upper()
    failure_code = payout.optional_text("failure_code")
    return GatewayTransferStatus(
        gateway=GATEWAY,
        reference=reference,
        gateway_reference=payout.text("id"),
        amount=payout.rupiah("amount"),
        state=states.get(status, GatewayTransferState.UNKNOWN),
        failure_code=failure_code,
        may_retry=failure_code in CURABLE_PAYOUT_FAILURES,
        raw_status=status,
    )


def _first(fields: Fields, *names: str) -> str | None:
    found = (fields.optional_text(name) for name in names)
    return next((value for value in found if value is not None), None)
