"""The protocol of payment gateways.

A third gateway is a package that implements it, its name in `names` and its client in `registry`, a migration that
widens the CHECKs of `gateway`, the address of its webhooks, its settings and its simulator.

No transaction is open while a method runs. Each may raise the errors of `shared.gateways.errors`.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.gateways.statuses import (
    AccountName,
    Customer,
    GatewayPaymentStatus,
    GatewayRefundStatus,
    GatewayTransferStatus,
    MethodTraits,
    Movement,
    OpenedPayment,
    PaymentMethod,
    WebhookEvent,
)


class PaymentReference(Protocol):
    """A payment of ours, as its gateway finds it."""

    @property
    def external_id(self) -> str:
        """Our id of it there."""

    @property
    def gateway_reference(self) -> str | None:
        """The gateway's id; None until it has answered."""


class PayablePayment(PaymentReference, Protocol):
    """A payment that the buyer is to pay, or must not pay any more."""

    @property
    def amount(self) -> int:
        """Rupiah."""

    @property
    def payment_method(self) -> str:
        """A `PaymentMethod`."""

    @property
    def expires_at(self) -> datetime:
        """UTC."""

    @property
    def snap_token(self) -> str | None:
        """The reference of a payment page that its gateway opened by token."""

    @property
    def duplicate_of(self) -> UUID | None:
        """The payment whose external id it shares."""


class SendableRefund(PaymentReference, Protocol):
    """A refund with the payment that it goes back by."""

    @property
    def id(self) -> UUID:
        """The key that makes a repeat safe."""

    @property
    def amount(self) -> int:
        """Rupiah."""

    @property
    def kind(self) -> str:
        """A `RefundKind`."""

    @property
    def reason(self) -> str:
        """The reason, in words for people."""

    @property
    def gateway_refund_id(self) -> str | None:
        """The gateway's id of it; None until it has answered."""


class Gateway(Protocol):
    """A payment gateway."""

    name: str
    """As in `payments.gateway` and in the ledger's account `gateway_clearing:<name>`."""
    lists_movements: bool
    """True if `movements` knows all; else `clearing` asks about each payment."""
    methods: Mapping[PaymentMethod, MethodTraits]
    """The payment methods that it offers."""
    unrefundable_channels: Collection[str]
    """The channels of payments by which nothing can go back: banks and shops, in upper case, as it names them."""

    def paused_seconds(self, method: PaymentMethod) -> float:
        """The seconds for which this process opens no payments by a method, as its gateway is silent; 0 else."""

    def open(
        self, payment: PayablePayment, customer: Customer, *, description: str, return_url: str, may_exist: bool
    ) -> OpenedPayment:
        """Let the buyer pay; the same payment twice is one payment. `may_exist`: an earlier call may have arrived."""

    def status(self, payment: PaymentReference, reference: str | None = None) -> list[GatewayPaymentStatus]:
        """The gateway's status of a payment, or of its `reference` there, and of whatever shares its external id.

        Empty where the gateway has never heard of it.
        """

    def status_with_refunds(self, payment: PaymentReference) -> list[GatewayPaymentStatus]:
        """The status of a payment, with its refunds."""

    def cancel(self, payment: PayablePayment) -> list[GatewayPaymentStatus]:
        """Cancel a payment so that nobody can pay it, and return its status (it may be paid). Empty as for `status`."""

    def refund(self, refund: SendableRefund) -> GatewayRefundStatus:
        """Give money back the way it came. Raises GatewayRefused where this gateway can't, now or later."""

    def refund_status(self, refund: SendableRefund) -> GatewayRefundStatus:
        """The status of a refund; one whose first answer was lost is sent once more under its key."""

    def refunded_amount(self, payment: PaymentReference) -> int:
        """Rupiah of a payment that have gone back or are going back, whoever started it, a card's owner included."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Check a webhook's origin and read it. Raises SignatureInvalid, PayloadUnreadable."""

    def movements(self, since: datetime, until: datetime) -> list[Movement]:
        """All money that moved on our account between two moments; empty unless `lists_movements`."""

    def payments_created(self, since: datetime, until: datetime) -> Iterable[GatewayPaymentStatus]:
        """The payments that were created between two moments; empty where the gateway has no list of them."""

    def refunds_created(self, since: datetime) -> Iterable[GatewayRefundStatus]:
        """The refunds that were created since a moment; empty where the gateway has no list of them."""


class TransferGateway(Protocol):
    """A gateway that sends money to bank accounts, and asks banks whose they are."""

    name: str
    account_digits: Mapping[str, range]
    """The banks that it sends money to, by our code: how many digits their account numbers have."""

    def send_transfer(
        self, *, key: UUID, bank_code: str, account_number: str, holder_name: str, amount: int, description: str
    ) -> GatewayTransferStatus:
        """Send `amount` rupiah; the same key never pays twice, and tells what became of the first call."""

    def transfer_status(self, key: UUID, reference: str | None) -> GatewayTransferStatus | None:
        """The status of a transfer, by the gateway's `reference` or else by our key; None where it is not known."""

    def check_account(
        self, *, bank_code: str, account_number: str, reference_id: str, holder_name: str | None = None
    ) -> AccountName:
        """Ask the bank who owns an account; what is still PENDING is asked about by `account_name`."""

    def account_name(self, request_id: str) -> AccountName:
        """The result of a check."""
