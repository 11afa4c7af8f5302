"""Reminders of open payments and near events: at their time, once, in batches, and to nobody they no longer concern."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from shared.cloud import clock
from shared.cloud.database import transaction
from shared.messages import event_reminders, mails, payment_reminders
from shared.sales import orders
from tests.factories import a_tier, a_user, an_event, an_order
from tests.integration.refunds.sales import a_paid_order, a_payment
from tests.mail_sending import send_mail
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def rows(sql, **values):
    with transaction() as tx:
        return tx.execute(text(sql), values).all()


def change(sql, **values):
    with transaction() as tx:
        tx.execute(text(sql), values)


def mails_about(order_id, template):
    return rows(
        "SELECT * FROM emails WHERE order_id = :id AND template = :template ORDER BY to_address",
        id=order_id,
        template=template,
    )


def reminders(order):
    return mails_about(order.id, "payment_reminder")


def a_bill(*, minutes_left, minutes_old=10, hold_minutes=30):
    """An order whose payment was opened `minutes_old` ago, and whose hold of `hold_minutes` ends in `minutes_left`."""
    order = an_order()
    a_payment(order.id)
    age = hold_minutes - minutes_left
    change(
        """UPDATE orders SET created_at = now() - make_interval(mins => :age),
            reservation_expires_at = now() + make_interval(mins => :left) WHERE id = :id""",
        age=age,
        left=minutes_left,
        id=order.id,
    )
    change(
        "UPDATE payments SET created_at = now() - make_interval(mins => :old) WHERE order_id = :id",
        old=minutes_old,
        id=order.id,
    )
    return order


@pytest.mark.parametrize(("minutes_left", "reminded"), [(16, 0), (15, 1), (3, 1), (-1, 0)])
def test_who_has_not_paid_is_reminded_15_minutes_before_the_hold_ends(minutes_left, reminded):  # NS-004
    order = a_bill(minutes_left=minutes_left)
    payment_reminders.enqueue_all_due()
    assert len(reminders(order)) == reminded


@pytest.mark.parametrize(("minutes_old", "reminded"), [(4, 0), (6, 1)])
def test_no_reminder_follows_the_bill_at_once(minutes_old, reminded):  # NS-004
    order = a_bill(minutes_left=15, minutes_old=minutes_old)
    payment_reminders.enqueue_all_due()
    assert len(reminders(order)) == reminded


@pytest.mark.parametrize(("minutes_old", "reminded"), [(2, 0), (4, 1)])
def test_a_hold_that_settings_make_shorter_is_reminded_of_too(minutes_old, reminded):  # NS-004
    order = a_bill(minutes_left=5, minutes_old=minutes_old, hold_minutes=9)
    payment_reminders.enqueue_all_due()
    assert len(reminders(order)) == reminded


def test_a_hold_without_a_chosen_payment_is_not_reminded_of():  # NS-004
    order = an_order()
    payment_reminders.enqueue_all_due()
    assert reminders(order) == []


def test_a_payment_is_reminded_of_once_whatever_is_repeated():  # NS-004
    order = a_bill(minutes_left=14)
    at_the_same_time([payment_reminders.enqueue_all_due] * 4)
    payment_reminders.enqueue_all_due()
    assert len(reminders(order)) == 1


def test_a_hold_that_is_prolonged_is_reminded_of_its_new_end():  # NS-004
    order = a_bill(minutes_left=14)
    payment_reminders.enqueue_all_due()
    change(
        """UPDATE orders SET review_reason = 'top_up', reservation_expires_at = now() + interval '12 minutes'
            WHERE id = :id""",
        id=order.id,
    )
    payment_reminders.enqueue_all_due()
    assert len(reminders(order)) == 2


def test_an_order_in_review_is_not_reminded_of():
    order = a_bill(minutes_left=14)
    change("UPDATE orders SET review_reason = 'overpaid' WHERE id = :id", id=order.id)
    payment_reminders.enqueue_all_due()
    assert reminders(order) == []


def test_payments_are_reminded_of_in_batches(monkeypatch):
    monkeypatch.setattr(payment_reminders, "BATCH_SIZE", 2)
    bills = [a_bill(minutes_left=14) for _ in range(5)]
    assert payment_reminders.enqueue_all_due() == 5
    assert [len(reminders(bill)) for bill in bills] == [1] * 5


def test_who_pays_before_the_reminder_leaves_gets_none(sendgrid):  # NS-004
    order = a_bill(minutes_left=14)
    payment_reminders.enqueue_all_due()
    with transaction() as tx:
        orders.mark_paid(tx, orders.lock(tx, order.id), paid_at=datetime.now(UTC))
    [email] = reminders(order)
    send_mail(email.id)
    assert sendgrid.asked == []
    assert reminders(order)[0].error_message == "the order is paid"


def test_a_reminder_that_comes_too_late_is_not_sent(sendgrid):  # NS-004
    order = a_bill(minutes_left=14)
    payment_reminders.enqueue_all_due()
    change("UPDATE orders SET reservation_expires_at = now() WHERE id = :id", id=order.id)
    send_mail(reminders(order)[0].id)
    assert sendgrid.asked == []


def test_the_reminder_says_until_when_and_how_to_pay(sendgrid):  # NS-004
    order = a_bill(minutes_left=14)
    payment_reminders.enqueue_all_due()
    send_mail(reminders(order)[0].id)
    mail = sendgrid.asked[-1].body
    assert mail["subject"] == "Belum dibayar: Konser Senja"
    plain = mail["content"][0]["value"]
    assert "Bayar paling lambat" in plain
    assert "QRIS" in plain


SOON = timedelta(hours=2)
"""The morning of the day before is over everywhere."""


def a_near_event(**columns):
    with transaction() as tx:
        return an_event(
            tx, starts_at=datetime.now(UTC) + SOON, tiers=[a_tier(quota=50, price=0), a_tier(quota=50)], **columns
        )


def paid_long_ago(event, **asked):
    order = a_paid_order(event, **asked)
    change("UPDATE orders SET paid_at = now() - interval '3 days' WHERE id = :id", id=order.id)
    return order


def address_of(user):
    [row] = rows("SELECT email FROM users WHERE id = :id", id=user.id)
    return row.email


def reminded(order):
    return [mail.to_address for mail in mails_about(order.id, "event_reminder")]


@pytest.fixture
def buyer():
    with transaction() as tx:
        return a_user(tx)


@pytest.mark.parametrize(
    ("start", "zone", "expected"),
    [
        ("2026-11-21T12:00:00+00:00", "Asia/Jakarta", "2026-11-20T09:00:00+07:00"),
        ("2026-11-21T12:00:00+00:00", "Asia/Jayapura", "2026-11-20T09:00:00+09:00"),
        ("2026-11-20T17:30:00+00:00", "Asia/Jakarta", "2026-11-20T09:00:00+07:00"),  # half past midnight
        ("2026-11-20T16:30:00+00:00", "Asia/Jakarta", "2026-11-19T09:00:00+07:00"),
        ("2026-11-20T16:30:00+00:00", "Asia/Makassar", "2026-11-20T09:00:00+08:00"),
    ],
)
def test_the_reminder_is_due_on_the_day_before_in_the_events_zone(start, zone, expected):  # NS-005
    found = event_reminders.first_moment(datetime.fromisoformat(start), zone)
    assert found == datetime.fromisoformat(expected)


def test_the_longest_lead_is_that_of_an_event_just_before_midnight():
    start = datetime.fromisoformat("2026-11-21T23:59:59+07:00")
    lead = start - event_reminders.first_moment(start, "Asia/Jakarta")
    assert lead <= event_reminders.LONGEST_LEAD


def test_buyer_and_attendee_are_reminded_once(buyer, sendgrid):  # NS-005
    event = a_near_event()
    order = paid_long_ago(event, buyer=buyer, quantities=(0, 2))
    with transaction() as tx:
        mails.enqueue_e_tickets(tx, order.id)
    for _ in range(2):
        event_reminders.enqueue_all_due()
    assert sorted(reminded(order)) == sorted([address_of(buyer), "peserta1@example.com", "peserta2@example.com"])
    found = {mail.to_address: mail.id for mail in mails_about(order.id, "event_reminder")}
    for email_id in found.values():
        send_mail(email_id)
    words = {asked.body["personalizations"][0]["to"][0]["email"]: asked.body for asked in sendgrid.asked}
    assert "Konser Senja" in words[address_of(buyer)]["subject"]
    assert f"/orders/{order.id}" in words[address_of(buyer)]["content"][0]["value"]
    assert str(order.id) not in words["peserta1@example.com"]["content"][0]["value"]


def test_an_attendee_who_was_not_mailed_a_ticket_is_not_mailed_a_reminder(buyer):
    order = paid_long_ago(a_near_event(), buyer=buyer, quantities=(0, 2))
    event_reminders.enqueue_all_due()
    assert reminded(order) == [address_of(buyer)]


def test_an_event_of_another_day_is_not_reminded_of(buyer):  # NS-005
    with transaction() as tx:
        event = an_event(tx, starts_at=datetime.now(UTC) + timedelta(days=3))
    order = paid_long_ago(event, buyer=buyer)
    event_reminders.enqueue_all_due()
    assert reminded(order) == []


def test_who_has_just_paid_is_not_reminded(buyer):
    order = a_paid_order(a_near_event(), buyer=buyer, quantities=(0, 1))
    event_reminders.enqueue_all_due()
    assert reminded(order) == []


def test_nothing_goes_to_who_was_refunded_or_whose_event_is_cancelled(buyer, sendgrid):  # NS-005
    event = a_near_event()
    refunded, returned, kept = (paid_long_ago(event, quantities=(0, 1)) for _ in range(3))
    with transaction() as tx:
        orders.mark_refunded(tx, orders.lock(tx, refunded.id))
        orders.return_items(tx, [returned.items[0].id])
    event_reminders.enqueue_all_due()
    assert reminded(refunded) == []
    assert reminded(returned) == []
    [email] = mails_about(kept.id, "event_reminder")
    change("UPDATE events SET status = 'cancelled' WHERE id = :id", id=event.id)
    send_mail(email.id)
    assert sendgrid.asked == []


def test_what_is_given_back_before_the_reminder_leaves_is_not_reminded_of(sendgrid):
    order = paid_long_ago(a_near_event(), quantities=(0, 1))
    event_reminders.enqueue_all_due()
    with transaction() as tx:
        orders.return_items(tx, [order.items[0].id])
    [email] = mails_about(order.id, "event_reminder")
    send_mail(email.id)
    assert sendgrid.asked == []


def test_an_event_that_is_moved_is_reminded_of_anew(sendgrid, monkeypatch):  # NS-005
    event = a_near_event()
    order = paid_long_ago(event, quantities=(0, 1))
    event_reminders.enqueue_all_due()
    [first] = mails_about(order.id, "event_reminder")
    a_day = timedelta(days=1)
    change(
        "UPDATE events SET end_date = end_date + :day, start_date = start_date + :day WHERE id = :id",
        day=a_day,
        id=event.id,
    )
    send_mail(first.id)
    assert sendgrid.asked == []
    tomorrow = datetime.now(UTC) + a_day
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    event_reminders.enqueue_all_due()
    [second] = [mail for mail in mails_about(order.id, "event_reminder") if mail.id != first.id]
    send_mail(second.id)
    assert len(sendgrid.asked) == 1


def test_reminders_that_are_cut_off_are_gone_on_with(monkeypatch):  # NS-005
    monkeypatch.setattr(event_reminders, "BATCH_SIZE", 2)
    event = a_near_event()
    placed = [paid_long_ago(event, quantities=(0, 1)) for _ in range(5)]
    enqueue_all, batches = mails.enqueue_all, []

    def cut_off(tx, template, requests):
        batches.append(len(requests))
        if len(batches) == 2:
            raise ConnectionError
        return enqueue_all(tx, template, requests)

    monkeypatch.setattr(mails, "enqueue_all", cut_off)
    with pytest.raises(ConnectionError):
        event_reminders.enqueue_all_due()
    assert sum(len(reminded(order)) for order in placed) == 2
    at_the_same_time([event_reminders.enqueue_all_due] * 3)
    assert [len(reminded(order)) for order in placed] == [1] * 5
    assert batches[0] == 2
    assert sum(batches) == 2 + 2 + 3  # the first, the one that was cut off, and the rest


def test_a_run_ends_in_time(monkeypatch):
    event = a_near_event()
    order = paid_long_ago(event, quantities=(0, 1))
    monkeypatch.setattr(event_reminders, "RUN_SECONDS", 0)
    assert event_reminders.enqueue_all_due() == 0
    assert reminded(order) == []
