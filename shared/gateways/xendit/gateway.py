"""Xendit as a payment gateway and as the transfer gateway: invoices, refunds and payouts of our account.

One external id can have several invoices there, since an answer can be lost (docs/reference/gateways.md).
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from shared.cloud import clock
from shared.gateways.errors import GatewayRefused, GatewayUnavailable, none_if_unknown
from shared.gateways.protocol import PayablePayment, PaymentReference, SendableRefund
from shared.gateways.statuses import (
    AccountName,
    Customer,
    GatewayPaymentState,
    GatewayPaymentStatus,
    GatewayRefundStatus,
    GatewayTransferStatus,
    MethodTraits,
    Movement,
    OpenedPayment,
    PaymentMethod,
    WebhookEvent,
)
from shared.gateways.xendit.client import Xendit
from shared.gateways.xendit.requests import ACCOUNT_METHODS, BANKS
from shared.gateways.xendit.responses import GATEWAY
from shared.states import RefundKind

_REASONS: dict[str, str] = {
    RefundKind.REQUESTED: "REQUESTED_BY_CUSTOMER",
    RefundKind.CANCELLATION: "CANCELLATION",
    RefundKind.UNUSABLE_PAYMENT: "DUPLICATE",
}
_REFUSED_FOR_NOW = frozenset(
    {"INSUFFICIENT_BALANCE", "TEMPORARILY_UNAVAILABLE", "REFUND_IN_PROGRESS", "CHANNEL_UNAVAILABLE"}
)
_REFUND_AGAIN_SECONDS = 60.0


class XenditGateway:
    """Implements `Gateway` and `TransferGateway` (shared/gateways/protocol.py), where each method is described."""

    name = GATEWAY
    lists_movements = True
    methods: Mapping[PaymentMethod, MethodTraits] = {
        method: MethodTraits(is_inline=method in ACCOUNT_METHODS, is_qris=method is PaymentMethod.QRIS)
        for method in PaymentMethod
    }
    unrefundable_channels: Collection[str] = frozenset(
        {
            *("BCA", "MANDIRI", "BNI", "BRI", "PERMATA", "CIMB", "BSI", "BJB", "SAHABAT_SAMPOERNA", "BANK_TRANSFER"),
            *("ALFAMART", "INDOMARET"),
        }
    )

    account_digits: Mapping[str, range] = {code: bank.account_digits for code, bank in BANKS.items()}

    def __init__(self, client: Xendit) -> None:
        self._client = client

    def open(
        self, payment: PayablePayment, customer: Customer, *, description: str, return_url: str, may_exist: bool
    ) -> OpenedPayment:
        """An invoice that ends with the payment."""
        seconds = int((payment.expires_at - clock.now()).total_seconds())
        return self._client.open_invoice(
            external_id=payment.external_id,
            amount=payment.amount,
            description=description,
            duration_seconds=max(seconds, 1),
            method=PaymentMethod(payment.payment_method),
            customer=customer,
            success_url=return_url,
            failure_url=return_url,
            resume=may_exist,
        )

    def paused_seconds(self, method: PaymentMethod) -> float:  # noqa: ARG002 - one address for all
        """The pause of its only circuit."""
        return self._client.paused_seconds

    def status(self, payment: PaymentReference, reference: str | None = None) -> list[GatewayPaymentStatus]:
        """The invoice by its id; unless it is paid, all others under the external id too."""
        invoice_id = reference or payment.gateway_reference
        found = self._invoice(invoice_id)
        if any(reported.state is GatewayPaymentState.PAID for reported in found):
            return found
        return found + [other for other in self._all_of(payment) if other.gateway_reference != invoice_id]

    def status_with_refunds(self, payment: PaymentReference) -> list[GatewayPaymentStatus]:
        """An invoice alone does not show what has gone back of it."""
        reference = payment.gateway_reference
        if reference is None:
            return self.status(payment)
        reported = none_if_unknown(lambda: self._client.with_refunds(reference))
        return [reported] if reported else []

    def cancel(self, payment: PayablePayment) -> list[GatewayPaymentStatus]:
        """All invoices under the external id, but for a duplicate, which is one of them."""
        invoice_id = payment.gateway_reference
        ended = none_if_unknown(lambda: self._client.expire_invoice(invoice_id)) if invoice_id else None
        found = [ended] if ended else []
        if payment.duplicate_of:
            return found
        others = [other for other in self._all_of(payment) if other.gateway_reference != invoice_id]
        return found + [
            self._client.expire_invoice(other.gateway_reference)
            if other.state is GatewayPaymentState.PENDING
            else other
            for other in others
        ]

    def refund(self, refund: SendableRefund) -> GatewayRefundStatus:
        """Refund the invoice. What Xendit refuses only for now is GatewayUnavailable."""
        try:
            return self._client.refund(
                invoice_id=refund.gateway_reference or "",
                amount=refund.amount,
                reference_id=str(refund.id),
                idempotency_key=str(refund.id),
                reason=_REASONS.get(refund.kind, "OTHERS"),
            )
        except GatewayRefused as refused:
            if refused.code not in _REFUSED_FOR_NOW:
                raise
            raise GatewayUnavailable(
                GATEWAY, refused.code, retry_after_seconds=_REFUND_AGAIN_SECONDS, outcome_unknown=False
            ) from refused

    def refund_status(self, refund: SendableRefund) -> GatewayRefundStatus:
        """Ask by Xendit's id of it; without one the same key gives the lost answer again."""
        if refund.gateway_refund_id:
            return self._client.refund_status(refund.gateway_refund_id)
        return self.refund(refund)

    def refunded_amount(self, payment: PaymentReference) -> int:
        """The sum of the refunds listed for the invoice."""
        return self._client.refunded_amount(payment.gateway_reference or "")

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Proven by the callback token."""
        return self._client.parse_webhook(headers, body)

    def movements(self, since: datetime, until: datetime) -> list[Movement]:
        """Read the list of transactions."""
        return self._client.movements(since, until)

    def payments_created(self, since: datetime, until: datetime) -> Iterable[GatewayPaymentStatus]:
        """Read the list of invoices."""
        return self._client.invoices_created(since, until)

    def refunds_created(self, since: datetime) -> Iterable[GatewayRefundStatus]:
        """Read the list of refunds."""
        return self._client.refunds_created(since)

    def send_transfer(
        self, *, key: UUID, bank_code: str, account_number: str, holder_name: str, amount: int, description: str
    ) -> GatewayTransferStatus:
        """A payout of Xendit's, whose reference is the key."""
        return self._client.send_payout(
            reference_id=str(key),
            idempotency_key=str(key),
            bank_code=bank_code,
            account_number=account_number,
            account_holder_name=holder_name,
            amount=amount,
            description=description,
        )

    def transfer_status(self, key: UUID, reference: str | None) -> GatewayTransferStatus | None:
        """Ask by Xendit's id, else by our key."""
        if reference:
            return self._client.payout_status(reference)
        return self._client.payout_status(reference_id=str(key))

    def check_account(
        self, *, bank_code: str, account_number: str, reference_id: str, holder_name: str | None = None
    ) -> AccountName:
        """Ask by a bank account data request."""
        return self._client.check_account(
            bank_code=bank_code, account_number=account_number, reference_id=reference_id, holder_name=holder_name
        )

    def account_name(self, request_id: str) -> AccountName:
        """The result of the request with this id."""
        return self._client.account_name(request_id)

    def _invoice(self, invoice_id: str | None) -> list[GatewayPaymentStatus]:
        reported = none_if_unknown(lambda: self._client.payment_status(invoice_id)) if invoice_id else None
        return [reported] if reported else []

    def _all_of(self, payment: PaymentReference) -> list[GatewayPaymentStatus]:
        return self._client.payment_statuses(payment.external_id)
