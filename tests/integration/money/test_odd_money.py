"""Money that does not fit its order: whatever comes in which order, nobody's money is taken for somebody else's."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from infra.checks import invariants
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.gateways.facts import PaymentState
from shared.models import Page
from shared.payments import attempts, checkout, reviews, settlement
from shared.payments.settlement import Outcome
from shared.sales import expiry, orders
from shared.sales.answers import OrderAnswer
from shared.tickets import issuing
from tests.factories import a_user, an_order, make_overdue
from tests.integration.money.sold import a_fact, a_payment
from tests.integration.money.steps import open_tasks, rows

pytestmark = pytest.mark.usefixtures("database")

TOTAL = 107_500
"""Rupiah: a ticket of 100.000 with its fee."""


def books(order_id: UUID) -> Mapping[str, int]:
    """What an order has left in each kind of account, but for those that are even."""
    query = """
        SELECT split_part(e.account, ':', 1) AS account, CAST(sum(e.amount) AS integer) AS amount
        FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
        WHERE p.order_id = :id GROUP BY 1 HAVING sum(e.amount) <> 0
    """
    return {row.account: row.amount for row in rows(query, id=order_id)}


def settle(payment_id: UUID, amount: int, **fact: Any) -> Outcome:
    with transaction() as tx:
        return settlement.settle(tx, payment_id, a_fact(amount, **fact))


def another_try(order: OrderAnswer, method: str = "QRIS") -> attempts.Attempt:
    """What a buyer gets who goes to pay again: opened at its gateway, or the one that is open."""
    with transaction() as tx:
        begun = checkout._begin(tx, orders.lock(tx, order.id), method, "xendit")
        if begun is None:
            found = attempts.lock_open(tx, order.id)
            assert found
            return found
        tx.execute(
            text("UPDATE payments SET status = 'pending', gateway_reference = :ref WHERE id = :id"),
            {"id": begun.attempt.id, "ref": f"gw-{begun.attempt.external_id}"},
        )
        return begun.attempt


def decide(act: Any, payment_id: UUID) -> str:
    with transaction() as tx:
        return act(tx, a_user(tx, role="admin").id, payment_id).order_status


def waiting() -> list[UUID]:
    with transaction() as tx:
        return [each.payment_id for each in reviews.waiting(tx, Page(page_size=100)).items]


def owed_to_buyer(order_id: UUID) -> int:
    [row] = rows("SELECT sum(amount) AS amount FROM refunds WHERE order_id = :id AND status <> 'rejected'", id=order_id)
    return int(row.amount or 0)


@pytest.fixture
def short() -> tuple[OrderAnswer, UUID]:
    """An order of which 10.000 are missing, with the payment that was too small."""
    order = an_order()
    payment_id = a_payment(order.id)
    assert settle(payment_id, TOTAL - 10_000) is Outcome.IN_REVIEW
    return order, payment_id


def test_the_rest_completes_an_order_and_nobody_has_to_decide_any_more(short):
    order, first = short
    decide(reviews.top_up, first)
    rest = another_try(order)
    assert rest.amount == 10_000
    assert settle(rest.id, 10_000) is Outcome.PAID
    assert books(order.id).get("payment_differences") is None
    assert (waiting(), open_tasks(first), owed_to_buyer(order.id)) == ([], [], 0)
    with transaction() as tx:
        assert invariants.broken(tx, invariants.ALWAYS) == {}
        assert attempts.paid_by(tx, order.id) == first  # most of the money


def test_a_payment_of_the_whole_that_was_open_is_ended_when_the_rest_is_asked_for(short):
    order, first = short
    whole = another_try(order)
    decide(reviews.top_up, first)
    rest = another_try(order)
    assert (whole.amount, rest.amount) == (TOTAL, 10_000)


def test_who_pays_the_whole_after_all_has_bought_by_that_alone(short):
    order, first = short
    whole = another_try(order)
    decide(reviews.top_up, first)
    assert settle(whole.id, TOTAL) is Outcome.PAID
    assert books(order.id)["unallocated"] == -(TOTAL - 10_000)
    assert "payment_differences" not in books(order.id)
    assert first in waiting()
    decide(reviews.refund, first)
    assert owed_to_buyer(order.id) == TOTAL - 10_000


def too_late_for_the_rest(order: OrderAnswer, first: UUID) -> attempts.Attempt:
    """The rest was asked for, and goes to be paid when the order's time is over."""
    decide(reviews.top_up, first)
    rest = another_try(order)
    make_overdue(order.id)
    expiry.end_all_due()
    return rest


def test_a_late_rest_goes_back_where_the_first_part_has_gone_back(short):
    order, first = short
    rest = too_late_for_the_rest(order, first)
    decide(reviews.refund, first)
    assert settle(rest.id, rest.amount) is Outcome.TO_REFUND
    assert owed_to_buyer(order.id) == TOTAL
    assert set(books(order.id)) == {"gateway_clearing", "refunds_payable"}


def test_a_late_rest_revives_an_order_whose_first_part_is_still_here(short):
    order, first = short
    rest = too_late_for_the_rest(order, first)
    assert settle(rest.id, rest.amount) is Outcome.REVIVED
    assert books(order.id)["gateway_clearing"] == TOTAL
    assert open_tasks(first) == []


def test_what_is_accepted_is_one_payment_and_the_other_goes_back(short):
    order, first = short
    with transaction() as tx:
        orders.lock(tx, order.id)
    second = another_try(order)
    assert settle(second.id, TOTAL - 500) is Outcome.IN_REVIEW
    assert decide(reviews.accept, second.id) == "paid"
    assert books(order.id)["payment_differences"] == 500
    assert first in waiting()
    decide(reviews.refund, first)
    assert owed_to_buyer(order.id) == TOTAL - 10_000


def test_a_refund_goes_back_by_the_payment_that_bought():
    for _ in range(8):  # their ids are random
        order = an_order()
        first = a_payment(order.id)
        with transaction() as tx:
            orders.lock(tx, order.id)
            open_one = attempts.lock_open(tx, order.id)
            assert open_one
            attempts.close(tx, open_one)
        second = a_payment(order.id, method="BCA")
        assert settle(first, TOTAL) is Outcome.PAID
        assert settle(second, TOTAL) is Outcome.TO_REFUND
        with transaction() as tx:
            assert attempts.paid_by(tx, order.id) == first
            assert invariants.broken(tx, invariants.ALWAYS) == {}


def test_odd_money_that_the_bank_takes_back_leaves_nothing_to_decide(short):
    _, first = short
    assert settle(first, TOTAL - 10_000, state=PaymentState.REVERSED) is Outcome.REVERSED
    assert first not in waiting()
    assert open_tasks(first) == []


@pytest.fixture
def unique_codes(monkeypatch):
    monkeypatch.setenv("UNIQUE_CODES", "on")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.usefixtures("unique_codes")
def test_a_payment_with_a_unique_code_that_the_bank_takes_back_undoes_its_sale():
    order = an_order()
    payment_id = a_payment(order.id, "midtrans", "PERMATA")
    with transaction() as tx:
        amount = attempts.read(tx, payment_id).amount
    assert amount > TOTAL
    assert settle(payment_id, amount) is Outcome.PAID
    issuing.add_missing(order.id)
    assert settle(payment_id, amount, state=PaymentState.REVERSED) is Outcome.REVERSED
    with transaction() as tx:
        assert {ticket.status for ticket in OrderAnswer.read(tx, order.id).tickets} == {"void"}
    assert books(order.id) == {}


def test_a_buyer_is_told_that_their_bank_or_the_gateway_has_given_the_money_back():
    order = an_order()
    payment_id = a_payment(order.id)
    settle(payment_id, TOTAL)
    settle(payment_id, TOTAL, state=PaymentState.REFUNDED, refunded_amount=TOTAL)
    told = "SELECT id FROM outbox WHERE topic = 'refund.processed' AND payload ->> 'order_id' = :id"
    assert len(rows(told, id=str(order.id))) == 1
