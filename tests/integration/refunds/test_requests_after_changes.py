"""Buyers of an event that moved may give everything back, fees included, until it starts (EM-005, PS-021)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from shared.catalog import editing
from shared.catalog.events import EventChange
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.refunds import requests as refund_requests
from shared.refunds.requests import RefundRequest, WindowClosed
from tests.factories import a_promo, a_tier, a_user, an_event, stock
from tests.integration.refunds.sales import a_paid_order
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def a_sale(*, days=30, promo=None):
    with transaction() as tx:
        starts_at = datetime.now(UTC) + timedelta(days=days)
        event = an_event(tx, tiers=[a_tier(quota=50, price=100_000)], starts_at=starts_at)
        buyer = a_user(tx)
        if promo:
            a_promo(tx, event, **promo)
    code = promo and "HEMAT"
    return event, buyer, a_paid_order(event, buyer=buyer, quantities=[2], promo_code=code)


def another_sale(event):
    with transaction() as tx:
        buyer = a_user(tx)
    return buyer, a_paid_order(event, buyer=buyer)


def edit(event, **wanted):
    organizer = Principal(event.organizer_id, "organizer", event.organizer_id)
    with transaction() as tx:
        editing.change(tx, organizer, event.id, EventChange(**wanted))


def postpone(event, *, days=1):
    with transaction() as tx:
        found = text("SELECT start_date, end_date FROM events WHERE id = :id")
        row = tx.execute(found, {"id": event.id}).one()
    later = timedelta(days=days)
    edit(event, start_date=row.start_date + later, end_date=row.end_date + later)


def request_refund(buyer, order, ticket_ids=None):
    with transaction() as tx:
        return refund_requests.request(
            tx, buyer.id, RefundRequest(order_id=order.id, ticket_ids=ticket_ids, reason="Tidak bisa")
        )


def entries(order):
    with transaction() as tx:
        rows = tx.execute(
            text("""
                SELECT split_part(e.account, ':', 1) AS account, sum(e.amount) AS amount
                FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
                WHERE p.order_id = :id GROUP BY 1 HAVING sum(e.amount) <> 0
            """),
            {"id": order.id},
        )
        return {row.account: int(row.amount) for row in rows}


@pytest.mark.parametrize("moved", [{"venue": "Tenis Indoor"}, {"timezone": "Asia/Makassar"}, {"location": "Bandung"}])
def test_all_goes_back_at_once_where_the_event_was_moved(moved):
    event, buyer, order = a_sale()
    edit(event, **moved)
    refund = request_refund(buyer, order)
    assert (refund.amount, refund.status) == (order.total_amount, "approved")
    assert stock(event.tier_ids[0]).sold == 0


def test_the_sale_is_undone_in_the_books_and_nobody_earns_a_fee():
    event, buyer, order = a_sale()
    postpone(event)
    request_refund(buyer, order)
    assert entries(order) == {"gateway_clearing": order.total_amount, "refunds_payable": -order.total_amount}


def test_what_a_promo_code_took_off_is_not_given_back():
    event, buyer, order = a_sale(promo={"percent": 10})
    postpone(event)
    assert request_refund(buyer, order).amount == order.total_amount == 2 * 90_000 + order.platform_fee
    assert set(entries(order)) == {"gateway_clearing", "refunds_payable"}


def test_one_ticket_goes_back_with_its_own_fee():
    event, buyer, order = a_sale()
    postpone(event)
    assert request_refund(buyer, order, [order.tickets[0].id]).amount == order.total_amount // 2


def test_within_the_last_week_it_can_still_be_given_back():
    event, buyer, order = a_sale(days=3)
    with pytest.raises(WindowClosed):
        request_refund(buyer, order)
    edit(event, venue="Tenis Indoor")
    assert request_refund(buyer, order).amount == order.total_amount


def test_once_the_event_has_started_it_can_not():
    event, buyer, order = a_sale()
    edit(event, venue="Tenis Indoor")
    with transaction() as tx:
        tx.execute(text("UPDATE events SET start_date = now() - interval '1 minute' WHERE id = :id"), {"id": event.id})
    with pytest.raises(WindowClosed):
        request_refund(buyer, order)


@pytest.mark.parametrize("changed", [{"title": "Konser Fajar"}, {"venue": "Gelora", "refund_after_change": False}])
def test_nine_tenths_are_asked_for_where_nothing_else_was_offered(changed):
    event, buyer, order = a_sale()
    edit(event, **changed)
    refund = request_refund(buyer, order)
    assert (refund.amount, refund.status) == (180_000, "requested")


def test_who_bought_after_the_change_knew_of_it():
    event, *_ = a_sale()
    edit(event, venue="Tenis Indoor")
    buyer, order = another_sale(event)
    assert request_refund(buyer, order).status == "requested"


def test_who_bought_after_the_move_and_before_a_change_that_is_told_with_it_knew_of_the_move():
    event, before, order_of_before = a_sale()
    edit(event, venue="Tenis Indoor")
    after, order_of_after = another_sale(event)
    edit(event, title="Konser Fajar")
    assert request_refund(before, order_of_before).amount == order_of_before.total_amount
    refund = request_refund(after, order_of_after)
    assert (refund.amount, refund.status) == (90_000, "requested")


def test_whoever_bought_between_two_moves_that_are_told_together_may_give_all_back():
    event, *_ = a_sale()
    edit(event, venue="Tenis Indoor")
    buyer, order = another_sale(event)
    postpone(event)
    edit(event, title="Konser Fajar")
    assert request_refund(buyer, order).amount == order.total_amount


def test_asked_many_times_at_once_it_goes_back_once():
    event, buyer, order = a_sale()
    postpone(event)

    def try_to():
        try:
            return request_refund(buyer, order).amount
        except refund_requests.AlreadyRequested:
            return 0

    assert sum(at_the_same_time([try_to] * 6)) == order.total_amount
