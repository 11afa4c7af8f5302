"""Payment methods are offered at the gateways that have them now; another takes over (PS-002, TRACK, FAILOVER-1)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from infra.local.postgres import Postgres
from shared.cloud.database import transaction
from shared.cloud.settings import Settings, settings
from shared.gateways import registry
from shared.gateways.errors import GatewayUnavailable
from shared.gateways.http import Timeouts
from shared.gateways.midtrans.client import Midtrans
from shared.gateways.statuses import PaymentMethod
from shared.gateways.xendit.client import Xendit
from shared.identity.tokens import Principal
from shared.payments import checkout, payment_options
from shared.payments.checkout import CheckoutRequest, GatewayUnreachable
from shared.payments.payment_options import AmountAboveLimit, PaymentOption
from shared.problems import TryAgain
from shared.sales.schemas import OrderResponse
from tests.factories import a_tier, a_user, an_event, reserve
from tests.model.gateways import Gateways, gateways

pytestmark = pytest.mark.usefixtures("database")

LIMIT = 10_000_000
NOBODY = "http://127.0.0.1:9"
IMPATIENT = Timeouts(connect_seconds=0.2, total_seconds=0.5, tries=1, failures_to_open=1, open_seconds=1000.0)
BANKS = ("BCA", "MANDIRI", "BNI", "BRI", "PERMATA")


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    with gateways(postgres, "payment_options_gateways") as served:
        yield served


@pytest.fixture(autouse=True)
def behaving_in_the_end(at: Gateways) -> Iterator[None]:
    yield
    for gateway in ("xendit", "midtrans"):
        at.behaves(gateway)


@pytest.fixture
def xendit_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at Xendit's address, and one call has noticed."""
    xendit = Xendit(NOBODY, "key", "token", timeouts=IMPATIENT)
    monkeypatch.setattr(registry, "xendit", lambda: xendit)
    with pytest.raises(GatewayUnavailable):
        xendit.payment_status("an invoice")


def an_order(price: int = 100_000) -> tuple[Principal, OrderResponse]:
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=[a_tier(price=price)]), a_user(tx)
    order = reserve(buyer, event)
    assert isinstance(order, OrderResponse)
    return buyer, order


def pay(buyer: Principal, order: OrderResponse, method: str, gateway: str | None = None) -> OrderResponse:
    return checkout.checkout(buyer.id, order.id, CheckoutRequest(payment_method=method, gateway=gateway))


def gateway_of(options: list[PaymentOption], method: str) -> str:
    (found,) = [option.gateway for option in options if option.method == method]
    return found


def test_both_gateways_offer_every_method_the_default_one_first():
    options = payment_options.all_options(100_000)
    assert [option.gateway for option in options] == ["xendit"] * len(PaymentMethod) + ["midtrans"] * len(PaymentMethod)
    assert {option.method for option in options if option.gateway == "midtrans"} == set(PaymentMethod)
    assert all(option.is_available for option in options)


def test_a_method_is_paid_where_our_own_page_can_show_it_and_else_at_the_default_gateway():
    options = payment_options.best_options(100_000)
    assert [option.method for option in options] == list(PaymentMethod)
    assert gateway_of(options, "QRIS") == "midtrans"
    for method in (*BANKS, "OVO", "GOPAY", "ANY"):
        assert gateway_of(options, method) == "xendit"
    inline = {option.method for option in options if option.is_inline}
    assert inline == {"QRIS", *BANKS}


def test_a_gateway_that_has_just_failed_is_offered_where_no_other_one_is():
    assert {option.gateway for option in payment_options.best_options(1, failed_gateway="xendit")} == {"midtrans"}
    assert {option.gateway for option in payment_options.best_options(1, failed_gateway="midtrans")} == {"xendit"}


@pytest.mark.usefixtures("xendit_is_away")
def test_the_other_gateway_takes_over_while_a_circuit_is_open():
    away = [option for option in payment_options.all_options(100_000) if option.gateway == "xendit"]
    assert all(0 < option.retry_after_seconds <= 1000 for option in away)
    assert {option.gateway for option in payment_options.best_options(100_000)} == {"midtrans"}
    assert payment_options.alternatives(100_000, method=PaymentMethod.BCA, failed=["midtrans"]) == []


def test_core_and_snap_have_circuits_of_their_own(monkeypatch: pytest.MonkeyPatch, at: Gateways):
    live = registry.midtrans()
    midtrans = Midtrans(core_url=NOBODY, snap_url=f"{at.url}/midtrans", server_key="key", timeouts=IMPATIENT)
    monkeypatch.setattr(registry, "midtrans", lambda: midtrans)
    with pytest.raises(GatewayUnavailable):
        midtrans.payment_status("an order")
    paused = {option.method for option in payment_options.all_options(1) if not option.is_available}
    assert paused == {"QRIS", *BANKS}
    assert live is not midtrans


@pytest.mark.parametrize(
    ("method", "first", "next_ones"),
    [
        (PaymentMethod.BNI, "BNI", {"BCA", "MANDIRI", "BRI", "PERMATA"}),
        (PaymentMethod.OVO, "OVO", {"QRIS", "GOPAY", "DANA", "LINKAJA"}),
        (PaymentMethod.QRIS, "QRIS", {"OVO", "GOPAY", "DANA", "LINKAJA"}),
    ],
)
def test_the_same_method_comes_first_and_what_is_like_it_next(method, first, next_ones):
    found = payment_options.alternatives(100_000, method=method, failed=["xendit"])
    assert {option.gateway for option in found} == {"midtrans"}
    names = [str(option.method) for option in found]
    assert names[0] == first
    assert set(names[1:5]) == next_ones
    assert len(names) == len(PaymentMethod)


def alternative_of(problem: TryAgain) -> Any:
    return problem.document("of this test").get("alternative")


@pytest.mark.parametrize(("gateway", "other"), [("xendit", "midtrans"), ("midtrans", "xendit")])
def test_a_checkout_that_fails_names_the_other_gateway_which_then_takes_the_money(at, gateway, other):
    buyer, order = an_order()
    at.fails(gateway, status=500, count=100)
    with pytest.raises(GatewayUnreachable) as failed:
        pay(buyer, order, "BRI", gateway)
    document = failed.value.document("of this test")
    assert (document["status"], document["type"], document["gateway"]) == (503, "/problems/try-again", gateway)
    assert document["alternative"]["gateway"] == other
    assert document["alternative"]["payment_methods"][0] == "BRI"
    paid = pay(buyer, order, document["alternative"]["payment_methods"][0], other).payments[-1]
    assert (paid.gateway, paid.status) == (other, "pending")
    assert paid.va_number


@pytest.mark.usefixtures("xendit_is_away")
def test_no_alternative_is_named_that_is_away_too(at: Gateways):
    buyer, order = an_order()
    at.fails("midtrans", status=500, count=100)
    with pytest.raises(GatewayUnreachable) as failed:
        pay(buyer, order, "QRIS", "midtrans")
    assert alternative_of(failed.value) is None
    with pytest.raises(GatewayUnreachable) as failed:
        pay(buyer, order, "QRIS", "xendit")
    assert alternative_of(failed.value)["gateway"] == "midtrans"
    assert failed.value.retry_after_seconds


def test_qris_is_not_offered_above_its_limit():
    for amount, is_offered in ((LIMIT, True), (LIMIT + 1, False)):
        offered = {(option.gateway, str(option.method)) for option in payment_options.all_options(amount)}
        by_qris = {("xendit", "QRIS"), ("midtrans", "QRIS"), ("midtrans", "LINKAJA")}
        assert by_qris & offered == (by_qris if is_offered else set())
        assert ("xendit", "LINKAJA") in offered  # by its own app
    assert "QRIS" not in {option.method for option in payment_options.best_options(LIMIT + 1)}


@pytest.mark.parametrize("gateway", [None, "xendit", "midtrans"])
def test_a_checkout_by_qris_above_its_limit_is_refused_and_may_be_tried_otherwise(gateway):
    buyer, order = an_order(price=LIMIT + 1)
    with pytest.raises(AmountAboveLimit) as refused:
        pay(buyer, order, "QRIS", gateway)
    document = refused.value.document("of this test")
    assert (document["status"], document["type"], document["limit"]) == (422, "/problems/amount-above-limit", LIMIT)
    assert "QRIS" not in document["payment_methods"]
    assert pay(buyer, order, document["payment_methods"][0], gateway).payments[-1].status == "pending"


def test_the_limit_is_a_setting_and_counts_what_is_to_be_paid(monkeypatch: pytest.MonkeyPatch):
    buyer, order = an_order(price=100_000)
    fees_too = replace(settings(), qris_limit=order.total_amount - 1)
    for module in (payment_options,):
        monkeypatch.setattr(module, "settings", lambda: fees_too)
    with pytest.raises(AmountAboveLimit):
        pay(buyer, order, "QRIS")
    enough = replace(fees_too, qris_limit=order.total_amount)
    monkeypatch.setattr(payment_options, "settings", lambda: enough)
    assert pay(buyer, order, "QRIS").payments[-1].amount == order.total_amount
    assert Settings().qris_limit == LIMIT
