"""Xendit's answers and webhooks, made from what the simulator remembers."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row

from infra.local.simulators.api import ApiError
from infra.local.simulators.payments import Payment, SimulatedStatus

BANKS = ("BCA", "BNI", "BRI", "MANDIRI", "PERMATA")
WALLETS = ("OVO", "DANA", "GOPAY", "LINKAJA", "SHOPEEPAY")
SHOPS = ("ALFAMART", "INDOMARET")
CHANNELS = (*BANKS, *SHOPS, *WALLETS, "QRIS", "CREDIT_CARD")

BUSINESS_ID = "6100000000000000000000aa"

INVOICE_STATUS = {
    SimulatedStatus.PENDING: "PENDING",
    SimulatedStatus.EXPIRED: "EXPIRED",
    SimulatedStatus.PAID: "PAID",
    SimulatedStatus.REFUNDED: "PAID",  # refunds don't show on an invoice
    SimulatedStatus.PARTIALLY_REFUNDED: "PAID",
}
_SETTLED_AFTER = timedelta(days=1)


def invoice(payment: Payment, merchant_name: str, page: str) -> dict[str, Any]:
    """An invoice as the API shows it."""
    methods = payment.methods
    return {
        **_common(payment, merchant_name),
        "status": _status(payment),
        "expiry_date": iso(payment.expires_at),
        "invoice_url": page,
        "available_banks": [_bank(payment, each, merchant_name) for each in methods if each in BANKS],
        "available_retail_outlets": [{"retail_outlet_name": each} for each in methods if each in SHOPS],
        "available_ewallets": [{"ewallet_type": each} for each in methods if each in WALLETS],
        "available_qr_codes": [{"qr_code_type": each} for each in methods if each == "QRIS"],
        "available_direct_debits": [],
        "available_paylaters": [],
        "should_exclude_credit_card": "CREDIT_CARD" not in methods,
        "should_send_email": False,
        **_echo(payment, "customer", "items", "fees", "metadata"),
        **_how_it_was_paid(payment),
    }


def paid_webhook(payment: Payment, merchant_name: str) -> dict[str, Any]:
    """The webhook about a paid invoice: flat, without an event name."""
    return {**_common(payment, merchant_name), "is_high": False, "status": "PAID", **_how_it_was_paid(payment)}


def expired_webhook(payment: Payment, merchant_name: str, at: datetime) -> dict[str, Any]:
    """The webhook about an invoice nobody paid: no paid and no payment field at all."""
    return {**_common(payment, merchant_name), "is_high": False, "status": "EXPIRED", "updated": iso(at)}


def iso(moment: datetime) -> str:
    """A time as Xendit writes it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def refund_object(refund: Row[Any], status: str) -> dict[str, Any]:
    """A refund as the API and the webhook show it."""
    return {
        "id": refund.id,
        "payment_id": f"py-{refund.payment_reference}",
        "invoice_id": refund.payment_reference,
        "amount": refund.amount,
        "currency": "IDR",
        "country": "ID",
        "status": status,
        "reason": refund.reason,
        "reference_id": refund.reference,
        "failure_code": None,
        "refund_fee_amount": None,
        "created": iso(refund.created_at),
        "updated": iso(max(refund.created_at, min(refund.settles_at, datetime.now(UTC)))),
        "metadata": None,
    }


def xendit_error(status: int, code: str, message: str, **more: Any) -> ApiError:
    """A refusal as Xendit words it."""
    return ApiError(status, {"error_code": code, "message": message, **more})


def invalid(field: str, message: str) -> ApiError:
    """The refusal of one field."""
    errors = [{"field": [field], "location": "body", "messages": [f'"{field}" {message}'], "types": ["any"]}]
    return xendit_error(400, "API_VALIDATION_ERROR", "Invalid input data. Please check your request", errors=errors)


def _status(payment: Payment) -> str:
    status = INVOICE_STATUS[payment.status]
    settled = status == "PAID" and payment.paid_at and payment.paid_at + _SETTLED_AFTER <= datetime.now(UTC)
    return "SETTLED" if settled else status


def _common(payment: Payment, merchant_name: str) -> dict[str, Any]:
    return {
        "id": payment.reference,
        "external_id": payment.external_id,
        "user_id": BUSINESS_ID,
        "merchant_name": merchant_name,
        "amount": payment.amount,
        "created": iso(payment.created_at),
        "updated": iso(payment.updated_at),
        "currency": "IDR",
        **_echo(payment, "description", "payer_email", "success_redirect_url", "failure_redirect_url"),
    }


def _how_it_was_paid(payment: Payment) -> dict[str, Any]:
    if payment.paid_at is None:
        return {}
    return {
        "paid_amount": payment.paid_amount,
        "paid_at": iso(payment.paid_at),
        "payment_channel": payment.channel,
        "payment_id": f"py-{payment.transaction_id}",
        **_channel_details(payment),
    }


def _channel_details(payment: Payment) -> dict[str, Any]:
    channel = payment.channel
    if channel in BANKS:
        return {
            "payment_method": "BANK_TRANSFER",
            "bank_code": channel,
            "payment_destination": payment.va_number or "8808" + payment.reference[:8],
        }
    if channel in WALLETS:
        return {"payment_method": "EWALLET", "ewallet_type": channel}
    if channel in SHOPS:
        return {"payment_method": "RETAIL_OUTLET", "payment_destination": payment.reference[:8].upper()}
    if channel == "CREDIT_CARD":
        return {"payment_method": "CREDIT_CARD", "credit_card_charge_id": payment.transaction_id}
    return {
        "payment_method": "QR_CODE",
        "payment_details": {"source": "Ovo", "receipt_id": payment.transaction_id[:12]},
    }


def _bank(payment: Payment, code: str, merchant_name: str) -> dict[str, Any]:
    number = {"bank_account_number": payment.va_number} if payment.va_number else {}
    return {
        "bank_code": code,
        "collection_type": "POOL",
        **number,
        "transfer_amount": payment.amount,
        "bank_branch": "Virtual Account",
        "account_holder_name": merchant_name.upper(),
        "identity_amount": 0,
    }


def _echo(payment: Payment, *names: str) -> dict[str, Any]:
    return {name: payment.request[name] for name in names if name in payment.request}
