"""Midtrans's answers and notifications, made from what the simulator remembers."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

from sqlalchemy import Row

from infra.local.simulators.api import ApiError
from infra.local.simulators.payments import Payment, SimulatedStatus

MERCHANT_ID = "G000000000"
_GMT7 = timezone(timedelta(hours=7))

BILLER_CODE = "70012"
"""Midtrans's code as a biller of Bank Mandiri."""

BANKS = ("bca", "bni", "bri", "permata")

_ACCOUNT_NUMBERS = {
    # channel: how its numbers begin, and how many digits they have
    "BCA": ("49112", 11),
    "BNI": ("8202", 16),
    "BRI": ("26215", 18),
    "PERMATA": ("4910", 15),
    "MANDIRI": ("", 12),
}

CHANNELS = {
    # our name (and Snap's): payment_type
    "QRIS": "qris",
    "GOPAY": "gopay",
    "SHOPEEPAY": "shopeepay",
    "DANA": "dana",
    "OVO": "ovo",
    "BCA": "bank_transfer",
    "BNI": "bank_transfer",
    "BRI": "bank_transfer",
    "PERMATA": "bank_transfer",
    "MANDIRI": "echannel",
    "CREDIT_CARD": "credit_card",
    "INDOMARET": "cstore",
    "ALFAMART": "cstore",
}

SNAP_BUTTONS = {
    "other_qris": "QRIS",
    "gopay": "GOPAY",
    "shopeepay": "SHOPEEPAY",
    "dana": "DANA",
    "ovo": "OVO",
    "bca_va": "BCA",
    "bni_va": "BNI",
    "bri_va": "BRI",
    "permata_va": "PERMATA",
    "echannel": "MANDIRI",
    "credit_card": "CREDIT_CARD",
    "indomaret": "INDOMARET",
    "alfamart": "ALFAMART",
}

REFUNDABLE = frozenset({"credit_card", "gopay", "shopeepay", "dana", "ovo", "qris"})
IN_FULL_ONLY = frozenset({"shopeepay", "ovo"})
_DENIED_BY_REVERSAL_ONLY = frozenset({"bank_transfer", "echannel", "cstore"})

# The code of a notification; GET status says 407 for what has expired.
_NOTIFICATION_CODE = {
    SimulatedStatus.PENDING: "201",
    SimulatedStatus.CHALLENGED: "201",
    SimulatedStatus.EXPIRED: "202",
    SimulatedStatus.CANCELLED: "202",
    SimulatedStatus.FAILED: "202",
    SimulatedStatus.REVERSED: "202",
}


def payment_type(payment: Payment) -> str:
    """Midtrans's name of how it was paid, or is to be."""
    return CHANNELS[payment.channel or payment.methods[0]]


def transaction(payment: Payment, refunds: list[Row[Any]], *, code: str | None = None) -> dict[str, Any]:
    """The transaction object, as GET status answers it. `code` is the body's status_code."""
    status_code = code or ("407" if payment.status is SimulatedStatus.EXPIRED else notification_code(payment))
    return {
        "status_code": status_code,
        "status_message": "Success, transaction is found",
        "transaction_id": payment.transaction_id,
        "order_id": payment.reference,
        "merchant_id": MERCHANT_ID,
        "gross_amount": rupiah(gross_amount(payment)),
        "currency": "IDR",
        "payment_type": payment_type(payment),
        "transaction_time": gmt7(payment.created_at),
        "transaction_status": transaction_status(payment),
        "fraud_status": _fraud_status(payment),
        "expiry_time": gmt7(payment.expires_at),
        **_settlement(payment),
        **_details(payment),
        **_refunds(payment, refunds),
    }


def notification(payment: Payment, refunds: list[Row[Any]], server_key: str) -> dict[str, Any]:
    """The signed notification about the present state."""
    body = transaction(payment, refunds, code=notification_code(payment))
    proof = f"{body['order_id']}{body['status_code']}{body['gross_amount']}{server_key}"
    return body | {
        "status_message": "midtrans payment notification",
        "signature_key": hashlib.sha512(proof.encode()).hexdigest(),
    }


def _fraud_status(payment: Payment) -> str:
    """A card is cancelled here while it is under review: a captured one can't be yet."""
    is_cancelled_card = payment.status is SimulatedStatus.CANCELLED and payment_type(payment) == "credit_card"
    return "challenge" if payment.status is SimulatedStatus.CHALLENGED or is_cancelled_card else "accept"


def notification_code(payment: Payment) -> str:
    """The status_code that goes with a status."""
    return _NOTIFICATION_CODE.get(payment.status, "200")


def transaction_status(payment: Payment) -> str:
    """Midtrans's word for the state."""
    kind = payment_type(payment)
    words = {
        SimulatedStatus.PENDING: "pending",
        SimulatedStatus.CHALLENGED: "capture",
        SimulatedStatus.PAID: "capture" if kind == "credit_card" else "settlement",
        SimulatedStatus.PARTIALLY_REFUNDED: "partial_refund",
        SimulatedStatus.REFUNDED: "refund",
        SimulatedStatus.EXPIRED: "expire",
        SimulatedStatus.CANCELLED: "cancel",
        SimulatedStatus.REVERSED: "deny",
        SimulatedStatus.CHARGED_BACK: "chargeback",
        # A transfer or a shop payment is only ever denied to take money back.
        SimulatedStatus.FAILED: "failure" if kind in _DENIED_BY_REVERSAL_ONLY else "deny",
    }
    return words[payment.status]


def gross_amount(payment: Payment) -> int:
    """The amount asked for, or the amount received if that was another."""
    return payment.amount if payment.paid_amount is None else payment.paid_amount


def account_number(channel: str) -> str:
    """A new virtual account, bill or payment code of this length."""
    prefix, digits = _ACCOUNT_NUMBERS.get(channel, ("8808", 16))
    return prefix + "".join(secrets.choice("0123456789") for _ in range(digits - len(prefix)))


def created_message(payment: Payment) -> str:
    """The fields of a charge that has succeeded."""
    kind, channel = payment_type(payment), payment.channel
    if channel == "MANDIRI":
        return "OK, Mandiri Bill transaction is successful"
    if channel == "PERMATA":
        return "Success, PERMATA VA transaction is successful"
    return f"Success, {'Bank Transfer' if kind == 'bank_transfer' else kind} transaction is created"


def used_order_id() -> ApiError:
    """The refusal of a charge whose order_id exists."""
    refusal = error(
        406,
        "The request could not be completed due to a conflict with the current state of the target resource, "
        "please try again",
    )
    refusal.body = {**refusal.body, "id": str(uuid4())}
    return refusal


def invalid(*messages: str) -> ApiError:
    """The refusal of a charge with wrong fields."""
    refusal = error(400, "One or more parameters in the payload is invalid.")
    refusal.body = {**refusal.body, "validation_messages": list(messages), "id": str(uuid4())}
    return refusal


def error(code: int, message: str, *, http_status: int = 200) -> ApiError:
    """A refusal of Core: HTTP 200, and the real code in the body."""
    return ApiError(http_status, {"status_code": str(code), "status_message": message})


def snap_error(http_status: int, *messages: str) -> ApiError:
    """A refusal of Snap: a real HTTP status."""
    return ApiError(http_status, {"error_messages": list(messages)})


def rupiah(amount: int) -> str:
    """An amount as Midtrans answers it."""
    return f"{amount}.00"


def gmt7(moment: datetime) -> str:
    """A time as Midtrans writes it: GMT+7 without saying so."""
    return moment.astimezone(_GMT7).strftime("%Y-%m-%d %H:%M:%S")


def parse_time(written: str) -> datetime:
    """A time as requests carry it, with its offset, as UTC. Raises ValueError."""
    return datetime.strptime(written, "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)


def refund_entry(refund: Row[Any]) -> dict[str, Any]:
    """One refund in a transaction's list."""
    confirmed = {"bank_confirmed_at": gmt7(refund.settles_at)} if refund.settles_at <= datetime.now(UTC) else {}
    return {
        "refund_chargeback_id": refund.number,
        "refund_chargeback_uuid": refund.id,
        "refund_amount": rupiah(refund.amount),
        "created_at": gmt7(refund.created_at),
        "reason": refund.reason,
        "refund_key": refund.reference,
        "refund_method": "online",
        **confirmed,
    }


def _settlement(payment: Payment) -> dict[str, Any]:
    return {"settlement_time": gmt7(payment.paid_at)} if payment.paid_at else {}


def _details(payment: Payment) -> dict[str, Any]:
    channel, kind = (payment.channel or payment.methods[0]).lower(), payment_type(payment)
    if channel == "permata":
        return {"permata_va_number": payment.va_number}
    if kind == "bank_transfer":
        return {"va_numbers": [{"bank": channel, "va_number": payment.va_number}], "payment_amounts": []}
    if kind == "echannel":
        return {"biller_code": BILLER_CODE, "bill_key": payment.va_number}
    if kind == "qris":
        return {"acquirer": "gopay", "issuer": "gopay", "transaction_type": "on-us"}
    if kind == "credit_card":
        return {"masked_card": "48111111-1114", "bank": "bni", "card_type": "credit", "approval_code": "1578569243927"}
    if kind == "cstore":
        return {"store": channel, "payment_code": payment.va_number}
    return {}


def _refunds(payment: Payment, refunds: list[Row[Any]]) -> dict[str, Any]:
    if not refunds:
        return {}
    return {
        "refunds": [refund_entry(refund) for refund in refunds],
        "refund_amount": rupiah(payment.refunded_amount),
        "refund_key": refunds[-1].reference,
    }
