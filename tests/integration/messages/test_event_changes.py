"""Ticket holders are told what has changed of their event: once per change, with old and new (EM-005)."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.catalog import editing, event_changes
from shared.catalog.events import EventChange, ListedTierChange
from shared.catalog.tiers import TierChange
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.payments import change_notices, reconcile
from tests.factories import a_tier, a_user, an_event, an_order
from tests.integration.refunds.sales import a_paid_order
from tests.mail_sending import send_mail
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def rows(sql, **values):
    with transaction() as tx:
        return tx.execute(text(sql), values).all()


def change(sql, **values):
    with transaction() as tx:
        tx.execute(text(sql), values)


def organizer_of(event):
    return Principal(event.organizer_id, "organizer", event.organizer_id)


def edit(event, **wanted):
    with transaction() as tx:
        return editing.change(tx, organizer_of(event), event.id, EventChange(**wanted))


def rename_tier(event, number, name):
    with transaction() as tx:
        editing.change_tier(tx, organizer_of(event), event.id, event.tier_ids[number], TierChange(name=name))


def a_sale(quantities=(2,)):
    """An event with the tiers VIP and Reguler, its buyer's address, an attendee's, and an order of both."""
    address = f"ani-{uuid4().hex[:8]}@example.com"
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=50, name="VIP"), a_tier(quota=50, name="Reguler")])
        buyer = a_user(tx, email=f"siti-{uuid4().hex[:8]}@example.com")
        siti = tx.execute(text("SELECT email FROM users WHERE id = :id"), {"id": buyer.id}).scalar_one()
    order = a_paid_order(event, buyer=buyer, quantities=quantities)
    change("UPDATE order_items SET attendee_email = :siti WHERE order_id = :id", siti=siti, id=order.id)
    change("UPDATE order_items SET attendee_email = :ani WHERE id = :id", ani=address, id=order.items[-1].id)
    return event, order, siti, address


def waiting(event):
    return rows("SELECT * FROM event_changes WHERE event_id = :id AND finished_at IS NULL", id=event.id)


def tell(event):
    """Let what waits be due, and tell everybody."""
    for found in waiting(event):
        change("UPDATE event_changes SET due_at = now() WHERE id = :id", id=found.id)
        assert change_notices.enqueue_batch(found.id)


def told(event):
    return rows(
        """
        SELECT m.* FROM emails m JOIN orders o ON o.id = m.order_id
        WHERE o.event_id = :id AND template = 'event_changed' ORDER BY m.created_at, m.once_key
        """,
        id=event.id,
    )


def words(sendgrid, email):
    send_mail(email.id)
    body = sendgrid.asked[-1].body
    return body["subject"], *(part["value"] for part in body["content"])


def start_of(event):
    [row] = rows("SELECT start_date FROM events WHERE id = :id", id=event.id)
    return row.start_date


def test_buyer_and_attendee_are_told_old_and_new(sendgrid):
    event, order, siti, ani = a_sale()
    edit(event, title="Konser Fajar", venue="Tenis Indoor", timezone="Asia/Makassar")
    tell(event)
    found = {email.to_address: email for email in told(event)}
    assert set(found) == {siti, ani}
    subject, plain, html = words(sendgrid, found[siti])
    assert "Konser Fajar" in subject
    for part in (plain, html):
        for fact in ("Konser Senja", "Konser Fajar", "Istora, Jakarta", "Tenis Indoor, Jakarta", "WIB", "WITA"):
            assert fact in part
        assert str(order.id) in part
    for part in words(sendgrid, found[ani])[1:]:
        assert "WITA" in part
        assert str(order.id) not in part
        assert "Rp" not in part


def test_the_first_change_is_told_within_seconds(scheduled):
    event, *_ = a_sale()
    edit(event, venue="Tenis Indoor")
    [found] = waiting(event)
    [task] = [task.http_request for task in scheduled.tasks if str(found.id).encode() in task.http_request.body]
    assert task.url.endswith("/tasks/notify")
    assert found.due_at - found.changed_at <= timedelta(seconds=15)


def test_edits_within_a_short_while_are_told_together():
    event, _, siti, ani = a_sale()
    edit(event, venue="Tenis Indoor")
    edit(event, venue="Gelora", title="Konser Fajar")
    rename_tier(event, 0, "Platinum")
    tell(event)
    assert sorted(email.to_address for email in told(event)) == sorted([ani, siti])


def test_a_change_that_is_taken_back_in_time_is_not_told():
    event, *_ = a_sale()
    edit(event, venue="Tenis Indoor")
    edit(event, venue="Istora")
    assert waiting(event) == []
    tell(event)
    assert told(event) == []


def test_each_change_is_told_and_none_is_lost():
    event, *_ = a_sale()
    edit(event, venue="Tenis Indoor")
    tell(event)
    edit(event, venue="Gelora")
    tell(event)
    assert len(told(event)) == 4


def test_further_changes_of_a_day_wait_longer_and_longer():
    event, *_ = a_sale()
    delays = []
    for number in range(4):
        edit(event, venue=f"Aula {number}")
        [found] = waiting(event)
        delays.append((found.due_at - found.changed_at).total_seconds())
        tell(event)
    assert delays == [15, 900, 1800, 3600]


@pytest.mark.parametrize(("minutes_left", "most_seconds"), [(180, 216), (10, 15)])
def test_what_changes_shortly_before_the_event_is_told_before_it(minutes_left, most_seconds):
    event, *_ = a_sale()
    change(
        "UPDATE events SET start_date = now() + make_interval(mins => :left) WHERE id = :id",
        left=minutes_left,
        id=event.id,
    )
    for number in range(4):
        edit(event, venue=f"Aula {number}")
        [found] = waiting(event)
        assert (found.due_at - found.changed_at).total_seconds() <= most_seconds
        tell(event)


def test_an_edit_that_joins_one_that_waits_does_not_delay_it(scheduled):
    event, *_ = a_sale()
    edit(event, venue="Aula 1")
    tell(event)
    edit(event, venue="Aula 2")
    [before] = waiting(event)
    change("UPDATE events SET start_date = now() + interval '10 minutes' WHERE id = :id", id=event.id)
    edit(event, venue="Aula 3")
    [after] = waiting(event)
    assert after.due_at < before.due_at
    assert str(after.id).encode() in scheduled.tasks[-1].http_request.body


def test_the_new_name_of_a_tier_is_told_to_who_has_bought_of_it(sendgrid):
    event, order, siti, ani = a_sale(quantities=(1, 1))
    change("UPDATE order_items SET attendee_email = :a WHERE id = :id", a=siti, id=order.items[0].id)
    change("UPDATE order_items SET attendee_email = :a WHERE id = :id", a=ani, id=order.items[1].id)
    other = a_paid_order(event, quantities=(0, 1))
    rename_tier(event, 0, "Platinum")
    tell(event)
    [email] = told(event)
    assert (email.to_address, email.order_id) == (siti, order.id)
    for part in words(sendgrid, email)[1:]:
        assert "VIP" in part
        assert "Platinum" in part
    edit(event, tiers=[ListedTierChange(id=event.tier_ids[1], name="Festival")])
    tell(event)
    assert {email.order_id for email in told(event)} == {order.id, other.id}
    assert len(told(event)) == 1 + 4  # both buyers and both attendees of Reguler


@pytest.mark.parametrize(
    "wanted", [{"description": "Lebih meriah"}, {"terms": "Baru"}, {"category": "seni"}, {"capacity": 500}]
)
def test_what_is_not_on_a_ticket_is_not_told(wanted):
    event, *_ = a_sale()
    edit(event, **wanted)
    assert waiting(event) == []


def test_a_new_tier_and_a_change_of_a_draft_are_not_told():
    event, *_ = a_sale()
    with transaction() as tx:
        draft = an_event(tx, status="draft")
    edit(draft, venue="Tenis Indoor")
    edit(event, capacity=500)
    with transaction() as tx:
        editing.add_tier(tx, organizer_of(event), event.id, editing.NewTier(name="Festival", price=1, quota=1))
    assert waiting(event) == waiting(draft) == []


def test_who_bought_after_the_change_has_read_it():
    event, *_ = a_sale()
    edit(event, venue="Tenis Indoor")
    late = a_paid_order(event)
    tell(event)
    assert late.id not in {email.order_id for email in told(event)}


def test_who_has_reserved_and_not_paid_is_told_too():
    event, *_ = a_sale()
    reserved = an_order(event)
    edit(event, venue="Tenis Indoor")
    tell(event)
    assert reserved.id in {email.order_id for email in told(event)}


def test_notices_that_stop_anywhere_go_on_where_they_were(monkeypatch):
    event, *_ = a_sale()
    orders = [a_paid_order(event) for _ in range(6)]
    edit(event, venue="Tenis Indoor")
    [found] = waiting(event)
    change("UPDATE event_changes SET due_at = now() WHERE id = :id", id=found.id)
    monkeypatch.setattr(event_changes, "BATCH_SIZE", 2)
    with transaction() as tx:
        event_changes.start(tx, found.id)
    with transaction() as tx:
        first = event_changes.next_batch(tx, found.id)
        for order_id in first.order_ids:
            mails.enqueue_event_changed(tx, order_id, found.id, first.tier_ids)

    def killed():
        with transaction() as tx:
            second = event_changes.next_batch(tx, found.id)
            mails.enqueue_event_changed(tx, second.order_ids[0], found.id, None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        killed()
    at_the_same_time([lambda: change_notices.enqueue_batch(found.id)] * 4)
    addresses = [(email.order_id, email.to_address) for email in told(event)]
    assert len(addresses) == len(set(addresses)) == 2 * (len(orders) + 1)
    assert waiting(event) == []


def test_a_task_that_comes_too_early_tells_nobody():
    event, *_ = a_sale()
    edit(event, venue="Tenis Indoor")
    tell(event)
    edit(event, venue="Gelora")
    [found] = waiting(event)
    assert change_notices.enqueue_batch(found.id)
    assert [email.order_id for email in told(event)] == [told(event)[0].order_id] * 2
    assert waiting(event)


def test_notices_whose_task_was_lost_are_sent_by_reconcile():
    event, *_ = a_sale()
    edit(event, venue="Tenis Indoor")
    change("UPDATE event_changes SET due_at = now() - interval '1 hour', updated_at = due_at - interval '1 hour'")
    assert reconcile.run(thorough=False)["reconcile_fix_notices"] >= 1
    assert len(told(event)) == 2


def test_edits_and_notices_in_the_same_instant_lose_nothing():
    event, *_ = a_sale()
    edit(event, venue="Aula 0")
    [found] = waiting(event)
    change("UPDATE event_changes SET due_at = now() WHERE id = :id", id=found.id)
    at_the_same_time(
        [lambda number=number: edit(event, venue=f"Aula {number}") for number in range(1, 5)]
        + [lambda: change_notices.enqueue_batch(found.id)] * 3
    )
    tell(event)
    [event_row] = rows("SELECT venue FROM events WHERE id = :id", id=event.id)
    last = rows("SELECT after FROM event_changes WHERE event_id = :id ORDER BY started_at DESC LIMIT 1", id=event.id)
    assert last[0].after["venue"] == event_row.venue
    keys = [email.once_key for email in told(event)]
    assert len(keys) == len(set(keys))


def test_the_mail_offers_the_money_back_where_the_organizer_lets_it(sendgrid):
    event, *_ = a_sale()
    edit(event, start_date=start_of(event) + timedelta(days=1), end_date=start_of(event) + timedelta(days=2))
    tell(event)
    [to_buyer] = [email for email in told(event) if email.to_address.startswith("siti")]
    assert all("seluruh uang" in part for part in words(sendgrid, to_buyer)[1:])
    strict, *_ = a_sale()
    edit(strict, venue="Gelora", refund_after_change=False)
    tell(strict)
    assert all("seluruh uang" not in part for part in words(sendgrid, told(strict)[0]))
