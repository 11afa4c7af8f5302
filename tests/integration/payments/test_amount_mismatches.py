"""Money that does not fit its order: whatever comes in which order, nobody's money is taken for somebody else's."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from infra.checks import invariants
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.gateways.statuses import GatewayPaymentState
from shared.models import PageQuery
from shared.payments import checkout, payment_expiry, reconcile, reviews
from shared.payments import records as payment_records
from shared.payments.status_handling import StatusOutcome
from shared.refunds import records as refund_records
from shared.sales import expiry, orders
from shared.sales.schemas import OrderResponse
from tests.factories import a_user, add_tickets, an_order, make_overdue
from tests.integration.refunds.sales import a_payment, a_status
from tests.integration.refunds.steps import open_tasks, rows
from tests.status_handling import handle_one

pytestmark = pytest.mark.usefixtures("database")

TOTAL = 107_500
"""Rupiah: a ticket of 100.000 with its fee."""


def books(order_id: UUID) -> Mapping[str, int]:
    """An order's balance in each kind of account, without those at zero."""
    query = """
        SELECT split_part(e.account, ':', 1) AS account, CAST(sum(e.amount) AS integer) AS amount
        FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
        WHERE p.order_id = :id GROUP BY 1 HAVING sum(e.amount) <> 0
    """
    return {row.account: row.amount for row in rows(query, id=order_id)}


def report(payment_id: UUID, amount: int, **reported: Any) -> StatusOutcome:
    with transaction() as tx:
        return handle_one(tx, payment_id, a_status(amount, **reported))


def another_try(order: OrderResponse, method: str = "QRIS") -> payment_records.Payment:
    """The payment of a buyer who goes to pay again: a new one, or the open one."""
    with transaction() as tx:
        begun = checkout._start(tx, orders.lock(tx, order.id), method, "xendit")
        if begun is None:
            found = payment_records.lock_open(tx, order.id)
            assert found
            return found
        tx.execute(
            text("UPDATE payments SET status = 'pending', gateway_reference = :ref WHERE id = :id"),
            {"id": begun.payment.id, "ref": f"gw-{begun.payment.external_id}"},
        )
        return begun.payment


def decide(act: Any, payment_id: UUID) -> str:
    with transaction() as tx:
        return act(tx, a_user(tx, role="admin").id, payment_id).order_status


def waiting() -> list[UUID]:
    with transaction() as tx:
        return [each.payment_id for each in reviews.list_waiting(tx, PageQuery(page_size=100)).items]


def owed_to_buyer(order_id: UUID) -> int:
    [row] = rows("SELECT sum(amount) AS amount FROM refunds WHERE order_id = :id AND status <> 'rejected'", id=order_id)
    return int(row.amount or 0)


@pytest.fixture
def short() -> tuple[OrderResponse, UUID]:
    """An order of which 10.000 are missing, with the payment that was too small."""
    order = an_order()
    payment_id = a_payment(order.id)
    assert report(payment_id, TOTAL - 10_000) is StatusOutcome.IN_REVIEW
    return order, payment_id


def test_the_rest_completes_an_order_and_nobody_has_to_decide_any_more(short):
    order, first = short
    decide(reviews.top_up, first)
    rest = another_try(order)
    assert rest.amount == 10_000
    assert report(rest.id, 10_000) is StatusOutcome.PAID
    assert books(order.id).get("payment_differences") is None
    assert (waiting(), open_tasks(first), owed_to_buyer(order.id)) == ([], [], 0)
    with transaction() as tx:
        assert invariants.broken(tx, invariants.ALWAYS) == {}
        assert refund_records.refundable(tx, order.id, is_whole=True)[0] == first  # most of the money


@pytest.fixture
def short_with_whole() -> tuple[OrderResponse, UUID, payment_records.Payment]:
    """The same, while another invoice for the whole is open."""
    order = an_order()
    first = a_payment(order.id)
    whole = another_try(order, "BCA")
    assert report(first, TOTAL - 10_000) is StatusOutcome.IN_REVIEW
    return order, first, whole


def mails(order_id: UUID, template: str) -> list[Any]:
    query = "SELECT context FROM emails WHERE order_id = :id AND template = :template ORDER BY created_at"
    return [row.context for row in rows(query, id=order_id, template=template)]


def shown(order_id: UUID) -> OrderResponse:
    with transaction() as tx:
        return OrderResponse.read(tx, order_id)


def test_an_underpaid_order_tells_what_came_and_what_is_missing_and_asks_for_that(short):
    order, first = short
    now = shown(order.id)
    [payment] = now.payments
    assert (payment.amount, payment.received_amount, now.amount_missing) == (TOTAL, TOTAL - 10_000, 10_000)
    assert mails(order.id, "top_up_needed") == [{"amount": 10_000, "received": TOTAL - 10_000}]
    rest = another_try(order)
    assert rest.amount == 10_000
    assert report(rest.id, 10_000) is StatusOutcome.PAID
    assert first not in waiting()
    assert (open_tasks(first), owed_to_buyer(order.id)) == ([], 0)
    assert (shown(order.id).status, shown(order.id).amount_missing) == ("paid", 0)


def test_the_same_payment_told_twice_is_one_part_and_one_mail(short):
    order, first = short
    assert report(first, TOTAL - 10_000) is StatusOutcome.NOTHING
    assert len(mails(order.id, "top_up_needed")) == 1
    assert books(order.id) == {"gateway_clearing": TOTAL - 10_000, "unallocated": -(TOTAL - 10_000)}


def test_parts_add_up_and_gain_no_more_time(short):
    order, _ = short
    deadline = shown(order.id).reservation_expires_at
    second = another_try(order)
    assert report(second.id, 4_000) is StatusOutcome.IN_REVIEW
    assert (shown(order.id).amount_missing, shown(order.id).reservation_expires_at) == (6_000, deadline)
    third = another_try(order)
    assert third.amount == 6_000
    assert report(third.id, 6_000) is StatusOutcome.PAID
    assert set(books(order.id)) == {
        "gateway_clearing",
        "organizer_payable",
        "commission_revenue",
        "platform_fee_revenue",
    }


def ends(order: OrderResponse, how: str) -> None:
    if how == "cancelled":
        with transaction() as tx:
            orders.cancel(tx, orders.lock(tx, order.id))
    else:
        make_overdue(order.id)
        expiry.expire_all_due()


@pytest.mark.parametrize("how", ["cancelled", "expired"])
@pytest.mark.parametrize("message", ["once", "twice", "lost"])
def test_what_came_goes_back_by_itself_when_the_order_ends(short, how, message):
    order, first = short
    ends(order, how)
    for _ in range({"once": 1, "twice": 2, "lost": 0}[message]):
        payment_expiry.expire_payments(order.id)
    if message == "lost":
        reconcile.run(thorough=False, older_than_seconds=0)
    assert shown(order.id).status == how
    assert owed_to_buyer(order.id) == TOTAL - 10_000
    assert books(order.id)["refunds_payable"] == -(TOTAL - 10_000)
    assert "unallocated" not in books(order.id)
    assert first not in waiting()
    assert open_tasks(first) == []


def test_what_came_in_part_after_the_end_goes_back_at_once():
    order = an_order()
    payment_id = a_payment(order.id)
    ends(order, "expired")
    assert report(payment_id, TOTAL - 10_000) is StatusOutcome.TO_REFUND
    assert owed_to_buyer(order.id) == TOTAL - 10_000


def test_who_paid_too_much_is_told_asked_for_no_more_and_gets_it_back_on_cancelling():
    order = an_order()
    payment_id = a_payment(order.id)
    assert report(payment_id, TOTAL + 5_000) is StatusOutcome.IN_REVIEW
    assert mails(order.id, "payment_in_review") == [{"asked": TOTAL, "received": TOTAL + 5_000}]
    assert shown(order.id).amount_missing == 0
    with pytest.raises(checkout.PaymentInReview):
        another_try(order)
    ends(order, "cancelled")
    payment_expiry.expire_payments(order.id)
    assert owed_to_buyer(order.id) == TOTAL + 5_000


def test_a_payment_of_the_whole_that_was_open_is_ended_when_the_rest_is_asked_for(short_with_whole):
    order, _, whole = short_with_whole
    with transaction() as tx:
        assert payment_records.read(tx, whole.id).status == "expired"
    asked = rows(
        "SELECT id FROM outbox WHERE topic = 'payment.closing' AND payload ->> 'payment_id' = :id", id=str(whole.id)
    )
    assert len(asked) == 1
    rest = another_try(order)
    assert (whole.amount, rest.amount) == (TOTAL, 10_000)


def test_who_pays_the_whole_after_all_has_bought_by_that_alone_and_gets_the_part_back(short_with_whole):
    order, first, whole = short_with_whole
    assert report(whole.id, TOTAL) is StatusOutcome.PAID
    assert not {"unallocated", "payment_differences"} & set(books(order.id))
    assert first not in waiting()
    assert owed_to_buyer(order.id) == TOTAL - 10_000


def test_an_invoice_for_an_older_rest_is_replaced(short):
    order, first = short
    rest = another_try(order)
    report(first, TOTAL - 10_000, state=GatewayPaymentState.PARTIALLY_REFUNDED, refunded_amount=2_000)
    again = another_try(order)
    assert (rest.amount, again.amount) == (10_000, 12_000)


def test_an_admin_accepts_what_is_left_after_a_partial_refund_at_the_dashboard(short):
    order, first = short
    report(first, TOTAL - 10_000, state=GatewayPaymentState.PARTIALLY_REFUNDED, refunded_amount=2_000)
    assert decide(reviews.accept, first) == "paid"
    assert books(order.id)["payment_differences"] == 12_000
    assert books(order.id)["gateway_clearing"] == TOTAL - 12_000
    assert "unallocated" not in books(order.id)


@pytest.mark.parametrize("by_itself", [False, True])
def test_what_is_left_after_a_partial_refund_at_the_dashboard_goes_back_and_no_more(short, by_itself):
    order, first = short
    report(first, TOTAL - 10_000, state=GatewayPaymentState.PARTIALLY_REFUNDED, refunded_amount=2_000)
    if by_itself:
        ends(order, "cancelled")
        payment_expiry.expire_payments(order.id)
    else:
        decide(reviews.refund, first)
    [refund] = rows("SELECT amount FROM refunds WHERE order_id = :id AND kind = 'review'", id=order.id)
    assert refund.amount == TOTAL - 12_000
    assert books(order.id) == {"gateway_clearing": TOTAL - 12_000, "refunds_payable": -(TOTAL - 12_000)}


def test_the_rest_asked_for_after_a_partial_refund_at_the_dashboard_includes_it(short):
    order, first = short
    report(first, TOTAL - 10_000, state=GatewayPaymentState.PARTIALLY_REFUNDED, refunded_amount=2_000)
    decide(reviews.top_up, first)
    rest = another_try(order)
    assert rest.amount == 12_000
    assert report(rest.id, 12_000) is StatusOutcome.PAID
    assert "payment_differences" not in books(order.id)


def too_late_for_the_rest(order: OrderResponse, first: UUID) -> payment_records.Payment:
    """The rest was asked for, and goes to be paid when the order's time is over."""
    decide(reviews.top_up, first)
    rest = another_try(order)
    make_overdue(order.id)
    expiry.expire_all_due()
    return rest


def test_a_late_rest_goes_back_where_the_first_part_has_gone_back(short):
    order, first = short
    rest = too_late_for_the_rest(order, first)
    decide(reviews.refund, first)
    assert report(rest.id, rest.amount) is StatusOutcome.TO_REFUND
    assert owed_to_buyer(order.id) == TOTAL
    assert set(books(order.id)) == {"gateway_clearing", "refunds_payable"}


def test_a_late_rest_revives_an_order_whose_first_part_is_still_here(short):
    order, first = short
    rest = too_late_for_the_rest(order, first)
    assert report(rest.id, rest.amount) is StatusOutcome.REVIVED
    assert books(order.id)["gateway_clearing"] == TOTAL
    assert open_tasks(first) == []


def test_what_is_accepted_is_one_payment_and_the_other_goes_back(short):
    order, first = short
    with transaction() as tx:
        orders.lock(tx, order.id)
    second = another_try(order)
    assert report(second.id, TOTAL - 500) is StatusOutcome.IN_REVIEW
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
            open_one = payment_records.lock_open(tx, order.id)
            assert open_one
            payment_records.expire_and_cancel(tx, open_one)
        second = a_payment(order.id, method="BCA")
        assert report(first, TOTAL) is StatusOutcome.PAID
        assert report(second, TOTAL) is StatusOutcome.TO_REFUND
        with transaction() as tx:
            assert refund_records.refundable(tx, order.id, is_whole=True)[0] == first
            assert invariants.broken(tx, invariants.ALWAYS) == {}


def test_a_mismatch_that_the_bank_takes_back_leaves_nothing_to_decide(short):
    _, first = short
    assert report(first, TOTAL - 10_000, state=GatewayPaymentState.REVERSED) is StatusOutcome.REVERSED
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
        amount = payment_records.read(tx, payment_id).amount
    assert amount > TOTAL
    assert report(payment_id, amount) is StatusOutcome.PAID
    add_tickets(order.id)
    assert report(payment_id, amount, state=GatewayPaymentState.REVERSED) is StatusOutcome.REVERSED
    with transaction() as tx:
        assert {ticket.status for ticket in OrderResponse.read(tx, order.id).tickets} == {"void"}
    assert books(order.id) == {}


def test_a_buyer_is_told_that_their_bank_or_the_gateway_has_given_the_money_back():
    order = an_order()
    payment_id = a_payment(order.id)
    report(payment_id, TOTAL)
    report(payment_id, TOTAL, state=GatewayPaymentState.REFUNDED, refunded_amount=TOTAL)
    told = "SELECT id FROM outbox WHERE topic = 'refund.processed' AND payload ->> 'order_id' = :id"
    assert len(rows(told, id=str(order.id))) == 1
