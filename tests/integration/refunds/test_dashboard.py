"""A refund at a gateway's dashboard is booked at once, and nobody gets the money twice."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from infra.checks import invariants
from infra.local.postgres import Postgres
from shared.cloud import clock, manual_tasks
from shared.cloud.database import transaction
from shared.gateways.errors import GatewayError, GatewayUnavailable
from shared.gateways.statuses import GatewayRefundStatus
from shared.gateways.xendit.client import Xendit
from shared.payments import cancellation, checkout, reconcile, sync, unrecorded_payments, webhooks
from shared.payments.status_handling import StatusOutcome
from shared.payouts import creation
from shared.problems import Invalid
from shared.refunds import dashboard_decisions
from shared.refunds import execution as refund_execution
from shared.refunds import manual as manual_refunds
from shared.refunds import records as refund_records
from shared.refunds import requests as refund_requests
from shared.refunds.approval import RefundAlreadyDecided
from shared.refunds.dashboard_decisions import DashboardRefundRequest, InAnotherRefund, NothingInSuspense
from shared.refunds.manual import ManualRefundRequest, NotManuallyRefundable
from shared.refunds.requests import NothingToRefund, RefundRequest
from shared.sales import orders
from shared.sales.schemas import OrderResponse
from tests.factories import add_tickets, stock
from tests.integration.refunds.gateway_sales import BACK, PAID, Sale, a_sale, an_order, with_account
from tests.integration.refunds.steps import let_it_be_over, open_tasks, rows, set_account
from tests.model.gateways import KEY, Gateways, gateways
from tests.reused_database import ReusedDatabase

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def nothing_before(database: str, reused_database: ReusedDatabase) -> None:
    """Each test finds the database empty: what runs on schedule looks at all that is in it."""
    reused_database.empty()


@pytest.fixture(scope="module")
def at(postgres: Postgres) -> Iterator[Gateways]:
    with gateways(postgres, "dashboard_refunds_gateways") as served:
        yield served


def by_webhook(sale: Sale) -> None:
    """Xendit tells of each refund of the payment; Midtrans of the payment."""
    if sale.payment.gateway == "midtrans":
        sync.sync_payment(sale.payment.id)
        return
    listed = sale.at.session.get(f"{sale.at.url}/xendit/refunds", auth=(KEY, ""), timeout=60).json()["data"]
    for refund in listed:
        if refund["invoice_id"] == sale.payment.gateway_reference:
            body = {"event": "refund.succeeded", "business_id": "b", "data": refund}
            webhooks.receive("xendit", {"x-callback-token": KEY}, json.dumps(body).encode())


def by_reconcile(sale: Sale) -> None:
    if sale.payment.gateway == "midtrans":  # which has no list: its notifications come again
        sync.sync_refunds(sale.payment.id)
    reconcile.run(thorough=True, older_than_seconds=0)


def account(sale: Sale, name: str) -> int:
    query = """
        SELECT COALESCE(sum(e.amount), 0) AS amount FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
        WHERE p.order_id = :id AND e.account LIKE :name
    """
    return int(rows(query, id=sale.order.id, name=name)[0].amount)


def status(sale: Sale) -> str:
    with transaction() as tx:
        return OrderResponse.read(tx, sale.order.id).status


def the_books_are_right(sale: Sale) -> None:
    assert account(sale, "gateway_clearing:%") == sale.moved()
    with transaction() as tx:
        assert invariants.broken(tx, invariants.ALWAYS) == {}


GATEWAYS = pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
LEARN: Any = pytest.mark.parametrize("learn", [by_webhook, by_reconcile])


@pytest.mark.slow("a purchase and its refund, in eight ways")
@GATEWAYS
@LEARN
@pytest.mark.parametrize("parts", [[PAID], [40_000, PAID - 40_000]], ids=["at once", "in two parts"])
def test_all_that_went_back_refunds_the_order(at, gateway, learn: Callable[[Sale], None], parts):
    sale = a_sale(at, gateway)
    [item] = sale.order.items
    for part in parts:
        sale.at_the_dashboard("refund", amount=part)
        learn(sale)
        learn(sale)
        the_books_are_right(sale)
    assert status(sale) == "refunded"
    assert account(sale, "organizer_payable:%") == account(sale, "dashboard_refunds") == 0
    assert stock(item.tier_id).sold == 0
    assert {row.status for row in rows("SELECT status FROM tickets WHERE order_id = :id", id=sale.order.id)} == {"void"}
    told = rows("SELECT id FROM refunds WHERE order_id = :id AND kind = 'by_gateway'", id=sale.order.id)
    assert len(told) == len(parts)


@pytest.mark.slow("a purchase and its refunds, in four ways")
@GATEWAYS
@LEARN
def test_a_part_is_booked_at_once_and_decided_by_a_person(at, gateway, learn: Callable[[Sale], None]):
    sale = a_sale(at, gateway)
    sale.at_the_dashboard("refund", amount=50_000)
    for _ in range(3):
        learn(sale)
    the_books_are_right(sale)
    assert account(sale, "dashboard_refunds") == 50_000
    assert status(sale) == "paid"
    assert open_tasks(sale.payment.id) == ["payment_partially_refunded"]


@GATEWAYS
def test_a_part_and_then_a_request_give_back_no_more_than_the_rule(at, gateway):
    sale = with_account(a_sale(at, gateway))
    sale.at_the_dashboard("refund", amount=50_000)
    by_webhook(sale)
    refund = sale.approved()
    refund_execution.execute(refund.id)
    assert refund_execution.sync(refund.id) == "completed"
    assert refund.amount == 40_000
    assert sale.moved() == PAID - 90_000
    assert status(sale) == "refunded"
    assert account(sale, "dashboard_refunds") == account(sale, "refunds_payable") == 0
    the_books_are_right(sale)


@GATEWAYS
def test_a_part_that_goes_back_while_a_request_waits_is_taken_off_it(at, gateway):
    sale = with_account(a_sale(at, gateway))
    refund = sale.request_refund()
    sale.at_the_dashboard("refund", amount=50_000)
    by_webhook(sale)
    sale.approve(refund)
    refund_execution.execute(refund.id)
    assert refund_execution.sync(refund.id) == "completed"
    assert sale.moved() == PAID - 90_000
    the_books_are_right(sale)


@pytest.mark.slow("a purchase and its refunds, in six ways")
@GATEWAYS
@pytest.mark.parametrize("amount", [50_000, 90_000, 100_000])
def test_what_goes_back_while_we_owe_pays_the_debt_first(at, gateway, amount):
    sale = with_account(a_sale(at, gateway))
    refund = sale.approved()
    sale.at_the_dashboard("refund", amount=amount)
    by_webhook(sale)
    refund_execution.execute(refund.id)
    assert refund_execution.sync(refund.id) == "completed"
    assert sale.moved() == PAID - max(amount, 90_000)
    assert account(sale, "refunds_payable") == 0
    assert account(sale, "dashboard_refunds") == max(amount - 90_000, 0)
    the_books_are_right(sale)


@GATEWAYS
def test_nothing_is_left_to_ask_for_where_more_than_the_rule_went_back(at, gateway):
    sale = a_sale(at, gateway)
    sale.at_the_dashboard("refund", amount=95_000)
    by_webhook(sale)
    with pytest.raises(NothingToRefund):
        sale.request_refund()


@GATEWAYS
def test_a_cancelled_event_gives_back_the_rest(at, gateway):
    sale = with_account(a_sale(at, gateway))
    sale.at_the_dashboard("refund", amount=50_000)
    by_webhook(sale)
    with transaction() as tx:
        cancellation.start(tx, sale.organizer, sale.order.event_id, cancellation.Cancellation(reason="Hujan"))
        cancellation.cancel_order(tx, sale.order.id)
    [refund] = rows("SELECT id FROM refunds WHERE order_id = :id AND kind = 'cancellation'", id=sale.order.id)
    refund_execution.execute(refund.id)
    assert refund_execution.sync(refund.id) == "completed"
    assert sale.moved() == 0
    assert account(sale, "dashboard_refunds") == account(sale, "payment_differences") == 0
    the_books_are_right(sale)


def two_tickets(at: Gateways, gateway: str) -> Sale:
    """An order of 215.000: two tickets of 100.000 and their fees."""
    return with_account(a_sale(at, gateway, quantity=2))


def request_one(sale: Sale) -> refund_requests.RefundResponse:
    query = "SELECT id FROM tickets WHERE order_id = :id ORDER BY id LIMIT 1"
    [ticket] = rows(query, id=sale.order.id)
    wanted = RefundRequest(order_id=sale.order.id, ticket_ids=[ticket.id], reason="Sakit")
    with transaction() as tx:
        return refund_requests.request(tx, sale.buyer.id, wanted)


def the_order_is_undone(sale: Sale) -> None:
    """The order is as after a refund of the whole payment that nothing came before."""
    assert status(sale) == "refunded"
    names = [
        "organizer_payable:%",
        "commission_revenue",
        "platform_fee_revenue",
        "dashboard_refunds",
        "refunds_payable",
    ]
    assert {name: account(sale, name) for name in names} == dict.fromkeys(names, 0)
    assert stock(sale.order.items[0].tier_id).sold == 0
    assert {row.status for row in rows("SELECT status FROM tickets WHERE order_id = :id", id=sale.order.id)} == {"void"}
    assert open_tasks(sale.payment.id) == []
    the_books_are_right(sale)


@pytest.mark.slow("a purchase and its refunds, in four ways")
@GATEWAYS
@LEARN
def test_all_that_went_back_refunds_an_order_of_which_a_refund_is_asked(at, gateway, learn: Callable[[Sale], None]):
    sale = with_account(a_sale(at, gateway))
    refund = sale.request_refund()
    sale.at_the_dashboard("refund", amount=PAID)
    learn(sale)
    learn(sale)
    the_order_is_undone(sale)
    with pytest.raises(RefundAlreadyDecided):
        sale.approve(refund)


@GATEWAYS
def test_all_that_went_back_refunds_an_order_whose_refund_is_approved_and_not_sent(at, gateway):
    sale = with_account(a_sale(at, gateway))
    refund = sale.approved()
    sale.at_the_dashboard("refund", amount=PAID)
    by_webhook(sale)
    assert refund_execution.execute(refund.id) == "completed"
    the_order_is_undone(sale)
    assert sale.moved() == 0


@pytest.mark.slow("a purchase and its refunds, in four ways")
@GATEWAYS
@pytest.mark.parametrize("parts", [[125_000], [100_000, 25_000]], ids=["at once", "in two parts"])
def test_what_was_left_after_our_refund_of_one_ticket_refunds_the_order(at, gateway, parts):
    sale = two_tickets(at, gateway)
    refund = request_one(sale)
    sale.approve(refund)
    refund_execution.execute(refund.id)
    assert refund_execution.sync(refund.id) == "completed"
    for part in parts:
        sale.at_the_dashboard("refund", amount=part)
        by_webhook(sale)
        by_webhook(sale)
    the_order_is_undone(sale)
    assert sale.moved() == 0


def execute_without_an_answer(at: Gateways, refund: Any, gateway: str = "xendit", **how: Any) -> None:
    """Send a refund while its gateway fails; it is on its way afterwards."""
    at.fails(gateway, status=503, count=1000, **how)
    with pytest.raises(GatewayError):
        refund_execution.execute(refund.id)
    at.behaves(gateway)


EXPECTED = {60_000: (150_000, 60_000), 90_000: (180_000, 90_000), 150_000: (150_000, 60_000), 215_000: (215_000, 0)}
"""The sum that goes back, and that in suspense: where there is room for both, the gateway does send ours."""


@pytest.mark.slow("a purchase and two refunds, in four ways")
@pytest.mark.parametrize("amount", EXPECTED)
def test_what_goes_back_while_our_refund_is_on_its_way_and_then_refused_pays_it(at, amount):
    sale = two_tickets(at, "xendit")
    refund = request_one(sale)
    sale.approve(refund)
    execute_without_an_answer(at, refund)
    sale.at_the_dashboard("refund", amount=amount)
    by_webhook(sale)
    assert refund_execution.sync(refund.id) == "completed"
    assert account(sale, "refunds_payable") == 0
    back, suspense = EXPECTED[amount]
    assert sale.moved() == 2 * PAID - back
    assert account(sale, "dashboard_refunds") == suspense
    assert status(sale) == ("refunded" if amount == 215_000 else "paid")
    the_books_are_right(sale)
    by_reconcile(sale)
    the_books_are_right(sale)
    with transaction() as tx, pytest.raises(NotManuallyRefundable):
        manual_refunds.record(
            tx, sale.organizer.id, refund.id, ManualRefundRequest(through="xendit", note="Sekali lagi")
        )


def test_what_goes_back_while_our_transfer_is_on_its_way_and_then_fails_pays_it(at):
    sale = two_tickets(at, "xendit")
    set_account(sale.buyer.id, "0000999999")  # its bank refuses it
    refund = request_one(sale)
    sale.approve(refund)
    with transaction() as tx:
        refund_records.switch_to_transfer(
            tx, refund_records.read(tx, refund.id), "the wallet gives back all or nothing"
        )
    execute_without_an_answer(at, refund)
    sale.at_the_dashboard("refund", amount=150_000)
    by_webhook(sale)
    assert refund_execution.execute(refund.id) == "completed"
    assert account(sale, "refunds_payable") == 0
    assert account(sale, "dashboard_refunds") == 60_000
    the_books_are_right(sale)


def test_our_refund_that_takes_what_was_left_refunds_the_order(at):
    sale = two_tickets(at, "xendit")
    refund = request_one(sale)
    sale.approve(refund)
    execute_without_an_answer(at, refund, takes_effect=True)
    sale.at_the_dashboard("refund", amount=125_000)
    by_webhook(sale)
    assert refund_execution.sync(refund.id) == "completed"
    the_order_is_undone(sale)


def test_a_refund_that_failed_while_dashboard_money_stands_in_suspense_is_paid_by_it_and_not_by_hand(at):
    sale = two_tickets(at, "xendit")
    refund = request_one(sale)
    sale.approve(refund)
    with transaction() as tx:  # it failed, and what was given back meanwhile was booked while it was on its way
        tx.execute(
            text("UPDATE refunds SET status = 'processing', method = 'gateway' WHERE id = :id"), {"id": refund.id}
        )
    sale.at_the_dashboard("refund", amount=150_000)
    by_webhook(sale)
    with transaction() as tx:
        refund_records.fail(tx, refund_records.read(tx, refund.id), "MAXIMUM_REFUND_AMOUNT_REACHED")
    with transaction() as tx, pytest.raises(NotManuallyRefundable):
        manual_refunds.record(tx, sale.organizer.id, refund.id, ManualRefundRequest(through="xendit", note="Tiket 1"))
    assert refund_execution.execute(refund.id) == "completed"
    assert account(sale, "refunds_payable") == 0
    assert account(sale, "dashboard_refunds") == 60_000
    assert sale.moved() == 2 * PAID - 150_000
    by_reconcile(sale)
    by_webhook(sale)
    the_books_are_right(sale)


def test_days_without_a_check_are_checked_one_by_one_so_that_what_is_checked_is_not_checked_anew(at, monkeypatch):
    sale = a_sale(at)
    unrecorded_payments.handle_refunds()
    sale.at_the_dashboard("refund")
    later = clock.now() + timedelta(days=5)
    monkeypatch.setattr(clock, "now", lambda: later)
    whole, asked = Xendit.refunds_created, list[datetime]()

    def away_after_two(xendit: Xendit, since: datetime) -> Iterator[GatewayRefundStatus]:
        asked.append(since)
        if len(asked) == 3:
            raise GatewayUnavailable("xendit", "away", retry_after_seconds=1, outcome_unknown=False)
        return whole(xendit, since)

    monkeypatch.setattr(Xendit, "refunds_created", away_after_two)
    with pytest.raises(GatewayUnavailable):
        unrecorded_payments.handle_refunds()
    assert status(sale) == "refunded"
    unrecorded_payments.handle_refunds()
    first, second, _, again, *_ = asked
    assert first < second < again


@GATEWAYS
def test_a_payout_keeps_back_what_went_back_until_a_person_has_decided_for_what(at, gateway):
    sale = two_tickets(at, gateway)
    sale.at_the_dashboard("refund", amount=150_000)
    by_webhook(sale)
    let_it_be_over(sale.order.event_id)
    with transaction() as tx:
        payout_id = creation.create(tx, sale.order.event_id, sale.organizer.id)
    assert rows("SELECT amount FROM payouts WHERE id = :id", id=payout_id)[0].amount == 180_000 - 150_000
    [task] = rows("SELECT id FROM manual_tasks WHERE subject_id = :id", id=str(sale.payment.id))
    with transaction() as tx:
        manual_tasks.finish(tx, task.id, manual_tasks.Done(note="Untuk makan siang"), by=sale.organizer.id)
        remainder = creation.create_remainder(tx, sale.organizer.id)
    assert rows("SELECT amount FROM payouts WHERE id = :id", id=remainder)[0].amount == 150_000
    the_books_are_right(sale)


def test_a_payout_keeps_nothing_back_for_what_has_paid_a_refund_that_we_owe(at):
    sale = two_tickets(at, "xendit")
    sale.approve(request_one(sale))
    sale.at_the_dashboard("refund", amount=50_000)
    by_webhook(sale)
    assert account(sale, "dashboard_refunds") == 0
    assert open_tasks(sale.payment.id) == ["payment_partially_refunded"]
    let_it_be_over(sale.order.event_id)
    with transaction() as tx:
        payout_id = creation.create(tx, sale.order.event_id, sale.organizer.id)
    assert rows("SELECT amount FROM payouts WHERE id = :id", id=payout_id)[0].amount == 90_000


def test_the_penalty_is_not_of_what_had_gone_back_before(at):
    sale = two_tickets(at, "xendit")
    sale.at_the_dashboard("refund", amount=50_000)
    by_webhook(sale)
    with transaction() as tx:
        cancellation.start(tx, sale.organizer, sale.order.event_id, cancellation.Cancellation(reason="Hujan"))
    assert cancellation.run_batch(sale.order.event_id)
    query = "SELECT penalty FROM event_cancellations WHERE event_id = :id"
    assert rows(query, id=sale.order.event_id)[0].penalty == 7_500
    the_books_are_right(sale)


def decide(sale: Sale, *items: int) -> dashboard_decisions.DashboardRefundResponse:
    wanted = DashboardRefundRequest(item_ids=[sale.order.items[each].id for each in items])
    with transaction() as tx:
        return dashboard_decisions.decide(tx, sale.organizer.id, sale.payment.id, wanted)


def kept(sale: Sale) -> tuple[int, int, int]:
    """The debt to the organizer, the valid tickets and the places taken."""
    good = rows("SELECT id FROM tickets WHERE order_id = :id AND status <> 'void'", id=sale.order.id)
    return -account(sale, "organizer_payable:%"), len(good), stock(sale.order.items[0].tier_id).sold


@pytest.mark.slow("a purchase and its refunds, in eight ways")
@GATEWAYS
@pytest.mark.parametrize(
    ("amount", "lines", "expected", "goodwill", "ends"),
    [
        (200_000, (0, 1), (0, 0, 0), 0, "refunded"),
        (150_000, (0,), (90_000, 1, 1), 42_500, "paid"),
        (50_000, (1,), (130_000, 1, 1), 0, "paid"),
        (50_000, (), (180_000, 2, 2), 50_000, "paid"),
    ],
)
def test_an_admin_says_what_it_was_for(at, gateway, amount, lines, expected, goodwill, ends):
    sale = two_tickets(at, gateway)
    sale.at_the_dashboard("refund", amount=amount)
    by_webhook(sale)
    assert decide(sale, *lines).goodwill == goodwill
    if lines:
        assert decide(sale, *lines).order_status == ends
    else:
        with pytest.raises(NothingInSuspense):
            decide(sale)
    assert (kept(sale), status(sale)) == (expected, ends)
    assert (account(sale, "dashboard_refunds"), account(sale, "goodwill_refunds")) == (0, goodwill)
    assert account(sale, "payment_differences") == account(sale, "refunds_payable") == 0
    assert open_tasks(sale.payment.id) == []
    by_webhook(sale)
    assert open_tasks(sale.payment.id) == []
    the_books_are_right(sale)


def test_a_line_that_is_asked_back_is_not_decided_about_twice(at):
    sale = two_tickets(at, "xendit")
    sale.at_the_dashboard("refund", amount=50_000)
    by_webhook(sale)
    sale.request_refund()
    with pytest.raises(InAnotherRefund):
        decide(sale, 0)
    assert kept(sale) == (180_000, 2, 2)
    assert account(sale, "dashboard_refunds") == 50_000
    assert open_tasks(sale.payment.id) == ["payment_partially_refunded"]


def test_money_of_an_order_that_sold_nothing_was_for_none_of_its_lines(at):
    sale = a_late_payment(at)
    pay_the_refund_by_hand(sale)
    sale.at_the_dashboard("refund", amount=5_000)
    by_webhook(sale)
    with pytest.raises(Invalid):
        decide(sale, 0)
    assert decide(sale).goodwill == 5_000
    assert open_tasks(sale.payment.id) == []


def pay_the_refund_by_hand(sale: Sale) -> None:
    [refund] = rows("SELECT id FROM refunds WHERE order_id = :id", id=sale.order.id)
    with transaction() as tx:
        manual_refunds.record(tx, sale.organizer.id, refund.id, ManualRefundRequest(through="xendit", note="Dibayar"))


def a_late_payment(at: Gateways, gateway: str = "xendit") -> Sale:
    """An order that its buyer gave up, and paid after all."""
    sale = an_order(at, gateway)
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, sale.order.id))
    sale.at_the_dashboard("pay")
    sync.sync_payment(sale.payment.id)
    return sale


def test_all_that_went_back_while_our_refund_had_no_answer_is_booked_once(at):
    sale = a_late_payment(at, "midtrans")
    [refund] = rows("SELECT id FROM refunds WHERE order_id = :id", id=sale.order.id)
    execute_without_an_answer(at, refund, "midtrans")
    sale.at_the_dashboard("refund")
    by_webhook(sale)
    by_webhook(sale)
    the_books_are_right(sale)
    assert refund_execution.sync(refund.id) == "completed"
    assert account(sale, "refunds_payable") == account(sale, "dashboard_refunds") == 0
    the_books_are_right(sale)


def test_what_went_back_beyond_a_second_payment_is_taken_off_what_is_asked_for(at):
    sale = paid_twice(at)
    pay_the_refund_by_hand(sale)
    sale.at_the_dashboard("refund", amount=80_000)
    by_webhook(sale)
    assert account(sale, "dashboard_refunds") == 80_000
    assert sale.request_refund().amount == BACK - 80_000
    with transaction() as tx:
        assert invariants.broken(tx, invariants.ALWAYS) == {}


def test_what_went_back_beyond_a_second_payment_pays_the_refund_of_the_sale_that_waits_for_an_account(at):
    sale = paid_twice(at, method="BCA")
    pay_the_refund_by_hand(sale)
    refund = sale.approved()
    refund_execution.execute(refund.id)  # waits for an account
    sale.at_the_dashboard("refund", amount=60_000)
    by_webhook(sale)
    assert account(sale, "refunds_payable") == -(BACK - 60_000)
    sale.at_the_dashboard("refund", amount=PAID - 60_000)
    by_webhook(sale)
    assert [row.status for row in rows("SELECT status FROM refunds WHERE id = :id", id=refund.id)] == ["completed"]
    assert account(sale, "refunds_payable") == account(sale, "dashboard_refunds") == 0
    assert open_tasks(refund.id) == open_tasks(sale.payment.id) == []
    assert status(sale) == "refunded"
    set_account(sale.buyer.id)
    assert refund_execution.execute(refund.id) == "completed"
    assert rows("SELECT id FROM disbursements WHERE refund_id = :id", id=refund.id) == []


def test_what_went_back_beyond_a_second_payment_pays_the_refund_of_the_sale_whose_transfer_fails(at):
    sale = paid_twice(at, method="BCA")
    pay_the_refund_by_hand(sale)
    set_account(sale.buyer.id, "0000999999")  # its bank refuses it
    refund = sale.approved()
    execute_without_an_answer(at, refund)
    sale.at_the_dashboard("refund", amount=PAID)
    by_webhook(sale)
    assert account(sale, "dashboard_refunds") == BACK
    assert refund_execution.execute(refund.id) == "completed"
    assert account(sale, "refunds_payable") == account(sale, "dashboard_refunds") == 0
    assert open_tasks(sale.payment.id) == []
    assert status(sale) == "refunded"
    with transaction() as tx:
        assert invariants.broken(tx, invariants.ALWAYS) == {}


def paid_twice(at: Gateways, method: str = "QRIS") -> Sale:
    """An order that was paid at both gateways: the second payment, which goes back."""
    sale = an_order(at, "midtrans", method)
    other = checkout.CheckoutRequest(payment_method="QRIS", gateway="xendit")
    payments = checkout.checkout(sale.buyer.id, sale.order.id, other).payments
    second = replace(sale, payment=next(each for each in payments if each.gateway == "xendit"))
    second.at_the_dashboard("pay")
    sale.at_the_dashboard("pay")
    assert sync.sync_payment(sale.payment.id) is StatusOutcome.PAID
    sync.sync_payment(second.payment.id)
    add_tickets(sale.order.id)
    return second


def test_a_payment_that_a_bank_takes_back_after_we_have_given_it_back_is_told_to_a_person(at):
    sale = a_sale(at, "midtrans", "BCA", quantity=1)  # a virtual account: it goes back by transfer
    refund = with_account(sale).approved()
    refund_execution.execute(refund.id)
    assert refund_execution.sync(refund.id) == "completed"
    with transaction() as tx:
        tx.execute(text("UPDATE payments SET status = 'refunded' WHERE id = :id"), {"id": sale.payment.id})
    sale.at_the_dashboard("reverse")
    assert sync.sync_payment(sale.payment.id) is StatusOutcome.NOTED
    assert open_tasks(sale.payment.id) == ["payment_reversed_out_of_order"]


def test_a_top_up_that_a_bank_takes_back_after_its_order_was_refunded_is_told_to_a_person(at):
    sale = an_order(at, "midtrans", "BCA")
    sale.at_the_dashboard("pay", amount=PAID - 1)
    assert sync.sync_payment(sale.payment.id) is StatusOutcome.IN_REVIEW
    rest = checkout.CheckoutRequest(payment_method="BCA", gateway="midtrans")
    payments = checkout.checkout(sale.buyer.id, sale.order.id, rest).payments
    top_up = replace(sale, payment=next(each for each in payments if each.amount == 1))
    top_up.at_the_dashboard("pay")
    assert sync.sync_payment(top_up.payment.id) is StatusOutcome.PAID
    add_tickets(sale.order.id)
    refund = with_account(sale).approved()
    refund_execution.execute(refund.id)
    assert refund_execution.sync(refund.id) == "completed"
    assert status(sale) == "refunded"
    top_up.at_the_dashboard("reverse")
    assert sync.sync_payment(top_up.payment.id) is StatusOutcome.NOTED
    assert open_tasks(top_up.payment.id) == ["payment_reversed_out_of_order"]
