"""Midtrans as a payment gateway. One external id is one transaction there, and it has no lists."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from shared.gateways.errors import none_if_unknown
from shared.gateways.midtrans.client import Midtrans
from shared.gateways.midtrans.requests import CHARGED_METHODS, QRIS_METHODS
from shared.gateways.midtrans.responses import GATEWAY
from shared.gateways.protocol import PayablePayment, PaymentReference, SendableRefund
from shared.gateways.statuses import (
    Customer,
    GatewayPaymentState,
    GatewayPaymentStatus,
    GatewayRefundStatus,
    MethodTraits,
    Movement,
    OpenedPayment,
    PaymentMethod,
    WebhookEvent,
)

_BANKS = ("BCA", "MANDIRI", "BNI", "BRI", "PERMATA", "CIMB", "BSI")


class MidtransGateway:
    """Implements `Gateway` (shared/gateways/protocol.py), where each method is described."""

    name = GATEWAY
    lists_movements = False
    methods: Mapping[PaymentMethod, MethodTraits] = {
        method: MethodTraits(
            is_inline=method in CHARGED_METHODS,
            is_qris=method in QRIS_METHODS,
            api="core" if method in CHARGED_METHODS else "snap",
        )
        for method in PaymentMethod
    }
    unrefundable_channels: Collection[str] = frozenset(
        {*_BANKS, *(f"{bank}_VA" for bank in _BANKS), "ECHANNEL", "BANK_TRANSFER", "ALFAMART", "INDOMARET", "CSTORE"}
    )

    def __init__(self, client: Midtrans) -> None:
        self._client = client

    def open(
        self,
        payment: PayablePayment,
        customer: Customer,
        *,
        description: str,  # noqa: ARG002 - Midtrans shows its own
        return_url: str,
        may_exist: bool,  # noqa: ARG002 - a charge that exists is looked up by itself
    ) -> OpenedPayment:
        """A charge where our page shows the code or the number, or a Snap page for every other method."""
        return self._client.open_payment(
            order_id=payment.external_id,
            amount=payment.amount,
            method=PaymentMethod(payment.payment_method),
            expires_at=payment.expires_at,
            customer=customer,
            finish_url=return_url,
        )

    def paused_seconds(self, method: PaymentMethod) -> float:
        """The pause of Core's or of Snap's circuit."""
        return self._client.paused_seconds(method)

    def status(self, payment: PaymentReference, reference: str | None = None) -> list[GatewayPaymentStatus]:  # noqa: ARG002
        """The status of the transaction with our external id."""
        reported = none_if_unknown(lambda: self._client.payment_status(payment.external_id))
        return [reported] if reported else []

    def status_with_refunds(self, payment: PaymentReference) -> list[GatewayPaymentStatus]:
        """A transaction lists its refunds."""
        return self.status(payment)

    def cancel(self, payment: PayablePayment) -> list[GatewayPaymentStatus]:
        """Close the page, and expire or cancel the transaction."""
        reported = none_if_unknown(lambda: self._client.cancel(payment.external_id, payment.snap_token))
        return [reported] if reported else []

    def refund(self, refund: SendableRefund) -> GatewayRefundStatus:
        """Refund the transaction, under our id as its refund key."""
        return self._client.refund(
            order_id=refund.external_id, amount=refund.amount, refund_key=str(refund.id), reason=refund.reason
        )

    def refund_status(self, refund: SendableRefund) -> GatewayRefundStatus:
        """Look in the transaction's list of refunds; one that is not there has not arrived."""
        return self._client.refund_status(refund.external_id, str(refund.id)) or self.refund(refund)

    def refunded_amount(self, payment: PaymentReference) -> int:
        """The amount that the transaction says; all of it where its card's owner disputes the payment."""
        reported = self._client.payment_status(payment.external_id)
        is_disputed = reported.state is GatewayPaymentState.CHARGED_BACK
        return (reported.paid_amount or 0) if is_disputed else reported.refunded_amount

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:  # noqa: ARG002
        """Proven by the signature in the body."""
        return self._client.parse_notification(body)

    def movements(self, since: datetime, until: datetime) -> list[Movement]:  # noqa: ARG002
        """An empty list: Midtrans lists nothing."""
        return []

    def payments_created(self, since: datetime, until: datetime) -> Iterable[GatewayPaymentStatus]:  # noqa: ARG002
        """An empty list: Midtrans lists nothing."""
        return ()

    def refunds_created(self, since: datetime) -> Iterable[GatewayRefundStatus]:  # noqa: ARG002
        """An empty list: Midtrans lists nothing."""
        return ()
