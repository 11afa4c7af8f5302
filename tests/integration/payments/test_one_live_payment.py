"""One live payment per order whatever the clicks, and every paid invoice of ours counts or goes back in full."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from infra.local.postgres import Postgres
from shared.cloud.database import transaction
from shared.gateways import registry
from shared.gateways.statuses import Customer, PaymentMethod
from shared.identity.tokens import Principal
from shared.payments import checkout, payment_expiry, reconcile, sync, webhooks
from shared.problems import Problem, TryAgain
from shared.refunds import execution as refund_execution
from shared.sales.schemas import OrderResponse
from tests.factories import a_tier, a_user, an_event, reserve
from tests.integration.refunds.steps import rows
from tests.model.gateways import KEY, Gateways, gateways
from tests.threads import at_the_same_time

IN_PROGRESS = (409, "checkout-in-progress", 2)

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    with gateways(postgres, "one_live_payment_gateways") as served:
        yield served


@dataclass(frozen=True)
class Purchase:
    """An order that its buyer is about to pay."""

    at: Gateways
    buyer: Principal
    order: OrderResponse

    def click(self, method: str = "BCA", gateway: str = "xendit") -> OrderResponse | Problem:
        try:
            wanted = checkout.CheckoutRequest(payment_method=method, gateway=gateway)
            return checkout.checkout(self.buyer.id, self.order.id, wanted)
        except Problem as problem:
            return problem

    def invoices(self, payment: int = 1) -> dict[str, str]:
        """Xendit's invoices under the external id of this try: reference to status."""
        listed = self.at.session.get(
            f"{self.at.url}/xendit/v2/invoices",
            params={"external_id": f"{self.order.id}-{payment}"},
            auth=(KEY, ""),
            timeout=60,
        ).json()
        return {invoice["id"]: invoice["status"] for invoice in listed}

    def kept(self) -> str:
        row = rows("SELECT gateway_reference FROM payments WHERE order_id = :id ORDER BY attempt", id=self.order.id)[0]
        return str(row.gateway_reference)

    def forget_one(self) -> str:
        """A second invoice of the same external id, as a click in the same moment makes; no row keeps it."""
        opened = registry.xendit().open_invoice(
            external_id=f"{self.order.id}-1",
            amount=self.order.total_amount,
            description="Tiket",
            duration_seconds=1800,
            method=PaymentMethod.BCA,
            customer=Customer("Siti", "siti@example.com"),
        )
        return opened.gateway_reference

    def pay(self, reference: str) -> None:
        self.at.does("xendit", reference, "pay")

    def tell(self, reference: str) -> None:
        """The webhook of Xendit about that invoice."""
        body = {
            "id": reference,
            "external_id": f"{self.order.id}-1",
            "status": "PAID",
            "amount": self.order.total_amount,
            "paid_amount": self.order.total_amount,
            "currency": "IDR",
        }
        webhooks.receive("xendit", {"x-callback-token": KEY}, json.dumps(body).encode())

    def status(self) -> str:
        with transaction() as tx:
            return OrderResponse.read(tx, self.order.id).status

    def left(self) -> int:
        """Money that has come in at Xendit and not gone back."""
        return self.at.moved("xendit").get(f"{self.order.id}-1", 0)

    def finish(self) -> None:
        """Everything that was asked for is done."""
        for row in rows("SELECT id FROM payments WHERE order_id = :id AND must_end_at_gateway", id=self.order.id):
            payment_expiry.cancel_at_gateway(row.id)
        for row in rows("SELECT id FROM refunds WHERE order_id = :id", id=self.order.id):
            refund_execution.execute(row.id)


def a_purchase(at: Gateways) -> Purchase:
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=[a_tier(price=100_000)]), a_user(tx)
    order = reserve(buyer, event)
    assert isinstance(order, OrderResponse), order
    return Purchase(at, buyer, order)


def an_opened_purchase(at: Gateways) -> Purchase:
    purchase = a_purchase(at)
    assert isinstance(purchase.click(), OrderResponse)
    return purchase


@pytest.mark.parametrize("methods", [("BCA", "BCA"), ("BCA", "QRIS")])
def test_clicks_in_the_same_moment_make_one_payment(at, methods):
    purchase = a_purchase(at)
    at.fails("xendit", latency_ms=700, count=1)
    outcomes = at_the_same_time([lambda method=method: purchase.click(method) for method in methods])
    done = [each for each in outcomes if isinstance(each, OrderResponse)]
    refused = [each for each in outcomes if not isinstance(each, OrderResponse)]
    assert [(each.status, each.slug, each.retry_after_seconds) for each in refused] == [IN_PROGRESS]
    assert list(purchase.invoices()) == [purchase.kept()]
    assert len(done[0].payments) == 1
    at.behaves("xendit")
    again = purchase.click(done[0].payments[0].payment_method)
    assert isinstance(again, OrderResponse)
    assert again.payments == done[0].payments


def test_a_click_after_one_that_failed_goes_on_at_once(at):
    purchase = a_purchase(at)
    at.fails("xendit", status=503, count=20)
    assert isinstance(purchase.click(), TryAgain)
    at.behaves("xendit")
    assert isinstance(purchase.click(), OrderResponse)
    assert list(purchase.invoices()) == [purchase.kept()]


def test_a_checkout_that_died_is_gone_on_with_once_its_time_is_over(at):
    purchase = a_purchase(at)
    at.fails("xendit", status=503, count=20)
    purchase.click()
    at.behaves("xendit")
    claim = "UPDATE payments SET claimed_until = now() + interval '{}' WHERE order_id = :id"
    with transaction() as tx:
        tx.execute(text(claim.format("30 seconds")), {"id": purchase.order.id})
    assert purchase.click().slug == "checkout-in-progress"  # type: ignore[union-attr]
    with transaction() as tx:
        tx.execute(text(claim.format("-1 seconds")), {"id": purchase.order.id})
    assert isinstance(purchase.click(), OrderResponse)


def by_webhook(purchase: Purchase, reference: str) -> None:
    purchase.tell(reference)


def by_the_buyers_look(purchase: Purchase, _: str) -> None:
    row = rows("SELECT id FROM payments WHERE order_id = :id ORDER BY attempt", id=purchase.order.id)[0]
    with transaction() as tx:
        tx.execute(text("UPDATE payments SET last_asked_at = NULL WHERE id = :id"), {"id": row.id})
    sync.status(purchase.buyer, row.id)


def by_reconcile(_: Purchase, __: str) -> None:
    reconcile.run(thorough=True, older_than_seconds=0)


WAYS: list[Any] = [by_webhook, by_the_buyers_look, by_reconcile]


@pytest.mark.parametrize("learn", WAYS)
def test_an_invoice_that_the_order_did_not_keep_pays_it(at, learn):
    purchase = an_opened_purchase(at)
    kept, forgotten = purchase.kept(), purchase.forget_one()
    purchase.pay(forgotten)
    learn(purchase, forgotten)
    assert purchase.status() == "paid"
    purchase.finish()
    assert purchase.invoices() == {kept: "EXPIRED", forgotten: "PAID"}
    assert purchase.left() == purchase.order.total_amount


@pytest.mark.parametrize("learn", [by_webhook, by_reconcile])
@pytest.mark.parametrize("first", ["kept", "forgotten"])
def test_the_second_of_two_paid_invoices_goes_back_in_full(at, first, learn):
    purchase = an_opened_purchase(at)
    kept, forgotten = purchase.kept(), purchase.forget_one()
    sequence = [kept, forgotten] if first == "kept" else [forgotten, kept]
    for reference in sequence:
        purchase.pay(reference)
        learn(purchase, reference)
        learn(purchase, reference)
    assert purchase.status() == "paid"
    [refund] = rows("SELECT kind, amount FROM refunds WHERE order_id = :id", id=purchase.order.id)
    assert tuple(refund) == ("unusable_payment", purchase.order.total_amount)
    # a virtual account can't be refunded: the debt to the buyer stands for the rest
    assert purchase.left() == 2 * purchase.order.total_amount


def test_a_live_invoice_that_the_order_did_not_keep_is_ended(at):
    purchase = an_opened_purchase(at)
    kept, forgotten = purchase.kept(), purchase.forget_one()
    reconcile.run(thorough=True, older_than_seconds=0)
    reconcile.run(thorough=True, older_than_seconds=0)
    assert purchase.invoices() == {kept: "PENDING", forgotten: "EXPIRED"}
    with transaction() as tx:
        assert len(OrderResponse.read(tx, purchase.order.id).payments) == 1
    assert purchase.click().payments[-1].gateway_reference == kept  # type: ignore[union-attr]


def test_two_invoices_of_a_checkout_that_never_answered_are_both_ended(at):
    purchase = a_purchase(at)
    at.fails("xendit", status=503, count=20)
    purchase.click()
    at.behaves("xendit")
    purchase.forget_one()
    purchase.forget_one()
    payment_id: UUID = rows("SELECT id FROM payments WHERE order_id = :id", id=purchase.order.id)[0].id
    payment_expiry.expire_unopened(payment_id)
    payment_expiry.cancel_at_gateway(payment_id)
    assert set(purchase.invoices().values()) == {"EXPIRED"}


def test_a_webhook_about_an_invoice_of_somebody_else_changes_nothing(at):
    purchase, other = an_opened_purchase(at), an_opened_purchase(at)
    other.pay(other.kept())
    purchase.tell(other.kept())  # the callback token may have leaked
    assert purchase.status() == "pending_payment"
