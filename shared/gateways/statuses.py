"""The statuses of payments, refunds and transfers at any gateway, in our terms.

Amounts are whole rupiah (int). Times are aware UTC datetimes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class PaymentMethod(StrEnum):
    """A way for a buyer to pay, by our names (API contract). ANY leaves the choice to the gateway's page."""

    QRIS = "QRIS"
    BCA = "BCA"
    MANDIRI = "MANDIRI"
    BNI = "BNI"
    BRI = "BRI"
    PERMATA = "PERMATA"
    OVO = "OVO"
    DANA = "DANA"
    GOPAY = "GOPAY"
    LINKAJA = "LINKAJA"
    ANY = "ANY"


@dataclass(frozen=True)
class MethodTraits:
    """A gateway's way to carry out a payment method."""

    is_inline: bool = False
    """A code or a number comes back, for our own page; otherwise the payer goes to the gateway's."""
    is_qris: bool = False
    """It is paid as QRIS, whose amounts are limited."""
    api: str = "payments"
    """The gateway's API that opens it; those of one gateway fail apart from each other."""


class GatewayPaymentState(StrEnum):
    """The status of a payment according to its gateway."""

    PENDING = "pending"
    PAID = "paid"
    EXPIRED = "expired"  # nobody can pay it any more and nobody did; also when it was cancelled
    FAILED = "failed"
    CHALLENGED = "challenged"  # a card payment under fraud review: hand out nothing
    REFUNDED = "refunded"
    PARTIALLY_REFUNDED = "partially_refunded"
    REVERSED = "reversed"  # paid, then taken back by the bank within minutes
    CHARGED_BACK = "charged_back"
    UNKNOWN = "unknown"  # a word the gateway never used before: record it, change nothing, alert


KEEPS_MONEY = frozenset({GatewayPaymentState.PAID, GatewayPaymentState.PARTIALLY_REFUNDED})
"""The states of a payment by which money came in, and some of it is still there."""


@dataclass(frozen=True)
class GatewayPaymentStatus:
    """The status of one payment, as a gateway reports it.

    `amount` is what was asked for, None where the gateway does not know yet (a Midtrans page whose
    visitor has not chosen a method); `paid_amount` is what came in, None while nothing did. Compare
    both with the order, and `currency` too. `raw_status` is the gateway's own wording.
    `payer_may_retry` marks a failure that ended only one attempt: on the gateway's page the same reference can still be
    paid.
    """

    gateway: str
    external_id: str
    gateway_reference: str
    state: GatewayPaymentState
    amount: int | None
    paid_amount: int | None
    currency: str
    channel: str | None
    transaction_id: str | None
    paid_at: datetime | None
    refunded_amount: int
    raw_status: str
    payer_may_retry: bool = False
    refunded_by_key: Mapping[str, int] = field(default_factory=dict)
    """Rupiah of `refunded_amount` by the key of the refund, which is our id of a refund of ours."""


@dataclass(frozen=True)
class OpenedPayment:
    """A payment the buyer can now pay: where to send them, or what to show them."""

    gateway_reference: str
    redirect_url: str | None = None
    snap_token: str | None = None
    qr_string: str | None = None
    qr_image_url: str | None = None
    va_number: str | None = None
    biller_code: str | None = None
    """The company code of a bill at Bank Mandiri, whose `va_number` is the number of the bill."""
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Customer:
    """The payer. Who buys by message has no `email`; `phone` as the buyer typed it, if at all."""

    name: str
    email: str | None
    phone: str | None = None


class GatewayRefundState(StrEnum):
    """The status of a refund according to its gateway."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class GatewayRefundStatus:
    """The status of one refund, as a gateway reports it; `reference` is ours, `gateway_reference` the gateway's."""

    gateway: str
    reference: str
    gateway_reference: str
    payment_reference: str
    amount: int
    state: GatewayRefundState
    failure_code: str | None
    raw_status: str
    created: datetime | None = None


class GatewayTransferState(StrEnum):
    """The status of a transfer to a bank account. REVERSED: the bank sent it back after it had arrived."""

    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REVERSED = "reversed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class GatewayTransferStatus:
    """The status of one transfer, as a gateway reports it.

    `may_retry` is true after a failure that a new transfer under a new key can cure.
    """

    gateway: str
    reference: str
    gateway_reference: str
    amount: int
    state: GatewayTransferState
    failure_code: str | None
    may_retry: bool
    raw_status: str


@dataclass(frozen=True)
class Movement:
    """Money in (positive) or out of our account at a gateway, in rupiah; `name` is our id of what it belongs to."""

    name: str
    amount: int
    at: datetime


class AccountCheck(StrEnum):
    """The result of asking who owns a bank account. PENDING may stay so for ever."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    PENDING = "pending"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class AccountName:
    """The owner of an account, as the bank spells it: in upper case, so compare it normalised."""

    request_id: str
    check: AccountCheck
    holder_name: str | None
    is_virtual_account: bool


class WebhookEventKind(StrEnum):
    """The subject of a payment gateway's webhook."""

    PAYMENT = "payment"
    REFUND = "refund"
    PAYOUT = "payout"
    DISBURSEMENT = "disbursement"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class WebhookEvent:
    """A webhook that proved its origin. It is a hint to ask the gateway, never evidence of money.

    `event_id` is the same for every repeat of one event. `is_test` marks what a dashboard's test
    button sends: answer 200, change nothing. `reported` is None where `kind` is UNKNOWN.
    """

    gateway: str
    kind: WebhookEventKind
    event_id: str
    external_id: str | None
    gateway_reference: str | None
    raw_status: str
    is_test: bool
    reported: GatewayPaymentStatus | GatewayRefundStatus | GatewayTransferStatus | None
    payload: Mapping[str, Any]
    is_readable: bool = True
    """False where the body was no JSON object."""
