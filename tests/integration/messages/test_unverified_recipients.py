"""Mails to who never asked for one: nothing a stranger typed reaches an address that nobody has proved, nor many."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.links import contains_link
from shared.messages import mails, quotas
from shared.messages.quotas import TooManyMails
from shared.sales import orders
from shared.tickets import holders, issuing
from shared.tickets.holders import HolderChange
from tests.factories import a_tier, a_user, add_tickets, an_event, an_order
from tests.mail_sending import send_mail
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")

PHISHING = "Akun Anda dibekukan. Buka https://evil.example"


def rows(sql, **values):
    with transaction() as tx:
        return tx.execute(text(sql), values).all()


def change(sql, **values):
    with transaction() as tx:
        tx.execute(text(sql), values)


def an_address(name="korban"):
    return f"{name}-{uuid4().hex[:10]}@example.com"


def a_buyer(**columns):
    with transaction() as tx:
        return a_user(tx, **columns)


def free_event(**facts):
    with transaction() as tx:
        return an_event(tx, tiers=[a_tier(price=0, quota=1000, name="Klik evil.example")], **facts)


def an_issued_order(event=None, buyer=None, addresses=(), names=None):
    order = an_order(event, buyer=buyer or a_buyer(), quantities=[len(addresses)], paid=True)
    for number, (item, address) in enumerate(zip(order.items, addresses, strict=True)):
        values = {"id": item.id, "address": address, "name": names[number] if names else f"Peserta {number}"}
        change("UPDATE order_items SET attendee_email = :address, attendee_name = :name WHERE id = :id", **values)
    issuing.issue(order.id)
    with transaction() as tx:
        mails.enqueue_e_tickets(tx, order.id)
    return order


def tell_holders(order):
    """Tell the holders of an order's tickets of a change of the event, and that they are void."""
    with transaction() as tx:
        mails.enqueue_event_changed(tx, order.id, uuid4(), None)
        mails.enqueue_ticket_void(tx, order.id, [item.id for item in order.items], "event_cancelled")


def mails_to(address):
    return rows("SELECT * FROM emails WHERE to_address = :address ORDER BY created_at, template", address=address)


def sent(sendgrid, email):
    send_mail(email.id)
    assert rows("SELECT status FROM emails WHERE id = :id", id=email.id)[0].status == "sent"
    return sendgrid.asked[-1].body


def parts(body):
    return [body["subject"], *(part["value"] for part in body["content"])]


@pytest.mark.parametrize("template", ["verify_email", "reset_password", "staff_invitation"])
def test_no_name_is_in_a_mail_to_an_address_that_nobody_has_proved(sendgrid, template):
    address = an_address()
    with transaction() as tx:
        context = {"full_name": PHISHING, "code": "123456", "valid_days": 3}
        mails.enqueue(tx, template, dedupe_key=str(uuid4()), to=address, language="id", context=context)
    for part in parts(sent(sendgrid, mails_to(address)[0])):
        assert "evil" not in part
        assert "dibekukan" not in part


def test_who_has_proved_the_address_is_called_by_name(sendgrid):
    address = an_address("siti")
    a_buyer(email=address, full_name="Siti Rahma")
    with transaction() as tx:
        context = {"full_name": "Siti Rahma", "code": "123456"}
        mails.enqueue(tx, "reset_password", dedupe_key=str(uuid4()), to=address, language="id", context=context)
    assert "Halo Siti Rahma," in parts(sent(sendgrid, mails_to(address)[0]))[1]


def test_an_attendee_of_a_free_event_is_told_nothing_that_a_stranger_typed(sendgrid):
    address, buyer = an_address(), a_buyer(full_name="Bank Anda", email=an_address("bank"))
    event = free_event(title=PHISHING, terms=PHISHING)
    change("UPDATE events SET venue = :words, location = :words WHERE id = :id", words=PHISHING, id=event.id)
    an_issued_order(event, buyer, [address], [PHISHING])
    [email] = mails_to(address)
    body = sent(sendgrid, email)
    for part in parts(body):
        for words in ("evil", "dibekukan", "Bank Anda"):
            assert words not in part
    assert "attachments" not in body


def test_an_attendee_who_has_paid_company_gets_the_ticket_and_no_name_or_link(sendgrid):
    address, buyer = an_address(), a_buyer(full_name="Bank Anda", email=an_address("bank"))
    with transaction() as tx:
        event = an_event(tx, title="Konser Senja", tiers=[a_tier(name="Menang di evil.example")])
    an_issued_order(event, buyer, [address], ["Budi, hubungi kami"])
    body = sent(sendgrid, mails_to(address)[0])
    subject, *texts = parts(body)
    assert "Konser" not in subject
    assert len(body["attachments"]) == 1
    for part in texts:
        assert "Konser Senja" in part
        for words in ("evil", "Bank Anda", "hubungi kami"):
            assert words not in part


def test_the_buyer_is_told_all_of_it(sendgrid):
    address = an_address("siti")
    an_issued_order(free_event(title="Pameran Seni"), a_buyer(email=address), [an_address()])
    body = sent(sendgrid, mails_to(address)[0])
    assert "Pameran Seni" in body["subject"]
    assert len(body["attachments"]) == 1


def test_an_attendee_of_a_free_event_is_mailed_once_whoever_names_them_how_often():
    address, event = an_address(), free_event()
    at_the_same_time([lambda: an_issued_order(event, None, [address]) for _ in range(6)])
    an_issued_order(event, None, [address])
    assert len(mails_to(address)) == 1


def test_an_attendee_of_a_free_event_is_mailed_only_of_a_buyer_whose_own_address_is_proved():
    address = an_address()
    an_issued_order(free_event(), a_buyer(is_email_verified=False), [address])
    assert mails_to(address) == []


@pytest.mark.parametrize("price", [0, 100_000])
def test_an_attendee_whose_order_nobody_has_paid_hears_of_no_change(price):
    with transaction() as tx:
        event = an_event(tx, title="Klik di sini", tiers=[a_tier(price=price)])
    address, order = an_address(), an_order(event, buyer=a_buyer(), quantities=[1])
    change("UPDATE order_items SET attendee_email = :address WHERE order_id = :id", address=address, id=order.id)
    tell_holders(order)
    assert mails_to(address) == []


def test_an_attendee_of_a_free_event_hears_more_only_of_the_order_whose_ticket_was_mailed():
    address, event = an_address(), free_event()
    told, *others = (an_issued_order(event, None, [address]) for _ in range(3))
    for order in (told, *others):
        tell_holders(order)
    assert [(email.template, email.order_id) for email in mails_to(address)] == [
        (template, told.id) for template in ("e_ticket", "event_changed", "ticket_void")
    ]


def test_who_was_never_mailed_a_ticket_of_a_free_event_is_not_told_that_it_has_another_holder():
    address, buyer = an_address(), a_buyer(is_email_verified=False)
    order = an_issued_order(free_event(), buyer, [address])
    [ticket] = rows("SELECT id FROM tickets WHERE order_id = :id", id=order.id)
    with transaction() as tx:
        wanted = HolderChange(name="Orang Lain", email=an_address())
        holders.change(tx, buyer, ticket.id, wanted, mails.enqueue_holder_changed)
    assert mails_to(address) == []


def test_one_address_is_reached_by_few_free_events_a_day():
    address = an_address()
    at_the_same_time([lambda: an_issued_order(free_event(), None, [address]) for _ in range(8)])
    assert len(mails_to(address)) == mails.MAX_PER_ADDRESS


@pytest.mark.slow("orders until the day's limit")
def test_one_buyer_reaches_few_strangers_a_day_and_loses_no_ticket(sendgrid):
    own = an_address("siti")
    buyer = a_buyer(email=own)
    strangers = [an_address() for _ in range(mails.MAX_PER_BUYER + 5)]
    for start in range(0, len(strangers), 5):
        an_issued_order(free_event(), buyer, strangers[start : start + 5])
    assert sum(bool(mails_to(address)) for address in strangers) == mails.MAX_PER_BUYER
    told = mails_to(own)
    assert len(told) == len(strangers) // 5
    body = sent(sendgrid, told[-1])
    assert len(body["attachments"]) == 5
    assert "5 peserta lain tidak kami kirimi e-mail" in body["content"][0]["value"]


def test_an_organizer_whom_a_bank_knows_may_name_their_free_event(sendgrid):
    address, event = an_address(), free_event(title="Pameran Seni")
    change(
        """
        INSERT INTO bank_accounts (user_id, bank_code, account_number_sealed, account_number_ending,
            account_holder_name, status)
        VALUES (:id, 'BCA', 'x', '1234', 'Siti', 'verified')
        """,
        id=event.organizer_id,
    )
    an_issued_order(event, None, [address])
    body = sent(sendgrid, mails_to(address)[0])
    assert "Pameran Seni" in body["content"][0]["value"]
    assert len(body["attachments"]) == 1


def test_one_order_mails_a_hundred_attendees_at_most():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=500, max_per_order=100, name=name) for name in ("A", "B")])
    order = an_order(event, quantities=[60, 60], paid=True)
    change(
        "UPDATE order_items SET attendee_email = position || '-' || id || '@example.com' WHERE order_id = :id",
        id=order.id,
    )
    add_tickets(order.id)
    with transaction() as tx:
        orders.lock(tx, order.id)
        mails.enqueue_e_tickets(tx, order.id)
    assert len(rows("SELECT 1 FROM emails WHERE order_id = :id", id=order.id)) == mails.MAX_HOLDERS + 1


def test_a_quota_holds_however_many_ask_in_the_same_instant():
    subject = f"test:{uuid4()}"

    def take():
        with transaction() as tx:
            return quotas.try_take(tx, subject, most=5)

    assert sorted(at_the_same_time([take] * 12)) == [0] * 7 + [1, 2, 3, 4, 5]


def test_tickets_are_sent_again_three_times_a_day():
    own, other = an_address("siti"), an_address("ani")
    order = an_issued_order(None, a_buyer(email=own), [own, other])
    for _ in range(mails.MAX_RESENDS):
        with transaction() as tx:
            mails.enqueue_e_tickets_again(tx, order.id)
    assert (len(mails_to(own)), len(mails_to(other))) == (4, 4)
    with pytest.raises(TooManyMails), transaction() as tx:
        mails.enqueue_e_tickets_again(tx, order.id)


@pytest.mark.parametrize(
    "words",
    [PHISHING, "www.evil.example", "evil.example", "EVIL.COM/login", "halo@evil.example", "evil。com", "evil．com"],
)
def test_what_leads_somewhere_is_known(words):
    assert contains_link(words)


@pytest.mark.parametrize(
    "words",
    [
        "Konser Senja, Vol. 2",
        "R. A. Kartini",
        "17.30 – 19.00",
        "Jl. Asia Afrika No.8",
        "Jl.Asia Afrika No.8/9",
        "Pop/Rock/Jazz, 12/11/2026",
        "DJ Night @ Potato Head",
    ],
)
def test_what_leads_nowhere_is_left_alone(words):
    assert not contains_link(words)
