"""Responses of Midtrans, and the transactions in its webhooks, read into our own types; no network.

Midtrans says the result in the body (`status_code`, a string), writes amounts as "10000.00" and
times in GMT+7. Wire format as of November 2026: Snap v1, Core API v2.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from shared.gateways.fields import Fields
from shared.gateways.http import HttpResponse
from shared.gateways.statuses import (
    GatewayPaymentState,
    GatewayPaymentStatus,
    GatewayRefundState,
    GatewayRefundStatus,
    OpenedPayment,
)

GATEWAY = "midtrans"


REVERSIBLE_TYPES = frozenset({"bank_transfer", "echannel", "cstore"})
"""Payment types whose `deny` takes back a settlement (Permata VA, Mandiri Bill, Indomaret). They have no
attempt that could be denied before money came in."""

_PAID_STATES = frozenset(
    {
        GatewayPaymentState.PAID,
        GatewayPaymentState.REFUNDED,
        GatewayPaymentState.PARTIALLY_REFUNDED,
        GatewayPaymentState.REVERSED,
        GatewayPaymentState.CHARGED_BACK,
    }
)

_STATE_OF_STATUS = {
    "pending": GatewayPaymentState.PENDING,
    "authorize": GatewayPaymentState.PENDING,  # money set aside on a card, not taken
    "expire": GatewayPaymentState.EXPIRED,
    "failure": GatewayPaymentState.FAILED,
    "refund": GatewayPaymentState.REFUNDED,
    "partial_refund": GatewayPaymentState.PARTIALLY_REFUNDED,
    "chargeback": GatewayPaymentState.CHARGED_BACK,
    "partial_chargeback": GatewayPaymentState.CHARGED_BACK,
}

_STATE_OF_CAPTURE = {
    "accept": GatewayPaymentState.PAID,
    "challenge": GatewayPaymentState.CHALLENGED,
    "deny": GatewayPaymentState.FAILED,
}


def effective_status(response: HttpResponse) -> int:
    """The effective status of a response: the body's `status_code` where it has one, else the HTTP status."""
    written = str(response.body.get("status_code", "")) if isinstance(response.body, Mapping) else ""
    return int(written) if re.fullmatch("[1-9][0-9]{2}", written) else response.status


def state_of(transaction: Fields) -> GatewayPaymentState:
    """The state behind transaction_status, fraud_status and payment_type (docs/reference/gateways.md)."""
    status = transaction.text("transaction_status").lower()
    fraud = (transaction.optional_text("fraud_status") or "").lower()
    if status == "settlement":  # several payment types leave fraud_status out
        return GatewayPaymentState.PAID if fraud in ("", "accept") else GatewayPaymentState.UNKNOWN
    if status == "capture":
        return _STATE_OF_CAPTURE.get(fraud, GatewayPaymentState.UNKNOWN)
    if status == "cancel":
        return _state_of_cancelled(transaction, fraud)
    if status == "deny":
        return GatewayPaymentState.REVERSED if _was_settled(transaction) else GatewayPaymentState.FAILED
    return _STATE_OF_STATUS.get(status, GatewayPaymentState.UNKNOWN)


def read_transaction(body: object, order_id: str | None = None) -> GatewayPaymentStatus:
    """The status in a transaction, as GET status answers it and as a notification carries it.

    Give the `order_id` that was asked for: for DANA and some virtual accounts the answer repeats the
    transaction id in its place.
    """
    transaction = Fields(GATEWAY, body)
    state = state_of(transaction)
    reference = order_id or transaction.text("order_id")
    amount = transaction.rupiah("gross_amount")
    status = transaction.text("transaction_status").lower()
    came_in = state in _PAID_STATES
    return GatewayPaymentStatus(
        gateway=GATEWAY,
        external_id=reference,
        gateway_reference=reference,
        state=state,
        amount=amount,
        paid_amount=amount if came_in else None,
        currency=transaction.optional_text("currency") or "IDR",
        channel=_channel(transaction),
        transaction_id=transaction.optional_text("transaction_id"),
        paid_at=_paid_at(transaction) if came_in else None,
        refunded_amount=_refunded(transaction, state, amount),
        raw_status=status,
        refunded_by_key=_refunded_by_key(transaction),
        payer_may_retry=status in ("deny", "failure") and state is GatewayPaymentState.FAILED,
    )


def not_started(order_id: str, state: GatewayPaymentState = GatewayPaymentState.PENDING) -> GatewayPaymentStatus:
    """The status of an order whose payer has not chosen a method: Core does not know it yet."""
    return GatewayPaymentStatus(
        gateway=GATEWAY,
        external_id=order_id,
        gateway_reference=order_id,
        state=state,
        amount=None,
        paid_amount=None,
        currency="IDR",
        channel=None,
        transaction_id=None,
        paid_at=None,
        refunded_amount=0,
        raw_status="not_found",
    )


def read_charge(body: object, order_id: str) -> OpenedPayment:
    """The way to pay a charge: the QR text or picture, the wallet's link, the account number."""
    charge = Fields(GATEWAY, body)
    actions = {action.optional_text("name"): action for action in charge.objects("actions")}
    picture, link = actions.get("generate-qr-code"), actions.get("deeplink-redirect")
    accounts = charge.objects("va_numbers")
    account = accounts[0].optional_text("va_number") if accounts else None
    return OpenedPayment(
        gateway_reference=order_id,
        redirect_url=link.text("url") if link else None,
        qr_string=charge.optional_text("qr_string"),
        qr_image_url=picture.text("url") if picture else None,
        va_number=account or charge.optional_text("permata_va_number") or charge.optional_text("bill_key"),
        biller_code=charge.optional_text("biller_code"),
        expires_at=charge.wib_time("expiry_time"),
    )


def read_page(body: object, order_id: str, expires_at: datetime) -> OpenedPayment:
    """The page of a Snap payment, and its token."""
    page = Fields(GATEWAY, body)
    return OpenedPayment(
        gateway_reference=order_id,
        redirect_url=page.text("redirect_url"),
        snap_token=page.text("token"),
        expires_at=expires_at,
    )


def read_refund(body: object, order_id: str, refund_key: str, amount: int) -> GatewayRefundStatus:
    """The status in the answer to a refund call of `amount`; `status_code` 202 means rejected."""
    response = Fields(GATEWAY, body)
    rejected = response.text("status_code") == "202"
    return GatewayRefundStatus(
        gateway=GATEWAY,
        reference=refund_key,
        gateway_reference=response.optional_text("refund_chargeback_id") or "",
        payment_reference=order_id,
        amount=amount,
        state=GatewayRefundState.FAILED if rejected else GatewayRefundState.SUCCEEDED,
        failure_code="202" if rejected else None,
        raw_status=(response.optional_text("transaction_status") or "").lower(),
    )


def find_refund(body: object, order_id: str, refund_key: str) -> GatewayRefundStatus | None:
    """The refund with our key in a transaction's list, which holds the accepted ones only."""
    transaction = Fields(GATEWAY, body)
    for entry in transaction.objects("refunds"):
        if entry.optional_text("refund_key") == refund_key:
            return GatewayRefundStatus(
                gateway=GATEWAY,
                reference=refund_key,
                gateway_reference=entry.optional_text("refund_chargeback_id") or "",
                payment_reference=order_id,
                amount=entry.rupiah("refund_amount"),
                state=GatewayRefundState.SUCCEEDED,
                failure_code=None,
                raw_status=transaction.text("transaction_status").lower(),
            )
    return None


def _state_of_cancelled(transaction: Fields, fraud: str) -> GatewayPaymentState:
    if fraud == "deny":  # what a refused challenge looks like live, though the documentation says deny
        return GatewayPaymentState.FAILED
    was_captured = transaction.optional_text("payment_type") == "credit_card" and fraud == "accept"
    return GatewayPaymentState.REVERSED if was_captured else GatewayPaymentState.EXPIRED


def _was_settled(transaction: Fields) -> bool:
    settled = transaction.optional_text("settlement_time") is not None
    return settled or transaction.optional_text("payment_type") in REVERSIBLE_TYPES


def _paid_at(transaction: Fields) -> datetime | None:
    return transaction.wib_time("settlement_time") or transaction.wib_time("transaction_time")


def _refunded(transaction: Fields, state: GatewayPaymentState, amount: int) -> int:
    written = transaction.optional_rupiah("refund_amount")
    if written is not None:
        return written
    return amount if state is GatewayPaymentState.REFUNDED else 0


def _refunded_by_key(transaction: Fields) -> dict[str, int]:
    found: dict[str, int] = {}
    for refund in transaction.objects("refunds"):
        key = refund.optional_text("refund_key") or refund.optional_text("refund_chargeback_id") or ""
        found[key] = found.get(key, 0) + refund.rupiah("refund_amount")
    return found


def _channel(transaction: Fields) -> str | None:
    """The bank, shop or QR issuer where one is named, else the payment type."""
    accounts = transaction.objects("va_numbers")
    bank = accounts[0].optional_text("bank") if accounts else None
    if transaction.optional_text("permata_va_number"):
        bank = "permata"
    return bank or transaction.optional_text("store") or transaction.optional_text("payment_type")
