"""A third gateway is a class that does `shared/gateways/protocol.py`, registered under its name (PS-005, PS-017)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.gateways import registry
from shared.gateways.errors import SignatureInvalid
from shared.gateways.protocol import PayablePayment, PaymentReference, SendableRefund
from shared.gateways.statuses import (
    Customer,
    GatewayPaymentState,
    GatewayPaymentStatus,
    GatewayRefundState,
    GatewayRefundStatus,
    MethodTraits,
    Movement,
    OpenedPayment,
    PaymentMethod,
    WebhookEvent,
    WebhookEventKind,
)
from shared.identity.tokens import Principal
from shared.payments import checkout, clearing, payment_expiry, webhooks
from shared.payments.clearing import LedgerMismatch
from shared.problems import NotSignedIn
from shared.refunds import approval
from shared.refunds import execution as refund_execution
from shared.refunds import requests as refund_requests
from shared.refunds.requests import RefundRequest
from shared.sales.schemas import OrderResponse
from tests.factories import a_user, an_event, reserve

pytestmark = pytest.mark.usefixtures("own_database", "files")

SECRET = "of the fake gateway"


@dataclass
class FakeGateway:
    """Cash at a counter: each payment by its external id, each refund by its key."""

    name: str = "fake"
    lists_movements: bool = True
    unrefundable_channels: frozenset[str] = frozenset()
    payments: dict[str, GatewayPaymentStatus] = field(default_factory=dict)
    refunds: dict[UUID, GatewayRefundStatus] = field(default_factory=dict)
    moved: list[Movement] = field(default_factory=list)
    methods: Mapping[PaymentMethod, MethodTraits] = field(
        default_factory=lambda: {PaymentMethod.ANY: MethodTraits()},
    )

    def paused_seconds(self, method: PaymentMethod) -> float:
        return 0.0

    def open(
        self, payment: PayablePayment, customer: Customer, *, description: str, return_url: str, may_exist: bool
    ) -> OpenedPayment:
        assert customer.name
        assert description
        assert not may_exist
        self.payments[payment.external_id] = GatewayPaymentStatus(
            gateway=self.name,
            external_id=payment.external_id,
            gateway_reference=f"counter-{payment.external_id}",
            state=GatewayPaymentState.PENDING,
            amount=payment.amount,
            paid_amount=None,
            currency="IDR",
            channel=None,
            transaction_id=None,
            paid_at=None,
            refunded_amount=0,
            raw_status="open",
        )
        return OpenedPayment(f"counter-{payment.external_id}", redirect_url=return_url)

    def pay(self, external_id: str) -> None:
        now, pending = datetime.now(UTC), self.payments[external_id]
        paid = replace(pending, state=GatewayPaymentState.PAID, paid_amount=pending.amount, paid_at=now)
        self.payments[external_id] = paid
        self.moved.append(Movement(external_id, pending.amount or 0, now))

    def status(self, payment: PaymentReference, reference: str | None = None) -> list[GatewayPaymentStatus]:
        known = self.payments.get(payment.external_id)
        return [known] if known else []

    def status_with_refunds(self, payment: PaymentReference) -> list[GatewayPaymentStatus]:
        return self.status(payment)

    def cancel(self, payment: PayablePayment) -> list[GatewayPaymentStatus]:
        ended = replace(self.payments[payment.external_id], state=GatewayPaymentState.EXPIRED)
        self.payments[payment.external_id] = ended
        return [ended]

    def refund(self, refund: SendableRefund) -> GatewayRefundStatus:
        if refund.id not in self.refunds:
            self.moved.append(Movement(refund.external_id, -refund.amount, datetime.now(UTC)))
        self.refunds[refund.id] = GatewayRefundStatus(
            gateway=self.name,
            reference=str(refund.id),
            gateway_reference=f"back-{refund.id}",
            payment_reference=refund.gateway_reference or "",
            amount=refund.amount,
            state=GatewayRefundState.SUCCEEDED,
            failure_code=None,
            raw_status="paid back",
        )
        return self.refunds[refund.id]

    def refund_status(self, refund: SendableRefund) -> GatewayRefundStatus:
        return self.refund(refund)

    def refunded_amount(self, payment: PaymentReference) -> int:
        return -sum(each.amount for each in self.moved if each.name == payment.external_id and each.amount < 0)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        if headers.get("X-Secret") != SECRET:
            raise SignatureInvalid(self.name, "wrong secret")
        told = json.loads(body)
        return WebhookEvent(
            gateway=self.name,
            kind=WebhookEventKind.PAYMENT,
            event_id=uuid4().hex,
            external_id=told["external_id"],
            gateway_reference=None,
            raw_status="paid",
            is_test=False,
            reported=self.payments[told["external_id"]],
            payload=told,
        )

    def movements(self, since: datetime, until: datetime) -> list[Movement]:
        return [each for each in self.moved if since <= each.at <= until]

    def payments_created(self, since: datetime, until: datetime) -> Iterable[GatewayPaymentStatus]:
        return self.payments.values()

    def refunds_created(self, since: datetime) -> Iterable[GatewayRefundStatus]:
        return self.refunds.values()


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    """Registered alone, and allowed by the CHECK that its migration would widen."""
    fake = FakeGateway()
    monkeypatch.setattr(registry, "GATEWAYS", {"fake": lambda: fake})
    with transaction() as tx:
        tx.execute(text("SET LOCAL ROLE NONE"))
        tx.execute(text("ALTER TABLE payments DROP CONSTRAINT IF EXISTS payments_gateway_check"))
    return fake


@dataclass(frozen=True)
class Sale:
    organizer: Principal
    buyer: Principal
    order: OrderResponse
    external_id: str


def opened() -> Sale:
    with transaction() as tx:
        event, buyer = an_event(tx), a_user(tx)
    order = reserve(buyer, event)
    assert isinstance(order, OrderResponse), order
    wanted = checkout.CheckoutRequest.model_construct(payment_method=PaymentMethod.ANY, gateway="fake", attendees=None)
    [payment] = checkout.checkout(buyer.id, order.id, wanted).payments
    with transaction() as tx:
        query = text("SELECT external_id FROM payments WHERE id = :id")
        external_id = tx.execute(query, {"id": payment.id}).scalar_one()
    return Sale(Principal(event.organizer_id, "organizer", event.organizer_id), buyer, order, external_id)


def status_of(table: str, row_id: UUID) -> str:
    with transaction() as tx:
        return str(tx.execute(text(f"SELECT status FROM {table} WHERE id = :id"), {"id": row_id}).scalar_one())


def notify(sale: Sale, secret: str = SECRET) -> None:
    webhooks.receive("fake", {"X-Secret": secret}, json.dumps({"external_id": sale.external_id}).encode())


def test_a_sale_a_refund_and_the_comparison_of_the_books_run_through_it(gateway):
    sale = opened()
    gateway.pay(sale.external_id)
    notify(sale)
    assert status_of("orders", sale.order.id) == "paid"
    with transaction() as tx:
        asked = RefundRequest(order_id=sale.order.id, reason="Sakit")
        refund = refund_requests.request(tx, sale.buyer.id, asked)
        approval.approve(tx, sale.organizer, refund.id)
    assert refund_execution.execute(refund.id) == "completed"
    assert status_of("orders", sale.order.id) == "refunded"
    clearing.check(margin=timedelta(0))


def test_the_books_show_what_it_moved_without_us(gateway):
    sale = opened()
    gateway.pay(sale.external_id)
    notify(sale)
    gateway.moved.append(Movement(sale.external_id, -1_000, datetime.now(UTC)))
    with pytest.raises(LedgerMismatch):
        clearing.check(margin=timedelta(0))


def test_its_word_alone_proves_nothing_and_a_forged_one_is_refused(gateway):
    sale = opened()
    notify(sale)  # though nothing was paid
    assert status_of("orders", sale.order.id) == "pending_payment"
    with pytest.raises(NotSignedIn):
        notify(sale, secret="guessed")


def test_a_payment_that_is_given_up_is_cancelled_there(gateway):
    sale = opened()
    with transaction() as tx:
        payment_id = tx.execute(
            text("SELECT id FROM payments WHERE external_id = :id"), {"id": sale.external_id}
        ).scalar_one()
    payment_expiry.cancel_at_gateway(payment_id)
    assert gateway.payments[sale.external_id].state is GatewayPaymentState.EXPIRED
    assert status_of("orders", sale.order.id) == "expired"
