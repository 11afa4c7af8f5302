"""Reconcile finds what slipped through and repairs it with the operations the endpoints use (L3)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud import outbox
from shared.cloud.database import transaction
from shared.payments import reconcile
from shared.payments import records as payment_records
from shared.payments.reconcile import StepsFailed
from shared.sales import counter_repair, expiry, orders
from shared.sales.schemas import OrderResponse
from tests.factories import Event, Stock, a_tier, a_user, an_event, an_order, make_overdue, stock
from tests.integration.refunds.sales import a_payment, a_status
from tests.threads import at_the_same_time, behind

pytestmark = pytest.mark.usefixtures("database")


def age(table: str, column: str) -> None:
    """Make everything in a table old enough for reconcile to look at."""
    with transaction() as tx:
        tx.execute(text(f"UPDATE {table} SET {column} = {column} - interval '5 minutes' WHERE {column} IS NOT NULL"))


def repairs(name: str) -> int:
    with transaction() as tx:
        return tx.execute(text("SELECT count(*) FROM audit_log WHERE action = :name"), {"name": name}).scalar_one()


def test_a_run_on_a_sound_database_repairs_nothing_and_says_so():
    an_order()
    totals = reconcile.run(thorough=True)
    assert {name: count for name, count in totals.items() if count} == {}
    assert repairs("reconcile_run") == 1


def test_a_message_that_pubsub_did_not_take_is_published_later(published):
    published.broken = True
    with transaction() as tx:
        outbox.add(tx, "order.ended", {"order_id": an_order().id})
    published.broken = False
    assert published.of("order.ended") == []
    age("outbox", "created_at")
    age("outbox", "claimed_until")
    assert reconcile.run(thorough=False)["reconcile_fix_message_published"] == 1
    assert len(published.of("order.ended")) == 1
    assert reconcile.run(thorough=False)["reconcile_fix_message_published"] == 0


def test_overdue_orders_are_ended_and_their_stock_comes_back():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=2)])
    make_overdue(an_order(event, quantities=[2]).id)
    assert reconcile.run(thorough=False)["reconcile_release_stock"] == 1
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=2)


def two_events_with_overdue_orders() -> tuple[Event, Event]:
    """Two events, each with an overdue order of two; the counter of the first is too low to give them back."""
    with transaction() as tx:
        wrong, sound = (an_event(tx, tiers=[a_tier(quota=5)]) for _ in range(2))
    for event in (wrong, sound):
        make_overdue(an_order(event, quantities=[2]).id)
    with transaction() as tx:
        tx.execute(text("UPDATE ticket_tiers SET reserved = 0 WHERE id = :id"), {"id": wrong.tier_ids[0]})
    return wrong, sound


def test_a_counter_that_is_too_low_stops_neither_other_orders_nor_its_own_repair():
    wrong, sound = two_events_with_overdue_orders()
    with pytest.raises(StepsFailed) as failed:
        reconcile.run(thorough=True)
    assert failed.value.totals["reconcile_fix_counter"] == 1
    assert stock(sound.tier_ids[0]) == Stock(reserved=0, sold=0, free=5)
    reconcile.run(thorough=True)
    assert stock(wrong.tier_ids[0]) == Stock(reserved=0, sold=0, free=5)


def test_an_order_that_the_database_keeps_from_ending_is_told_after_the_others_have_ended():
    _, sound = two_events_with_overdue_orders()
    with pytest.raises(DBAPIError):
        expiry.expire_all_due()
    assert stock(sound.tier_ids[0]) == Stock(reserved=0, sold=0, free=5)
    counter_repair.correct_counters()
    assert expiry.expire_all_due() == 1


def test_a_paid_order_without_tickets_is_announced_again(published):
    order = an_order(paid=True)
    age("orders", "paid_at")
    assert reconcile.run(thorough=False)["reconcile_fix_ticket_issued"] >= 1
    assert {"order_id": str(order.id)} in published.of("payment.success")


def a_sale_without_its_posting(age_of_sale: str) -> None:
    order = an_order()
    payment_id = a_payment(order.id)
    with transaction() as tx:
        orders.mark_paid(tx, orders.lock(tx, order.id), datetime.now(UTC))
        reported = a_status(order.total_amount)
        payment = payment_records.lock(tx, payment_id)
        payment_records.mark_paid(tx, payment, reported, order.total_amount, datetime.now(UTC))
        aged = text("UPDATE orders SET paid_at = paid_at - CAST(:age AS interval) WHERE id = :id")
        tx.execute(aged, {"age": age_of_sale, "id": order.id})


@pytest.mark.parametrize(("age_of_sale", "is_found_at_once"), [("1 hour", True), ("1 day", False)], ids=["new", "old"])
def test_a_sale_without_its_posting_is_booked_at_once_or_by_the_thorough_run(age_of_sale, is_found_at_once):
    a_sale_without_its_posting(age_of_sale)
    assert reconcile.run(thorough=False)["reconcile_fix_ledger"] == int(is_found_at_once)
    assert reconcile.run(thorough=True)["reconcile_fix_ledger"] == int(not is_found_at_once)
    assert reconcile.run(thorough=True)["reconcile_fix_ledger"] == 0


def test_a_check_that_takes_too_long_leaves_its_other_rows_to_the_next_run(monkeypatch):
    for _ in range(2):
        a_sale_without_its_posting("1 hour")
    monkeypatch.setattr(reconcile, "CHECK_SECONDS", -1)
    assert [reconcile.run(thorough=False)["reconcile_fix_ledger"] for _ in range(3)] == [1, 1, 0]


def test_runs_beside_each_other_repair_what_one_would():
    """The function has two instances, so that a run which a slow gateway makes long keeps no other from its time."""
    for _ in range(3):
        a_sale_without_its_posting("1 hour")
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=10)])
    an_order(event, quantities=[2], paid=True)
    make_overdue(an_order(event, quantities=[3]).id)
    with transaction() as tx:
        tx.execute(text("UPDATE ticket_tiers SET sold = 1 WHERE id = :id"), {"id": event.tier_ids[0]})
    both = at_the_same_time([lambda: reconcile.run(thorough=True)] * 2)
    repaired = {name: sum(totals[name] for totals in both) for name in both[0]}
    once = {"reconcile_fix_ledger": 3, "reconcile_release_stock": 1, "reconcile_fix_counter": 1}
    assert {name: repaired[name] for name in once} == once
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=2, free=8)


def test_counters_that_differ_from_the_orders_behind_them_are_corrected():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=10)])
    an_order(event, quantities=[2])
    an_order(event, quantities=[3], paid=True)
    with transaction() as tx:
        tx.execute(text("UPDATE ticket_tiers SET reserved = 5, sold = 1 WHERE id = :id"), {"id": event.tier_ids[0]})
    assert reconcile.run(thorough=True)["reconcile_fix_counter"] == 1
    assert stock(event.tier_ids[0]) == Stock(reserved=2, sold=3, free=5)


def test_counters_are_corrected_to_what_an_order_that_ends_meanwhile_leaves():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=10)])
    ending = an_order(event, quantities=[2])
    an_order(event, quantities=[3])
    with transaction() as tx:
        tx.execute(text("UPDATE ticket_tiers SET reserved = 6 WHERE id = :id"), {"id": event.tier_ids[0]})
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, ending.id))
        correcting = behind(tx, counter_repair.correct_counters)
    assert correcting.result() == 1
    assert stock(event.tier_ids[0]) == Stock(reserved=3, sold=0, free=7)


def test_a_mail_that_nobody_sends_is_asked_for_again(published):
    with transaction() as tx:
        email_id = tx.execute(
            text("""
                INSERT INTO emails (template, once_key, to_address, language, context)
                VALUES ('verify_email', :key, 'a@example.com', 'id', '{}') RETURNING id
            """),
            {"key": str(datetime.now(UTC))},
        ).scalar_one()
    age("emails", "created_at")
    assert reconcile.run(thorough=False)["reconcile_fix_mail"] >= 1
    assert {"email_id": str(email_id)} in published.of("email.requested")


def test_an_opening_payment_that_was_left_behind_is_closed_and_its_order_may_be_tried_again(published):
    with transaction() as tx:
        buyer, event = a_user(tx), an_event(tx)
    order = an_order(event, buyer=buyer)
    with transaction() as tx:
        tx.execute(
            text("""
                INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, amount, expires_at,
                    updated_at)
                VALUES (:id, 1, 'xendit', :id || '-1', 'QRIS', 1, now() + interval '20 minutes',
                    now() - interval '5 minutes')
            """),
            {"id": str(order.id)},
        )
    assert reconcile.run(thorough=False)["reconcile_fix_opening"] == 1
    with transaction() as tx:
        assert OrderResponse.read(tx, order.id).payments[0].status == "expired"
    assert len(published.of("payment.closing")) == 1


def test_one_repair_that_fails_does_not_stop_the_others(published):
    with transaction() as tx:  # a webhook that can't be processed: its payment is gone from the gateway's view
        tx.execute(
            text("""
                INSERT INTO webhook_events (gateway, webhook_id, event_type, payload, created_at)
                VALUES ('xendit', 'broken', 'payment.PAID', '{}', now() - interval '5 minutes')
            """)
        )
    order = an_order(paid=True)
    age("orders", "paid_at")
    reconcile.run(thorough=False)
    assert {"order_id": str(order.id)} in published.of("payment.success")
