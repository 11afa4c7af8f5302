"""Requests to Xendit: the bodies of invoices, refunds and payouts, within its limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.gateways.statuses import Customer, PaymentMethod

INVOICE_CHANNELS: Mapping[PaymentMethod, list[str]] = {
    method: [] if method is PaymentMethod.ANY else [method.value] for method in PaymentMethod
}
"""Xendit's channel list per method of ours (same words). Empty means every channel of the account."""

ACCOUNT_METHODS = frozenset(
    {
        PaymentMethod.BCA,
        PaymentMethod.MANDIRI,
        PaymentMethod.BNI,
        PaymentMethod.BRI,
        PaymentMethod.PERMATA,
    }
)
"""Methods whose invoice tells a virtual account's number."""

REFUND_REASONS = frozenset({"FRAUDULENT", "DUPLICATE", "REQUESTED_BY_CUSTOMER", "CANCELLATION", "OTHERS"})

_NAME_LIMIT, _URL_LIMIT = 256, 255


@dataclass(frozen=True)
class Bank:
    """A bank payouts go to: Xendit's channel, the digits of its account numbers, its description limit."""

    channel_code: str
    account_digits: range
    description_limit: int


BANKS: Mapping[str, Bank] = {
    "BCA": Bank("ID_BCA", range(10, 11), 15),
    "MANDIRI": Bank("ID_MANDIRI", range(12, 18), 14),
    "BNI": Bank("ID_BNI", range(7, 12), 14),
    "BRI": Bank("ID_BRI", range(13, 18), 29),
    "PERMATA": Bank("ID_PERMATA", range(7, 17), 20),
    "CIMB": Bank("ID_CIMB", range(5, 21), 18),
    "BSI": Bank("ID_BSI", range(5, 21), 14),
}
"""Banks by our code. For CIMB and BSI no account length is published (the range only refuses nonsense),
for BSI no description limit either (the shortest of the others)."""


def invoice_request(
    *,
    external_id: str,
    amount: int,
    description: str,
    duration_seconds: int,
    method: PaymentMethod,
    customer: Customer,
    redirects: Mapping[str, str | None],
) -> dict[str, Any]:
    """The body of `POST /v2/invoices`."""
    request = {
        "external_id": external_id,
        "amount": amount,
        "currency": "IDR",
        "description": description,
        **({"payer_email": customer.email} if customer.email else {}),
        "customer": _customer(customer),
        "invoice_duration": duration_seconds,
        "locale": "id",
        **{name: url for name, url in redirects.items() if url and len(url) <= _URL_LIMIT},
    }
    channels = INVOICE_CHANNELS[method]
    return request | {"payment_methods": channels} if channels else request


def refund_request(*, invoice_id: str, amount: int, reference_id: str, reason: str) -> dict[str, Any]:
    """The body of `POST /refunds`; a reason of our own counts as OTHERS."""
    return {
        "invoice_id": invoice_id,
        "reference_id": reference_id,
        "amount": amount,
        "currency": "IDR",
        "reason": reason if reason in REFUND_REASONS else "OTHERS",
    }


def payout_request(
    *,
    reference_id: str,
    bank: Bank,
    account_number: str,
    account_holder_name: str,
    amount: int,
    description: str,
) -> dict[str, Any]:
    """The body of `POST /v2/payouts`, its description cut to what the bank prints."""
    return {
        "reference_id": reference_id,
        "channel_code": bank.channel_code,
        "channel_properties": {"account_number": account_number, "account_holder_name": account_holder_name},
        "amount": amount,
        "currency": "IDR",
        "description": description[: bank.description_limit],
    }


def _customer(customer: Customer) -> dict[str, str]:
    optional = {"email": customer.email, "mobile_number": international_phone(customer.phone)}
    return {"given_names": customer.name} | {name: value for name, value in optional.items() if value}


def international_phone(typed: str | None) -> str | None:
    """An Indonesian phone number in E.164 (+62...), None where it doesn't look like one.

    Xendit refuses the whole invoice over a malformed number, so a doubtful one is left out.
    """
    digits = re.sub(r"[\s().-]", "", typed or "")
    number = re.fullmatch(r"(?:\+?62|0)(8\d{7,11})", digits)
    return f"+62{number[1]}" if number else None
