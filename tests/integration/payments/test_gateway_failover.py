"""A failing gateway's checkouts move to the other one, and back once it answers (FAILOVER-1)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from infra.local.postgres import Postgres
from shared.cloud.database import transaction
from shared.gateways.statuses import OpenedPayment, PaymentMethod
from shared.gateways.xendit.gateway import XenditGateway
from shared.identity.tokens import Principal
from shared.payments import checkout, gateway_circuits, payment_expiry, payment_options
from shared.payments.checkout import CheckoutInProgress, CheckoutRequest, GatewayUnreachable, PaymentRefused
from shared.payments.gateway_circuits import FAILURES_TO_OPEN
from shared.payments.records import Payment
from shared.sales import orders
from shared.sales.schemas import OrderResponse
from tests.factories import a_tier, a_user, an_event, reserve
from tests.model.gateways import Gateways, gateways

pytestmark = pytest.mark.usefixtures("database")

XENDIT = ("xendit", "payments")
MIDTRANS = ("midtrans", "snap")


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    with gateways(postgres, "failover_gateways") as served:
        yield served


@pytest.fixture(autouse=True)
def healthy(at: Gateways) -> Iterator[None]:
    def heal() -> None:
        for gateway in ("xendit", "midtrans"):
            at.behaves(gateway)
        with transaction() as tx:
            tx.execute(text("DELETE FROM gateway_circuits"))

    heal()
    yield
    heal()


def an_order() -> tuple[Principal, OrderResponse]:
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=[a_tier(price=100_000)]), a_user(tx)
    order = reserve(buyer, event)
    assert isinstance(order, OrderResponse)
    return buyer, order


def pay(order: tuple[Principal, OrderResponse], gateway: str | None = None, **how: Any) -> OrderResponse:
    buyer, reserved = order
    request = CheckoutRequest(payment_method=PaymentMethod.OVO, gateway=gateway)
    return checkout.checkout(buyer.id, reserved.id, request, **how)


def rows(query: str, **values: Any) -> list[Any]:
    with transaction() as tx:
        return list(tx.execute(text(query), values))


def gateways_of(order: OrderResponse) -> list[tuple[str, str]]:
    return [(payment.gateway, str(payment.status)) for payment in order.payments]


def circuit_opens(circuit: gateway_circuits.Circuit) -> None:
    for _ in range(FAILURES_TO_OPEN):
        with transaction() as tx:
            gateway_circuits.record_failure(tx, circuit)


def pause_ends() -> None:
    with transaction() as tx:
        tx.execute(text("UPDATE gateway_circuits SET open_until = now() - interval '1 second'"))


def is_paused(circuit: gateway_circuits.Circuit) -> bool:
    with transaction() as tx:
        return gateway_circuits.pauses(tx).get(circuit, 0.0) > 0


def test_a_checkout_moves_by_itself_to_the_gateway_that_answers(at: Gateways):
    at.fails("xendit", status=500, count=100)
    assert gateways_of(pay(an_order())) == [("xendit", "expired"), ("midtrans", "pending")]


def test_a_gateway_that_the_caller_named_is_not_replaced(at: Gateways):
    at.fails("xendit", status=500, count=100)
    with pytest.raises(GatewayUnreachable):
        pay(an_order(), "xendit")


def test_a_page_prefers_a_gateway_and_may_still_move(at: Gateways):
    at.fails("midtrans", status=500, count=100)
    moved = pay(an_order(), "midtrans", may_move=True)
    assert gateways_of(moved) == [("midtrans", "expired"), ("xendit", "pending")]


def test_what_a_silent_gateway_made_all_the_same_is_ended_there(at: Gateways):
    at.fails("xendit", status=500, takes_effect=True, count=100)  # it makes the payment and does not say so
    order = pay(an_order())
    [left] = rows(
        "SELECT id, must_end_at_gateway FROM payments WHERE gateway = 'xendit' AND order_id = :id", id=order.id
    )
    assert left.must_end_at_gateway
    at.behaves("xendit")
    payment_expiry.cancel_at_gateway(left.id)
    assert not rows("SELECT 1 FROM payments WHERE id = :id AND must_end_at_gateway", id=left.id)


def test_what_a_silent_gateway_made_for_an_order_that_ended_meanwhile_is_ended_there(
    at: Gateways, monkeypatch: pytest.MonkeyPatch
):
    buyer, order = an_order()
    make = XenditGateway.open

    def after_the_end(gateway: XenditGateway, payment: Payment, *asked: Any, **named: Any) -> OpenedPayment:
        payment_expiry.cancel_at_gateway(end(order.id))  # it has nothing to cancel yet
        at.fails("xendit", status=500, takes_effect=True, count=100)
        return make(gateway, payment, *asked, **named)

    monkeypatch.setattr(XenditGateway, "open", after_the_end)
    at.fails("midtrans", status=500, count=100)
    with pytest.raises(orders.NotPayable):
        pay((buyer, order))
    assert rows(
        "SELECT status, must_end_at_gateway FROM payments WHERE order_id = :id AND gateway = 'xendit'", id=order.id
    ) == [("expired", True)]


def end(order_id: UUID) -> UUID:
    """Cancel an order; its payment, which has ended."""
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, order_id))
    payment_expiry.expire_payments(order_id)
    [payment] = rows("SELECT id FROM payments WHERE order_id = :id", id=order_id)
    found: UUID = payment.id
    return found


def test_no_order_has_two_payments_to_pay_however_often_it_moves(at: Gateways):
    order = an_order()
    for silent in ("xendit", "midtrans", "xendit"):
        at.fails(silent, status=500, count=100)
        with transaction() as tx:
            tx.execute(text("DELETE FROM gateway_circuits"))
        with ThreadPoolExecutor(4) as pool:
            taps = [pool.submit(pay, order, silent, may_move=True) for _ in range(4)]
            [tap.exception() for tap in taps]
        at.behaves(silent)
        payable = "SELECT 1 FROM payments WHERE order_id = :id AND status IN ('opening', 'pending')"
        assert len(rows(payable, id=order[1].id)) == 1


def test_a_payment_that_another_checkout_has_opened_meanwhile_is_not_given_up(
    at: Gateways, monkeypatch: pytest.MonkeyPatch
):
    order = an_order()
    alternatives = payment_options.alternatives

    def meanwhile(*asked: Any, **named: Any) -> list[payment_options.PaymentOption]:
        at.behaves("xendit")
        pay(order)
        return alternatives(*asked, **named)

    monkeypatch.setattr(payment_options, "alternatives", meanwhile)
    at.fails("xendit", status=500, count=100)
    with pytest.raises(CheckoutInProgress):
        pay(order)
    live = "SELECT gateway, status FROM payments WHERE order_id = :id"
    assert rows(live, id=order[1].id) == [("xendit", "pending")]


def test_the_hold_stays_where_neither_answers(at: Gateways):
    order = an_order()
    for gateway in ("xendit", "midtrans"):
        at.fails(gateway, status=500, count=100)
    with pytest.raises(GatewayUnreachable) as refused:
        pay(order)
    assert refused.value.retry_after_seconds
    assert "alternative" not in refused.value.members
    for gateway in ("xendit", "midtrans"):
        at.behaves(gateway)
    assert pay(order).payments[-1].status == "pending"


def test_after_some_failures_every_instance_leaves_a_gateway_alone(at: Gateways):
    circuit_opens(XENDIT)
    at.fails("xendit", status=500, count=1)  # which nobody asks for
    assert gateways_of(pay(an_order())) == [("midtrans", "pending")]
    with transaction() as tx:
        options = payment_options.all_options(100_000, gateway_circuits.pauses(tx))
    assert {option.gateway for option in options if option.is_available} == {"midtrans"}


def test_a_few_failures_open_no_circuit():
    for _ in range(FAILURES_TO_OPEN - 1):
        with transaction() as tx:
            gateway_circuits.record_failure(tx, XENDIT)
    assert gateways_of(pay(an_order())) == [("xendit", "pending")]


def test_failures_that_are_far_apart_open_no_circuit():
    for _ in range(FAILURES_TO_OPEN + 1):
        with transaction() as tx:
            gateway_circuits.record_failure(tx, XENDIT)
            tx.execute(text("UPDATE gateway_circuits SET failed_at = now() - interval '2 minutes'"))
    assert not is_paused(XENDIT)


def test_one_checkout_tries_a_gateway_again_and_the_others_wait_for_its_outcome():
    circuit_opens(XENDIT)
    pause_ends()
    with transaction() as tx:
        claimed = [gateway_circuits.probe(tx, XENDIT) for _ in range(3)]
    assert claimed == [True, False, False]
    assert is_paused(XENDIT)


def test_a_gateway_that_answers_again_gets_its_checkouts_back():
    circuit_opens(XENDIT)
    pause_ends()
    assert [gateways_of(pay(an_order())) for _ in range(2)] == [[("xendit", "pending")]] * 2


def test_a_gateway_that_still_fails_is_left_alone_again(at: Gateways):
    circuit_opens(XENDIT)
    pause_ends()
    at.fails("xendit", status=500, count=100)
    assert gateways_of(pay(an_order())) == [("xendit", "expired"), ("midtrans", "pending")]
    assert is_paused(XENDIT)


def test_a_refusal_is_an_answer(at: Gateways):
    circuit_opens(XENDIT)
    pause_ends()
    at.fails("xendit", status=400, count=1)
    with pytest.raises(PaymentRefused):
        pay(an_order())
    assert gateways_of(pay(an_order())) == [("xendit", "pending")]


def test_a_checkout_does_not_move_to_a_gateway_that_another_one_tries(at: Gateways):
    circuit_opens(MIDTRANS)
    pause_ends()
    with transaction() as tx:
        assert gateway_circuits.probe(tx, MIDTRANS)
    at.fails("xendit", status=500, count=100)
    with pytest.raises(GatewayUnreachable):
        pay(an_order())


def test_a_late_answer_counts_as_a_failure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gateway_circuits, "SLOW_SECONDS", 0.0)
    for _ in range(FAILURES_TO_OPEN):
        assert gateways_of(pay(an_order())) == [("xendit", "pending")]
    assert gateways_of(pay(an_order())) == [("midtrans", "pending")]


def test_both_paused_the_preferred_one_is_asked_all_the_same():
    circuit_opens(XENDIT)
    circuit_opens(MIDTRANS)
    assert gateways_of(pay(an_order())) == [("xendit", "pending")]


def test_a_payment_that_waits_stays_at_its_gateway():
    order = an_order()
    pay(order, "midtrans")
    assert gateways_of(pay(order)) == [("midtrans", "pending")]
