"""A good status with an answer nobody can read is no answer: tried again where that is safe, and never paid twice."""

from collections.abc import Iterator

import pytest

from infra.local.postgres import Postgres
from shared.cloud.database import transaction
from shared.gateways.errors import GatewayUnavailable
from shared.identity.tokens import Principal
from shared.payments import checkout, payment_expiry, sync, transfer_sync
from shared.payments.status_handling import StatusOutcome
from shared.payouts import bank_account_changes
from shared.payouts.bank_accounts import BankAccountBody
from shared.problems import TryAgain
from shared.refunds import approval
from shared.refunds import execution as refund_execution
from shared.refunds import requests as refund_requests
from shared.refunds.requests import RefundRequest
from shared.sales.schemas import OrderResponse, PaymentResponse
from tests.factories import Event, a_tier, a_user, add_tickets, an_event, reserve
from tests.integration.refunds.steps import rows, set_account
from tests.model.gateways import Gateways, gateways

pytestmark = pytest.mark.usefixtures("database")

BODIES = ("html", "empty", "half", "error")
GATEWAYS = ("xendit", "midtrans")
TRIES = 3
"""How often a call is tried."""


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    with gateways(postgres, "unreadable_answers_gateways") as served:
        yield served


@pytest.fixture(autouse=True)
def behaving_in_the_end(at: Gateways) -> Iterator[None]:
    yield
    for gateway in GATEWAYS:
        at.behaves(gateway)


def an_order() -> tuple[Event, Principal, OrderResponse]:
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=[a_tier(price=100_000)]), a_user(tx)
    order = reserve(buyer, event)
    assert isinstance(order, OrderResponse)
    return event, buyer, order


def pay(buyer: Principal, order: OrderResponse, gateway: str, method: str = "QRIS") -> PaymentResponse:
    return checkout.checkout(
        buyer.id, order.id, checkout.CheckoutRequest(payment_method=method, gateway=gateway)
    ).payments[-1]


@pytest.mark.slow("every unreadable answer, at both gateways")
@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("method", ["QRIS", "BCA"])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("takes_effect", [False, True])
def test_a_checkout_is_told_to_try_again_and_then_can_be_paid(at, gateway, method, body, takes_effect):
    _, buyer, order = an_order()
    at.fails(gateway, body=body, count=100, takes_effect=takes_effect)
    with pytest.raises(TryAgain):
        pay(buyer, order, gateway, method)
    at.behaves(gateway)
    payment = pay(buyer, order, gateway, method)
    assert payment.qr_string or payment.redirect_url
    at.does(gateway, str(payment.gateway_reference), "pay")
    assert sync.sync_payment(payment.id) is StatusOutcome.PAID


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("body", BODIES)
def test_one_unreadable_answer_is_overcome_by_asking_again(at, gateway, body):
    _, buyer, order = an_order()
    at.fails(gateway, body=body, takes_effect=True)
    payment = pay(buyer, order, gateway)
    assert payment.qr_string or payment.redirect_url
    made = [name for name in at.moved("xendit") if name.startswith(str(order.id))]
    assert made == []


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("body", BODIES)
def test_asking_and_ending_fail_as_while_the_gateway_is_away(at, gateway, body):
    _, buyer, order = an_order()
    payment = pay(buyer, order, gateway, "BCA")
    at.fails(gateway, body=body, count=100)
    with pytest.raises(GatewayUnavailable):
        sync.sync_payment(payment.id)
    with pytest.raises(GatewayUnavailable):
        payment_expiry.cancel_at_gateway(payment.id)
    assert sync.status(buyer, payment.id).status == "pending"


def an_approved_refund(at: Gateways, gateway: str, method: str) -> tuple[OrderResponse, refund_requests.RefundResponse]:
    event, buyer, order = an_order()
    set_account(buyer.id)
    payment = pay(buyer, order, gateway, method)
    at.does(gateway, str(payment.gateway_reference), "pay")
    sync.sync_payment(payment.id)
    add_tickets(order.id)
    with transaction() as tx:
        refund = refund_requests.request(tx, buyer.id, RefundRequest(order_id=order.id, reason="Sakit"))
        organizer = Principal(event.organizer_id, "organizer", event.organizer_id)
        approval.approve(tx, organizer, refund.id)
    return order, refund


def left(at: Gateways, order: OrderResponse, gateway: str) -> int:
    """Money that has come in for an order and not gone back, by the gateways' own lists."""
    transfers = {
        str(row.id)
        for row in rows(
            "SELECT d.id FROM disbursements d JOIN refunds r ON r.id = d.refund_id WHERE r.order_id = :id", id=order.id
        )
    }
    by_transfer = sum(amount for name, amount in at.moved("xendit").items() if name in transfers)
    return by_transfer + sum(
        amount for name, amount in at.moved(gateway).items() if name.startswith(str(order.id)) and name not in transfers
    )


@pytest.mark.slow("every unreadable answer, at both gateways")
@pytest.mark.parametrize(("gateway", "method"), [("xendit", "QRIS"), ("midtrans", "QRIS"), ("xendit", "BCA")])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("takes_effect", [False, True])
def test_a_refund_of_which_nobody_knows_is_paid_once(at, gateway, method, body, takes_effect):
    order, refund = an_approved_refund(at, gateway, method)
    at.fails(gateway, body=body, count=TRIES, takes_effect=takes_effect)
    with pytest.raises(GatewayUnavailable):
        refund_execution.execute(refund.id)
    at.behaves(gateway)
    refund_execution.execute(refund.id)
    for transfer in rows("SELECT id FROM disbursements WHERE refund_id = :id AND status = 'sending'", id=refund.id):
        transfer_sync.sync_transfer(transfer.id)
    assert refund_execution.sync(refund.id) == "completed"
    assert left(at, order, gateway) == 107_500 - 90_000


@pytest.mark.parametrize("body", BODIES)
def test_an_account_whose_bank_can_not_be_heard_is_not_set(at, body):
    _, buyer, _ = an_order()
    at.fails("xendit", body=body, count=100)
    wanted = BankAccountBody(bank_code="BCA", account_number="1234567890", account_holder_name="Siti Rahma")
    with pytest.raises(TryAgain):
        bank_account_changes.set_account(buyer.id, wanted)
