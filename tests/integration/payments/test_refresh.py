"""An order's page asks the gateway: once in three seconds however many look, and never for long (TRACK, L2)."""

import time
from collections.abc import Iterator
from unittest import mock
from uuid import UUID

import pytest
from sqlalchemy import text

from infra.local.postgres import Postgres
from shared.cloud.database import transaction
from shared.gateways.xendit.gateway import XenditGateway
from shared.identity.tokens import Principal
from shared.payments import checkout, sync
from shared.sales import orders
from shared.sales.schemas import OrderResponse, PaymentResponse
from tests.factories import a_tier, a_user, an_event, reserve
from tests.integration.refunds.steps import rows
from tests.model.gateways import Gateways, gateways
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")

LOOKERS = 4
"""As many as may have a connection to the database at once."""
SLOW_SECONDS = 60


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    with gateways(postgres, "refresh_gateways") as served:
        yield served


@pytest.fixture(autouse=True)
def behaving_in_the_end(at: Gateways) -> Iterator[None]:
    yield
    for gateway in ("xendit", "midtrans"):
        at.behaves(gateway)


@pytest.fixture
def questions() -> Iterator[mock.Mock]:
    """The questions that Xendit is asked."""
    with mock.patch.object(XenditGateway, "status", autospec=True, side_effect=XenditGateway.status) as asked:
        yield asked


def a_pending_payment(method: str = "QRIS", gateway: str = "xendit") -> tuple[Principal, PaymentResponse]:
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=[a_tier(price=100_000)]), a_user(tx)
    order = reserve(buyer, event)
    assert isinstance(order, OrderResponse)
    wanted = checkout.CheckoutRequest(payment_method=method, gateway=gateway)
    return buyer, checkout.checkout(buyer.id, order.id, wanted).payments[-1]


def time_passes(payment: PaymentResponse, seconds: float) -> None:
    with transaction() as tx:
        query = "UPDATE payments SET last_asked_at = last_asked_at - make_interval(secs => :seconds) WHERE id = :id"
        tx.execute(text(query), {"id": payment.id, "seconds": seconds})


def status(order_id: UUID) -> str:
    found: str = rows("SELECT status FROM orders WHERE id = :id", id=order_id)[0].status
    return found


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
@pytest.mark.parametrize("method", ["QRIS", "BNI", "GOPAY"])
def test_a_look_at_the_page_finds_out_what_no_webhook_has_told(at: Gateways, gateway: str, method: str) -> None:
    _, payment = a_pending_payment(method, gateway)
    at.does(gateway, str(payment.gateway_reference), "pay", deliver="never")
    assert sync.refresh(payment.order_id)
    assert status(payment.order_id) == "paid"


def test_many_lookers_at_once_cost_the_gateway_one_question(at: Gateways, questions: mock.Mock) -> None:
    _, payment = a_pending_payment()
    at.fails("xendit", latency_ms=300, takes_effect=True, count=10)
    asked = at_the_same_time([lambda: sync.refresh(payment.order_id)] * LOOKERS)
    assert asked.count(True) == questions.call_count == 1


def test_the_next_question_comes_after_three_seconds(questions: mock.Mock) -> None:
    _, payment = a_pending_payment()
    for seconds, count in ((0, 1), (2, 1), (1.1, 2), (0, 2), (10, 3)):
        time_passes(payment, seconds)
        sync.refresh(payment.order_id)
        assert questions.call_count == count


def test_whoever_asks_by_the_api_counts_too(questions: mock.Mock) -> None:
    buyer, payment = a_pending_payment()
    sync.status(buyer, payment.id)
    assert not sync.refresh(payment.order_id)
    time_passes(payment, 4)
    assert sync.refresh(payment.order_id)
    time_passes(payment, 4)
    sync.status(buyer, payment.id)  # by the API once in 30 seconds (ISO-2)
    assert questions.call_count == 2


def test_an_order_that_waits_for_nothing_asks_nothing(at: Gateways, questions: mock.Mock) -> None:
    _, payment = a_pending_payment()
    at.does("xendit", str(payment.gateway_reference), "pay")
    sync.refresh(payment.order_id)
    time_passes(payment, 10)
    assert not sync.refresh(payment.order_id)
    with transaction() as tx:
        event, buyer = an_event(tx), a_user(tx)
    reserved = reserve(buyer, event)
    assert isinstance(reserved, OrderResponse)
    assert not sync.refresh(reserved.id)
    assert questions.call_count == 1


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_a_slow_gateway_keeps_the_page_no_longer_than_a_second(at: Gateways, gateway: str) -> None:
    _, payment = a_pending_payment(gateway=gateway)
    at.fails(gateway, latency_ms=SLOW_SECONDS * 1000, takes_effect=True, count=2)
    begun = time.monotonic()
    assert sync.refresh(payment.order_id)
    assert time.monotonic() - begun < SLOW_SECONDS - 10  # whatever else the machine does
    assert status(payment.order_id) == "pending_payment"


def test_a_gateway_that_is_down_is_asked_once_and_the_page_is_shown(at: Gateways) -> None:
    _, payment = a_pending_payment()
    at.fails("xendit", status=500, count=1)
    assert sync.refresh(payment.order_id)
    assert status(payment.order_id) == "pending_payment"
    at.does("xendit", str(payment.gateway_reference), "pay", deliver="never")
    time_passes(payment, 4)
    sync.refresh(payment.order_id)
    assert status(payment.order_id) == "paid"


def test_an_order_that_somebody_has_locked_is_not_waited_for(at: Gateways) -> None:
    _, payment = a_pending_payment()
    at.does("xendit", str(payment.gateway_reference), "pay", deliver="never")
    with transaction() as tx:
        orders.lock(tx, payment.order_id)
        assert sync.refresh(payment.order_id)
    assert status(payment.order_id) == "pending_payment"
    time_passes(payment, 4)
    with transaction() as tx:
        tx.execute(text("SELECT id FROM payments WHERE id = :id FOR UPDATE"), {"id": payment.id})
        assert not sync.refresh(payment.order_id)
