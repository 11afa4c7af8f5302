"""One way to talk to each gateway about a payment of ours. No transaction is open while these run."""

from collections.abc import Callable
from typing import Protocol

from shared.cloud import clock
from shared.cloud.settings import settings
from shared.gateways import accounts
from shared.gateways.errors import GatewayRefused
from shared.gateways.facts import Customer, OpenedPayment, PaymentFact, PaymentMethod
from shared.payments.attempts import Attempt


class Provider(Protocol):
    """What we want of a gateway. All may raise the errors of shared.gateways.errors."""

    def open(self, attempt: Attempt, customer: Customer, description: str, *, resume: bool) -> OpenedPayment:
        """Let the buyer pay `attempt`; the same attempt twice makes one payment."""

    def fact(self, attempt: Attempt) -> PaymentFact:
        """What the gateway says of it."""

    def end(self, attempt: Attempt) -> PaymentFact:
        """Make sure that nobody can pay it any more, or learn that somebody has."""


class _Xendit:
    def open(self, attempt: Attempt, customer: Customer, description: str, *, resume: bool) -> OpenedPayment:
        seconds = int((attempt.expires_at - clock.now()).total_seconds())
        page = _order_page(attempt)
        return accounts.xendit().open_invoice(
            external_id=attempt.external_id,
            amount=attempt.amount,
            description=description,
            duration_seconds=max(seconds, 1),
            method=PaymentMethod(attempt.payment_method),
            customer=customer,
            success_url=page,
            failure_url=page,
            resume=resume,
        )

    def fact(self, attempt: Attempt) -> PaymentFact:
        if attempt.gateway_reference:
            return accounts.xendit().fact(attempt.gateway_reference)
        return accounts.xendit().fact(external_id=attempt.external_id)

    def end(self, attempt: Attempt) -> PaymentFact:
        return accounts.xendit().end(attempt.gateway_reference or self.fact(attempt).gateway_reference)


class _Midtrans:
    def open(self, attempt: Attempt, customer: Customer, description: str, *, resume: bool) -> OpenedPayment:  # noqa: ARG002
        return accounts.midtrans().open_payment(
            order_id=attempt.external_id,
            amount=attempt.amount,
            method=PaymentMethod(attempt.payment_method),
            expires_at=attempt.expires_at,
            customer=customer,
            finish_url=_order_page(attempt),
        )

    def fact(self, attempt: Attempt) -> PaymentFact:
        return accounts.midtrans().fact(attempt.external_id)

    def end(self, attempt: Attempt) -> PaymentFact:
        return accounts.midtrans().end(attempt.external_id, attempt.snap_token)


_PROVIDERS: dict[str, Provider] = {"xendit": _Xendit(), "midtrans": _Midtrans()}


def of(attempt: Attempt) -> Provider:
    """The gateway of a payment."""
    return _PROVIDERS[attempt.gateway]


def ask(attempt: Attempt) -> PaymentFact | None:
    """What the gateway says of a payment; None where it has never heard of it."""
    return _unless_unknown(lambda: of(attempt).fact(attempt))


def end(attempt: Attempt) -> PaymentFact | None:
    """End a payment at its gateway and say what is true then; None where it has never heard of it."""
    return _unless_unknown(lambda: of(attempt).end(attempt))


def _unless_unknown(call: Callable[[], PaymentFact]) -> PaymentFact | None:
    try:
        return call()
    except GatewayRefused as refused:
        if refused.status == 404:
            return None
        raise


def _order_page(attempt: Attempt) -> str:
    return f"{settings().public_url}/orders/{attempt.order_id}"
