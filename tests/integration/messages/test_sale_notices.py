"""An organizer is told of sales: the first of an event at once, later ones in a digest, or as they choose."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from functions.send_email.main import TicketCreated, enqueue_purchase_mails
from shared.cloud.database import transaction
from shared.identity import marketing
from shared.identity.marketing import MailKind
from shared.identity.tokens import Principal
from shared.messages import sale_notices
from shared.sales import orders
from tests.endpoints import call
from tests.factories import a_tier, an_event, an_order
from tests.mail_sending import send_mail
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def rows(sql, **values):
    with transaction() as tx:
        return tx.execute(text(sql), values).all()


def an_event_of(wish="first_sales", **columns):
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=50, name="VIP"), a_tier(quota=50, name="Reguler")], **columns)
        tx.execute(
            text("UPDATE users SET sale_notices = :wish WHERE id = :id"), {"wish": wish, "id": event.organizer_id}
        )
    return event


def sell(event, quantities=(1,), *, told=True):
    """A paid order, of which send_email hears."""
    order = an_order(event, quantities=quantities, paid=True)
    if told:
        hear_of(order)
    return order


def hear_of(order):
    with transaction() as tx:
        enqueue_purchase_mails(TicketCreated(order_id=order.id), tx)


def mails_to(event, template):
    return rows(
        """SELECT m.* FROM emails m JOIN users u ON u.email = m.to_address
        WHERE u.id = :id AND m.template = :template ORDER BY m.created_at""",
        id=event.organizer_id,
        template=template,
    )


def words(sendgrid, email):
    send_mail(email.id)
    return sendgrid.asked[-1].body


def test_the_first_sales_are_told_at_once_and_later_ones_in_a_digest():  # NOTIFY-1
    event = an_event_of()
    for _ in range(sale_notices.FIRST_SALES + 2):
        sell(event)
    assert len(mails_to(event, "sale_made")) == sale_notices.FIRST_SALES
    assert mails_to(event, "sale_digest") == []
    sale_notices.enqueue_digests()
    [digest] = mails_to(event, "sale_digest")
    assert [(each["orders"], each["items"], each["amount"]) for each in digest.context["sales"]] == [(2, 2, 200_000)]


def test_the_first_are_first_in_the_order_in_which_they_were_paid(monkeypatch):
    monkeypatch.setattr(sale_notices, "FIRST_SALES", 1)
    event = an_event_of()
    first, second = sell(event, told=False), sell(event, told=False)
    hear_of(second)
    hear_of(first)
    assert [mail.context["order_id"] for mail in mails_to(event, "sale_made")] == [str(first.id)]


def test_a_sale_is_told_once_whatever_is_repeated(monkeypatch):
    monkeypatch.setattr(sale_notices, "FIRST_SALES", 1)
    event = an_event_of()
    placed = [sell(event), sell(event, [2, 1])]
    at_the_same_time([lambda order=order: hear_of(order) for order in placed * 3])
    at_the_same_time([sale_notices.enqueue_digests] * 4)
    for order in placed:
        hear_of(order)
    sale_notices.enqueue_digests()
    assert len(mails_to(event, "sale_made")) == 1
    [digest] = mails_to(event, "sale_digest")
    assert [(each["orders"], each["items"]) for each in digest.context["sales"]] == [(1, 3)]


def test_everything_in_the_digest_for_who_wants_it_so():
    event = an_event_of("digest")
    sell(event)
    assert mails_to(event, "sale_made") == []
    sale_notices.enqueue_digests()
    assert len(mails_to(event, "sale_digest")) == 1


def test_nothing_for_who_wants_nothing():
    event = an_event_of("off")
    sell(event)
    sale_notices.enqueue_digests()
    assert mails_to(event, "sale_made") + mails_to(event, "sale_digest") == []


def test_who_switches_them_off_gets_none_that_waits(sendgrid):
    event = an_event_of()
    sell(event)
    with transaction() as tx:
        tx.execute(text("UPDATE users SET sale_notices = 'off' WHERE id = :id"), {"id": event.organizer_id})
    [waiting] = mails_to(event, "sale_made")
    send_mail(waiting.id)
    assert sendgrid.asked == []


def test_what_went_back_before_the_digest_is_no_sale():
    event = an_event_of("digest")
    sold, returned = sell(event), sell(event)
    with transaction() as tx:
        orders.mark_refunded(tx, orders.lock(tx, returned.id))
    sale_notices.enqueue_digests()
    [digest] = mails_to(event, "sale_digest")
    assert [each["amount"] for each in digest.context["sales"]] == [sold.subtotal]


def test_a_day_without_sales_has_no_digest():
    event = an_event_of("digest")
    sell(event)
    for _ in range(3):
        sale_notices.enqueue_digests()
    assert len(mails_to(event, "sale_digest")) == 1


def test_digests_go_out_in_batches(monkeypatch):
    monkeypatch.setattr(sale_notices, "BATCH_SIZE", 2)
    events = [an_event_of("digest") for _ in range(5)]
    for event in events:
        sell(event)
    assert sale_notices.enqueue_digests() == 5
    assert [len(mails_to(event, "sale_digest")) for event in events] == [1] * 5


def test_the_notice_says_what_was_sold_and_can_be_ended(sendgrid):  # RFC 8058
    event = an_event_of(title="Konser Fajar")
    order = sell(event, [2, 1])
    mail = words(sendgrid, mails_to(event, "sale_made")[0])
    assert mail["subject"] == "Terjual: 2 × VIP …, Konser Fajar"
    plain = mail["content"][0]["value"]
    for fact in ("2 x VIP", "1 x Reguler", "Rp 300.000", "3 dari 100", f"/organizer/events/{event.id}"):
        assert fact in plain
    assert str(order.id) not in plain
    link = mail["headers"]["List-Unsubscribe"].strip("<>")
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = link[link.index("/account/unsubscribe") :]
    assert call("POST", address, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    [organizer] = rows("SELECT sale_notices, marketing_opt_in FROM users WHERE id = :id", id=event.organizer_id)
    assert organizer.sale_notices == "off"


def test_a_link_that_ends_one_kind_of_mails_ends_no_other():
    event = an_event_of()
    token = marketing.token(event.organizer_id, MailKind.OFFERS)
    assert call("POST", f"/account/unsubscribe?token={token}&kind=sales").status_code == 404
    assert call("POST", f"/account/unsubscribe?token={token}").status_code == 200
    [organizer] = rows("SELECT sale_notices FROM users WHERE id = :id", id=event.organizer_id)
    assert organizer.sale_notices == "first_sales"


def test_the_digest_says_what_was_sold_of_each_event(sendgrid):
    concert = an_event_of("digest", title="Konser Fajar")
    with transaction() as tx:
        run = an_event(tx, organizer_id=concert.organizer_id, title="Lari Pagi")
    sell(concert, [2])
    sell(concert)
    sell(run)
    sale_notices.enqueue_digests()
    mail = words(sendgrid, mails_to(concert, "sale_digest")[0])
    assert mail["subject"] == "Penjualan Anda: 3 pesanan, Rp 400.000"
    plain = mail["content"][0]["value"]
    for fact in ("Konser Fajar", "2 pesanan, 3 unit: Rp 300.000", "Lari Pagi", "1 pesanan, 1 unit: Rp 100.000"):
        assert fact in plain


def test_an_organizer_chooses_in_their_profile():
    event = an_event_of()
    organizer = Principal(event.organizer_id, "organizer", event.organizer_id)
    assert call("GET", "/account", by=organizer).get_json()["sale_notices"] == "first_sales"
    changed = call("PUT", "/account", by=organizer, json={"sale_notices": "digest"}).get_json()
    assert changed["sale_notices"] == "digest"
    assert call("PUT", "/account", by=organizer, json={"sale_notices": "always"}).status_code == 422


def test_a_sale_of_long_ago_is_told_like_any_other():
    event = an_event_of("digest")
    order = sell(event, told=False)
    with transaction() as tx:
        a_month_ago = {"at": datetime.now(UTC) - timedelta(days=30), "id": order.id}
        tx.execute(text("UPDATE orders SET paid_at = :at WHERE id = :id"), a_month_ago)
    hear_of(order)
    sale_notices.enqueue_digests()
    assert len(mails_to(event, "sale_digest")) == 1
