"""Requests to Midtrans: Snap tokens, and charges by QRIS and virtual account, within its limits."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.gateways.fields import wib_text
from shared.gateways.statuses import Customer, PaymentMethod

SNAP_METHODS: Mapping[PaymentMethod, list[str]] = {
    PaymentMethod.OVO: ["ovo"],
    PaymentMethod.DANA: ["dana"],
    PaymentMethod.GOPAY: ["gopay"],
    PaymentMethod.LINKAJA: ["other_qris"],  # Snap has no LinkAja button; its app pays any QRIS
    PaymentMethod.ANY: [],
}
"""Snap's `enabled_payments` per method of ours that has a page. Empty means every method of the account."""

CHARGED_METHODS: Mapping[PaymentMethod, Mapping[str, Any]] = {
    PaymentMethod.QRIS: {"payment_type": "qris", "qris": {"acquirer": "gopay"}},
    PaymentMethod.BCA: {"payment_type": "bank_transfer", "bank_transfer": {"bank": "bca"}},
    PaymentMethod.BNI: {"payment_type": "bank_transfer", "bank_transfer": {"bank": "bni"}},
    PaymentMethod.BRI: {"payment_type": "bank_transfer", "bank_transfer": {"bank": "bri"}},
    PaymentMethod.PERMATA: {"payment_type": "bank_transfer", "bank_transfer": {"bank": "permata"}},
    PaymentMethod.MANDIRI: {
        "payment_type": "echannel",
        "echannel": {
            "bill_info1": "Untuk:",
            "bill_info2": "Tiket acara",
        },  # what Mandiri's ATMs show: 10 and 30 letters
    },
}
"""The fields of a Core charge for each method of ours that is shown on our page: a code, or an account number."""

QRIS_METHODS = frozenset({PaymentMethod.QRIS, PaymentMethod.LINKAJA})
"""Methods that are paid by QRIS."""

SHORTEST_ACCOUNT_SECONDS = 20
"""Midtrans keeps no virtual account for less; QRIS codes may end sooner."""


def snap_request(
    *,
    order_id: str,
    amount: int,
    method: PaymentMethod,
    now: datetime,
    expires_at: datetime,
    customer: Customer,
    finish_url: str | None,
) -> dict[str, Any]:
    """The body of `POST /snap/v1/transactions`: page and payment both end at `expires_at`.

    Snap counts in minutes. The payment's clock starts so that it ends on the second; the page, whose
    clock starts now, is rounded.
    """
    minutes = max(1, -(-(expires_at - now) // timedelta(minutes=1)))
    page_minutes = max(1, round((expires_at - now) / timedelta(minutes=1)))
    start = expires_at - timedelta(minutes=minutes)
    request = _common(order_id, amount, customer) | {
        "expiry": {"start_time": wib_text(start), "unit": "minute", "duration": minutes},
        "page_expiry": {"unit": "minute", "duration": page_minutes},
    }
    if SNAP_METHODS[method]:
        request["enabled_payments"] = SNAP_METHODS[method]
    if finish_url:
        request["callbacks"] = {"finish": finish_url}
    return request


def charge_request(
    *,
    order_id: str,
    amount: int,
    method: PaymentMethod,
    now: datetime,
    expires_at: datetime,
    customer: Customer,
) -> dict[str, Any]:
    """The body of `POST /v2/charge` for a code or an account that can be paid until `expires_at`."""
    shortest = 1 if method is PaymentMethod.QRIS else SHORTEST_ACCOUNT_SECONDS
    expiry = {
        "order_time": wib_text(now),
        "expiry_duration": max(shortest, round((expires_at - now).total_seconds())),
        "unit": "second",
    }
    return {**_common(order_id, amount, customer), **CHARGED_METHODS[method], "custom_expiry": expiry}


def _common(order_id: str, amount: int, customer: Customer) -> dict[str, Any]:
    return {
        "transaction_details": {"order_id": order_id, "gross_amount": amount},
        "customer_details": _customer(customer),
    }


def _customer(customer: Customer) -> dict[str, str]:
    optional = {"email": customer.email, "phone": customer.phone}
    return {"first_name": customer.name} | {name: value for name, value in optional.items() if value}
