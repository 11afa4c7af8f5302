"""A mail is asked for once, in the transaction that gives the reason, by whom it concerns (TS-018)."""

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.messages import mails
from shared.tickets import issuing, voiding
from tests.factories import a_user, an_order

pytestmark = pytest.mark.usefixtures("database")


def rows(sql, **values):
    with transaction() as tx:
        return tx.execute(text(sql), values).all()


def queued_mails(order):
    return rows("SELECT * FROM emails WHERE order_id = :id ORDER BY created_at, once_key", id=order.id)


def wishes(email):
    return rows(
        "SELECT 1 FROM outbox WHERE topic = 'email.requested' AND payload ->> 'email_id' = :id", id=str(email.id)
    )


def name_attendees(order, *addresses):
    with transaction() as tx:
        for item, address in zip(order.items, addresses, strict=True):
            tx.execute(
                text("UPDATE order_items SET attendee_email = :address WHERE id = :id"),
                {"address": address, "id": item.id},
            )


def a_buyer(**columns):
    with transaction() as tx:
        buyer = a_user(tx, **columns)
        return buyer, tx.execute(text("SELECT email FROM users WHERE id = :id"), {"id": buyer.id}).scalar_one()


def an_issued_order(buyer, *addresses):
    order = an_order(buyer=buyer, quantities=[len(addresses)], paid=True)
    name_attendees(order, *addresses)
    issuing.issue(order.id)
    with transaction() as tx:
        mails.enqueue_e_tickets(tx, order.id)
    return order, [
        ticket.id
        for ticket in rows(
            """
        SELECT t.id FROM tickets t JOIN order_items i ON i.id = t.order_item_id
        WHERE t.order_id = :id ORDER BY i.position
    """,
            id=order.id,
        )
    ]


def test_a_mail_is_asked_for_once_however_often_its_cause_is_repeated():
    order = an_order()
    for _ in range(3):
        with transaction() as tx:
            mails.enqueue_about_order(tx, "order_confirmation", order.id, dedupe_key=f"order_confirmation:{order.id}")
    [email] = queued_mails(order)
    assert (email.template, email.status, email.attempts, email.context) == ("order_confirmation", "queued", 0, {})
    assert len(wishes(email)) == 1


def test_what_is_rolled_back_was_never_asked_for():
    order = an_order()

    def ask_and_fail():
        with transaction() as tx:
            mails.enqueue_about_order(tx, "order_confirmation", order.id, dedupe_key=f"rolled back:{order.id}")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask_and_fail()
    assert queued_mails(order) == []


def test_the_buyer_is_told_in_their_language():
    buyer, address = a_buyer()
    with transaction() as tx:
        tx.execute(text("UPDATE users SET language = 'en' WHERE id = :id"), {"id": buyer.id})
    order = an_order(buyer=buyer)
    with transaction() as tx:
        mails.enqueue_about_order(tx, "order_confirmation", order.id, dedupe_key=f"order_confirmation:{order.id}")
    [email] = queued_mails(order)
    assert (email.to_address, email.language) == (address, "en")


def test_who_has_deleted_their_account_is_left_alone():
    buyer, address = a_buyer()
    order = an_order(buyer=buyer, paid=True)
    name_attendees(order, address)
    issuing.issue(order.id)
    with transaction() as tx:
        tx.execute(text("UPDATE users SET is_deleted = true WHERE id = :id"), {"id": buyer.id})
        mails.enqueue_e_tickets(tx, order.id)
    assert queued_mails(order) == []


def test_the_buyer_gets_all_tickets_and_each_other_attendee_their_own():  # TS-018
    buyer, address = a_buyer()
    order, tickets = an_issued_order(buyer, "ani@example.com", address.upper(), "Budi@Example.com", "budi@example.com")
    sent_to = {email.to_address: email.context for email in queued_mails(order)}
    assert sent_to == {
        address: {"ticket_ids": [str(each) for each in tickets], "to_buyer": True},
        "ani@example.com": {"ticket_ids": [str(tickets[0])], "to_buyer": False},
        "budi@example.com": {"ticket_ids": [str(each) for each in tickets[2:]], "to_buyer": False},
    }


def test_e_tickets_are_asked_for_once():
    buyer, address = a_buyer()
    order, _ = an_issued_order(buyer, address, "ani@example.com")
    with transaction() as tx:
        mails.enqueue_e_tickets(tx, order.id)
    assert len(queued_mails(order)) == 2


def test_void_tickets_are_not_sent():
    order = an_order(paid=True)
    issuing.issue(order.id)
    with transaction() as tx:
        voiding.void(tx, order.id)
        mails.enqueue_e_tickets(tx, order.id)
    assert queued_mails(order) == []
