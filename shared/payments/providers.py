"""One way to talk to each gateway about a payment of ours. No transaction is open while these run."""

from collections.abc import Callable
from typing import Protocol

from shared.cloud import clock
from shared.cloud.settings import settings
from shared.gateways import registry
from shared.gateways.errors import UNKNOWN, GatewayRefused
from shared.gateways.statuses import Customer, GatewayPaymentState, GatewayPaymentStatus, OpenedPayment, PaymentMethod
from shared.payments.records import Payment


class Provider(Protocol):
    """What we want of a gateway. All may raise the errors of shared.gateways.errors."""

    def open(self, payment: Payment, customer: Customer, description: str, *, resume: bool) -> OpenedPayment:
        """Let the buyer pay `payment`; the same attempt twice makes one payment."""

    def facts(self, payment: Payment, reference: str | None) -> list[GatewayPaymentStatus]:
        """What the gateway says of it, and of whatever else it has under its external id where that may matter."""

    def end(self, payment: Payment) -> list[GatewayPaymentStatus]:
        """Make sure that nobody can pay it any more, or learn that somebody has."""


class _Xendit:
    def open(self, payment: Payment, customer: Customer, description: str, *, resume: bool) -> OpenedPayment:
        seconds = int((payment.expires_at - clock.now()).total_seconds())
        page = _order_page(payment)
        return registry.xendit().open_invoice(
            external_id=payment.external_id,
            amount=payment.amount,
            description=description,
            duration_seconds=max(seconds, 1),
            method=PaymentMethod(payment.payment_method),
            customer=customer,
            success_url=page,
            failure_url=page,
            resume=resume,
        )

    def facts(self, payment: Payment, reference: str | None) -> list[GatewayPaymentStatus]:
        named = reference or payment.gateway_reference
        found = _unless_unknown(lambda: [registry.xendit().fact(named)]) if named else []
        if any(reported.state is GatewayPaymentState.PAID for reported in found):
            return found
        return found + [reported for reported in self._all_of(payment) if reported.gateway_reference != named]

    def end(self, payment: Payment) -> list[GatewayPaymentStatus]:
        named = payment.gateway_reference
        found = _unless_unknown(lambda: [registry.xendit().end(named)]) if named else []
        if payment.duplicate_of:
            return found
        others = [reported for reported in self._all_of(payment) if reported.gateway_reference != named]
        return found + [self._ended(reported) for reported in others]

    def _all_of(self, payment: Payment) -> list[GatewayPaymentStatus]:
        return registry.xendit().facts_of(payment.external_id)

    def _ended(self, reported: GatewayPaymentStatus) -> GatewayPaymentStatus:
        return (
            registry.xendit().end(reported.gateway_reference)
            if reported.state is GatewayPaymentState.PENDING
            else reported
        )


class _Midtrans:
    def open(self, payment: Payment, customer: Customer, description: str, *, resume: bool) -> OpenedPayment:  # noqa: ARG002
        return registry.midtrans().open_payment(
            order_id=payment.external_id,
            amount=payment.amount,
            method=PaymentMethod(payment.payment_method),
            expires_at=payment.expires_at,
            customer=customer,
            finish_url=_order_page(payment),
        )

    def facts(self, payment: Payment, reference: str | None) -> list[GatewayPaymentStatus]:  # noqa: ARG002
        return _unless_unknown(lambda: [registry.midtrans().fact(payment.external_id)])

    def end(self, payment: Payment) -> list[GatewayPaymentStatus]:
        return _unless_unknown(lambda: [registry.midtrans().end(payment.external_id, payment.snap_token)])


_PROVIDERS: dict[str, Provider] = {"xendit": _Xendit(), "midtrans": _Midtrans()}


def of(payment: Payment) -> Provider:
    """The gateway of a payment."""
    return _PROVIDERS[payment.gateway]


def ask(payment: Payment, reference: str | None = None) -> list[GatewayPaymentStatus]:
    """What the gateway says of a payment, or of its `reference` there; nothing where it has never heard of it."""
    return of(payment).facts(payment, reference)


def ask_about_refunds(payment: Payment) -> list[GatewayPaymentStatus]:
    """What the gateway says of a payment and of what has gone back of it."""
    reference = payment.gateway_reference
    if payment.gateway == "xendit" and reference:
        return _unless_unknown(lambda: [registry.xendit().with_refunds(reference)])
    return ask(payment)


def end(payment: Payment) -> list[GatewayPaymentStatus]:
    """End a payment at its gateway and say what is true then; nothing where it has never heard of it."""
    return of(payment).end(payment)


def _unless_unknown(call: Callable[[], list[GatewayPaymentStatus]]) -> list[GatewayPaymentStatus]:
    try:
        return call()
    except GatewayRefused as refused:
        if refused.status == 404 and refused.code != UNKNOWN:
            return []
        raise


def _order_page(payment: Payment) -> str:
    return f"{settings().public_url}/orders/{payment.order_id}"
