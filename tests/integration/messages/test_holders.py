"""Holders too are told what ends or delays their ticket, and nothing of the order (NS-001, TS-018)."""

import json
from dataclasses import dataclass
from uuid import uuid4

import pytest
from sqlalchemy import text

from functions.issue_ticket.main import PaidOrder, issue_paid
from shared.cloud.database import transaction
from shared.gateways.statuses import GatewayPaymentState
from shared.identity.tokens import Principal
from shared.messages import mails, sending
from shared.payments import cancellation
from shared.payments.cancellation import Cancellation
from shared.refunds import approval
from shared.refunds import requests as refund_requests
from shared.refunds.requests import RefundRequest
from shared.sales.schemas import OrderResponse
from shared.tickets import holders, issuing
from shared.tickets.holders import HolderChange
from tests.factories import Event, a_tier, a_user, an_event
from tests.integration.refunds.sales import a_paid_order, a_status
from tests.mail_sending import send_mail
from tests.status_handling import handle_one

pytestmark = pytest.mark.usefixtures("database")


def rows(sql, **values):
    with transaction() as tx:
        return tx.execute(text(sql), values).all()


@dataclass(frozen=True)
class Sale:
    """An order of three: the buyer's own ticket, Ani's, who has no account, and Budi's, who reads English."""

    event: Event
    buyer: Principal
    order: OrderResponse
    siti: str
    ani: str
    budi: str


@pytest.fixture
def sale():
    siti, ani, budi = (f"{name}-{uuid4().hex[:8]}@example.com" for name in ("siti", "ani", "budi"))
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=50, price=100_000, name="Festival")])
        buyer = a_user(tx, full_name="Siti Rahma", email=siti)
        tx.execute(text("UPDATE users SET language = 'en' WHERE id = :id"), {"id": a_user(tx, email=budi).id})
    order = a_paid_order(event, buyer=buyer, quantities=[3])
    names = {"Siti Rahma": siti, "Ani Wijaya": ani.upper(), "Budi Santoso": budi}
    with transaction() as tx:
        for item, (name, address) in zip(order.items, names.items(), strict=True):
            tx.execute(
                text("UPDATE order_items SET attendee_name = :name, attendee_email = :address WHERE id = :id"),
                {"id": item.id, "name": name, "address": address},
            )
    return Sale(event, buyer, order, siti, ani, budi)


def an_organizer(event):
    return Principal(event.organizer_id, "organizer", event.organizer_id)


def mailed_to(order, template):
    found = rows("SELECT * FROM emails WHERE order_id = :id AND template = :template", id=order.id, template=template)
    return {email.to_address: email for email in found}


def sent(sendgrid, email):
    """The words of a mail as it left: its subject and its text."""
    send_mail(email.id)
    body = sendgrid.asked[-1].body
    plain, html = (part["value"] for part in body["content"])
    return body["subject"], plain, html


def a_refund(buyer, event, order, *numbers):
    of_items = {ticket.item_id: ticket.id for ticket in order.tickets}
    tickets = [of_items[order.items[number].id] for number in numbers]
    with transaction() as tx:
        wanted = RefundRequest(order_id=order.id, ticket_ids=tickets, reason="Sakit")
        refund = refund_requests.request(tx, buyer.id, wanted)
    with transaction() as tx:
        approval.approve(tx, an_organizer(event), refund.id)


def test_who_holds_a_ticket_of_a_cancelled_event_is_told_in_their_language(sale, sendgrid):
    event, order = sale.event, sale.order
    with transaction() as tx:
        cancellation.start(tx, an_organizer(event), event.id, Cancellation(reason="Hujan"))
    assert cancellation.run_batch(event.id)
    assert set(mailed_to(order, "event_cancelled")) == {sale.siti}
    holders = mailed_to(order, "ticket_void")
    assert {address: email.language for address, email in holders.items()} == {
        sale.ani: "id",
        sale.budi: "en",
    }
    for address, words in ((sale.ani, "dibatalkan"), (sale.budi, "cancelled")):
        for part in sent(sendgrid, holders[address])[1:]:
            assert words in part
            assert "Festival" in part
            assert "Rp" not in part
            assert str(order.id) not in part


def test_no_holder_is_told_who_else_holds_tickets(sale, sendgrid):
    event, order = sale.event, sale.order
    with transaction() as tx:
        cancellation.start(tx, an_organizer(event), event.id, Cancellation(reason="Hujan"))
    assert cancellation.run_batch(event.id)
    for part in sent(sendgrid, mailed_to(order, "ticket_void")[sale.budi]):
        assert "Ani" not in part
        assert "ani@" not in part


def test_who_holds_a_ticket_that_was_given_back_is_told_and_nobody_else(sale):
    event, buyer, order = sale.event, sale.buyer, sale.order
    a_refund(buyer, event, order, 0, 1)
    assert set(mailed_to(order, "ticket_void")) == {sale.ani}


def test_a_cancellation_after_a_refund_tells_each_holder_once(sale):
    event, buyer, order = sale.event, sale.buyer, sale.order
    a_refund(buyer, event, order, 1)
    with transaction() as tx:
        cancellation.start(tx, an_organizer(event), event.id, Cancellation(reason="Hujan"))
    assert cancellation.run_batch(event.id)
    found = rows("SELECT to_address FROM emails WHERE order_id = :id AND template = 'ticket_void'", id=order.id)
    assert sorted(email.to_address for email in found) == sorted([sale.ani, sale.budi])


def test_whose_ticket_ends_because_the_gateway_gave_the_money_back_is_told(sale):
    order = sale.order
    [payment] = rows("SELECT id FROM payments WHERE order_id = :id", id=order.id)
    with transaction() as tx:
        fact = a_status(order.total_amount, state=GatewayPaymentState.REFUNDED, refunded_amount=order.total_amount)
        handle_one(tx, payment.id, fact)
    assert set(mailed_to(order, "ticket_void")) == {sale.ani, sale.budi}


def test_a_delay_is_told_to_who_waits_for_the_ticket(sale, sendgrid, files):  # PS-023
    order = sale.order
    files.breaks_after = 0
    issue_paid(PaidOrder(order_id=order.id), issuing.MAX_ATTEMPTS)
    delayed = mailed_to(order, "ticket_delayed")
    assert set(delayed) == {sale.siti, sale.ani, sale.budi}
    for part in sent(sendgrid, delayed[sale.ani])[1:]:
        assert "24 jam" in part
        assert str(order.id) not in part
        assert "Pembayaran Anda" not in part


@pytest.mark.parametrize("was_sent", [False, True], ids=["still queued", "failed, and sent again"])
def test_who_held_a_ticket_before_is_not_mailed_the_code_of_who_holds_it_now(sale, sendgrid, was_sent):
    with transaction() as tx:
        mails.enqueue_e_tickets(tx, sale.order.id)
    [ticket] = rows(
        """SELECT t.id FROM tickets t JOIN order_items i ON i.id = t.order_item_id
        WHERE t.order_id = :id AND lower(i.attendee_email) = :address""",
        id=sale.order.id,
        address=sale.ani,
    )
    old = mailed_to(sale.order, "e_ticket")[sale.ani]
    if was_sent:
        with transaction() as tx:
            tx.execute(text("UPDATE emails SET status = 'failed' WHERE id = :id"), {"id": old.id})
    with transaction() as tx:
        wanted = HolderChange(name="Dewi Baru", email="dewi-baru@example.com")
        holders.change(tx, sale.buyer, ticket.id, wanted, mails.enqueue_holder_changed)
    if was_sent:
        with transaction() as tx:
            sending.resend(tx, old.id, by=a_user(tx).id)
    send_mail(old.id)
    assert not any(sale.ani in json.dumps(asked.body) for asked in sendgrid.asked)
