"""One way to talk to each gateway about a payment of ours. No transaction is open while these run."""

from collections.abc import Callable
from typing import Protocol

from shared.cloud import clock
from shared.cloud.settings import settings
from shared.gateways import accounts
from shared.gateways.errors import UNKNOWN, GatewayRefused
from shared.gateways.facts import Customer, OpenedPayment, PaymentFact, PaymentMethod, PaymentState
from shared.payments.attempts import Attempt


class Provider(Protocol):
    """What we want of a gateway. All may raise the errors of shared.gateways.errors."""

    def open(self, attempt: Attempt, customer: Customer, description: str, *, resume: bool) -> OpenedPayment:
        """Let the buyer pay `attempt`; the same attempt twice makes one payment."""

    def facts(self, attempt: Attempt, reference: str | None) -> list[PaymentFact]:
        """What the gateway says of it, and of whatever else it has under its external id where that may matter."""

    def end(self, attempt: Attempt) -> list[PaymentFact]:
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

    def facts(self, attempt: Attempt, reference: str | None) -> list[PaymentFact]:
        named = reference or attempt.gateway_reference
        found = _unless_unknown(lambda: [accounts.xendit().fact(named)]) if named else []
        if any(fact.state is PaymentState.PAID for fact in found):
            return found
        return found + [fact for fact in self._all_of(attempt) if fact.gateway_reference != named]

    def end(self, attempt: Attempt) -> list[PaymentFact]:
        named = attempt.gateway_reference
        found = _unless_unknown(lambda: [accounts.xendit().end(named)]) if named else []
        if attempt.duplicate_of:
            return found
        others = [fact for fact in self._all_of(attempt) if fact.gateway_reference != named]
        return found + [self._ended(fact) for fact in others]

    def _all_of(self, attempt: Attempt) -> list[PaymentFact]:
        return accounts.xendit().facts_of(attempt.external_id)

    def _ended(self, fact: PaymentFact) -> PaymentFact:
        return accounts.xendit().end(fact.gateway_reference) if fact.state is PaymentState.PENDING else fact


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

    def facts(self, attempt: Attempt, reference: str | None) -> list[PaymentFact]:  # noqa: ARG002
        return _unless_unknown(lambda: [accounts.midtrans().fact(attempt.external_id)])

    def end(self, attempt: Attempt) -> list[PaymentFact]:
        return _unless_unknown(lambda: [accounts.midtrans().end(attempt.external_id, attempt.snap_token)])


_PROVIDERS: dict[str, Provider] = {"xendit": _Xendit(), "midtrans": _Midtrans()}


def of(attempt: Attempt) -> Provider:
    """The gateway of a payment."""
    return _PROVIDERS[attempt.gateway]


def ask(attempt: Attempt, reference: str | None = None) -> list[PaymentFact]:
    """What the gateway says of a payment, or of its `reference` there; nothing where it has never heard of it."""
    return of(attempt).facts(attempt, reference)


def ask_about_refunds(attempt: Attempt) -> list[PaymentFact]:
    """What the gateway says of a payment and of what has gone back of it."""
    reference = attempt.gateway_reference
    if attempt.gateway == "xendit" and reference:
        return _unless_unknown(lambda: [accounts.xendit().with_refunds(reference)])
    return ask(attempt)


def end(attempt: Attempt) -> list[PaymentFact]:
    """End a payment at its gateway and say what is true then; nothing where it has never heard of it."""
    return of(attempt).end(attempt)


def _unless_unknown(call: Callable[[], list[PaymentFact]]) -> list[PaymentFact]:
    try:
        return call()
    except GatewayRefused as refused:
        if refused.status == 404 and refused.code != UNKNOWN:
            return []
        raise


def _order_page(attempt: Attempt) -> str:
    return f"{settings().public_url}/orders/{attempt.order_id}"
