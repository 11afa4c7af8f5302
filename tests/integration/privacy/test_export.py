"""DP-001: people get a copy of everything we hold about them, and of nobody else."""

import csv
import io
from typing import Any
from uuid import UUID

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud import audit, clock
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.messages import mails, suppressions
from shared.refunds import requests as refund_requests
from shared.sales.schemas import OrderResponse
from shared.states import SuppressionReason
from shared.tickets import gate_staff, issuing
from shared.tickets.gate_staff import Invitation
from tests.endpoints import call, problem
from tests.factories import a_promo, a_tier, an_event, an_order, stock_units
from tests.integration.identity.steps import Member, a_member, login
from tests.integration.identity.test_cookie_mode import Browser

pytestmark = pytest.mark.usefixtures("database")

SECTIONS = [
    "profile", "consents", "orders", "held_tickets", "promo_uses", "waiting_room_places", "bank_accounts", "payouts",
    "mails",
    "mail_suppressions", "chats", "chat_consents", "chat_notices", "chat_messages_received", "chat_messages_sent",
    "sessions", "second_factors", "cookie_consents", "organized_events", "organized_promos", "gate_invitations",
    "gate_duties", "audit",
]  # fmt: skip


def exported(member: Member, form: str = "json") -> Response:
    """The endpoint's answer."""
    return call("GET", f"/account/export?format={form}", by=Principal(member.id, "customer", None))


def a_buyer() -> tuple[Member, OrderResponse]:
    """Somebody with a paid order of two, a ticket, a payment, a refund, and mails."""
    member = a_member()
    order = an_order(buyer=Principal(member.id, "customer", None), quantities=[2], paid=True)
    login(member.email)
    with transaction() as tx:
        payment_id = tx.execute(
            text("""
                INSERT INTO payments (order_id, attempt, gateway, external_id, payment_method, status, amount,
                    received_amount, expires_at, paid_at)
                VALUES (:id, 1, 'xendit', :external_id, 'QRIS', 'paid', :amount, :amount, now(), now()) RETURNING id
            """),
            {"id": order.id, "external_id": f"{order.id}-1", "amount": order.total_amount},
        ).scalar_one()
        tx.execute(
            text("""
                INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status)
                VALUES (:id, :payment_id, :user_id, 'by_gateway', 1000, 'x', 'completed')
            """),
            {"id": order.id, "payment_id": payment_id, "user_id": member.id},
        )
        tx.execute(
            text("INSERT INTO tickets (order_id, order_item_id, event_id) VALUES (:id, :item_id, :event_id)"),
            {"id": order.id, "item_id": order.items[0].id, "event_id": order.event_id},
        )
        mails.enqueue_about_order(tx, "order_confirmation", order.id, dedupe_key=f"order_confirmation:{order.id}")
        mails.enqueue(
            tx,
            "reset_password",
            dedupe_key=str(order.id),
            to=member.email,
            context={"code": "123456", "full_name": "S"},
        )
    return member, order


def test_everything_about_a_buyer_is_in_it():
    member, order = a_buyer()
    a_buyer()
    answer = exported(member)
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="karcis-')

    held: dict[str, Any] = answer.get_json()
    assert list(held) == SECTIONS
    assert (held["profile"]["id"], held["profile"]["email"]) == (str(member.id), member.email)
    assert held["consents"]["terms_version"] == "1"
    [mine] = held["orders"]
    assert (mine["id"], mine["total_amount"], mine["status"]) == (str(order.id), order.total_amount, "paid")
    assert [item["attendee_name"] for item in mine["items"]] == ["Peserta 1", "Peserta 2"]
    assert [payment["amount"] for payment in mine["payments"]] == [order.total_amount]
    assert [refund["amount"] for refund in mine["refunds"]] == [1000]
    assert [ticket["status"] for ticket in mine["tickets"]] == ["issued"]
    assert {mail["template"] for mail in held["mails"]} == {"order_confirmation", "reset_password"}
    assert len(held["sessions"]) == 1


def test_so_is_that_their_mailbox_refuses_our_mails():  # NS-008
    member, _ = a_buyer()
    with transaction() as tx:
        [email_id] = tx.execute(
            text("SELECT id FROM emails WHERE to_address = :email AND template = 'reset_password'"),
            {"email": member.email},
        ).scalars()
        bounced = SuppressionReason.BOUNCED
        suppressions.add(tx, member.email, bounced, email_id=email_id, happened_at=clock.now())
    [suppression] = exported(member).get_json()["mail_suppressions"]
    assert (suppression["reason"], suppression["lifted_at"]) == ("bounced", None)


def test_so_is_what_they_bought_besides_tickets_and_the_codes_they_used():
    buyers = [a_member() for _ in range(2)]
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(kind="product"), a_tier(kind="digital")])
        a_promo(tx, event)
    stock_units(event.tier_ids[1], "VOUCHER-1", "VOUCHER-2")
    for buyer in buyers:
        order = an_order(
            event,
            buyer=Principal(buyer.id, "customer", None),
            quantities=[1, 1],
            promo_code="HEMAT",
            paid=True,
        )
        issuing.issue(order.id)
    held = [exported(buyer).get_json() for buyer in buyers]
    with transaction() as tx:
        codes = [OrderResponse.read(tx, UUID(each["orders"][0]["id"])).pickup_code for each in held]
    assert [[pickup["code"] for pickup in each["orders"][0]["pickups"]] for each in held] == [[code] for code in codes]
    given = [[item["digital_unit"] for item in each["orders"][0]["items"]] for each in held]
    assert sorted(voucher for [_, voucher] in given) == ["VOUCHER-1", "VOUCHER-2"]
    assert {shirt for [shirt, _] in given} == {None}
    assert [each["promo_uses"] for each in held] == [[{"code": "HEMAT", "uses": 1}]] * 2


def test_so_are_tickets_that_somebody_else_bought_for_them_and_nothing_else_of_that_order():
    buyer, order = a_buyer()
    ani, (mine, other) = a_member(), order.items
    with transaction() as tx:
        names = {"ani": ani.email.upper(), "id": mine.id}
        tx.execute(text("UPDATE order_items SET attendee_email = :ani, attendee_name = 'Ani' WHERE id = :id"), names)
        mails.enqueue_e_tickets(tx, order.id)
    held = exported(ani).get_json()
    [ticket] = held["held_tickets"]
    assert (ticket["item_id"], ticket["attendee_name"], ticket["status"]) == (str(mine.id), "Ani", "issued")
    assert held["orders"] == []
    for words in (buyer.email, str(other.id)):
        assert words not in str(held)
    assert exported(buyer).get_json()["held_tickets"] == []


def test_so_are_an_organizers_codes_and_an_invitation_to_a_gate():
    organizer, invited = a_member(role="organizer"), a_member()
    with transaction() as tx:
        event = an_event(tx, organizer_id=organizer.id)
        a_promo(tx, event)
        host = Principal(organizer.id, "organizer", organizer.id)
        gate_staff.invite(tx, host, Invitation(email=invited.email, full_name="Dewi", event_ids=[event.id]))
    assert [promo["code"] for promo in exported(organizer).get_json()["organized_promos"]] == ["HEMAT"]
    assert [each["full_name"] for each in exported(invited).get_json()["gate_invitations"]] == ["Dewi"]
    assert exported(organizer).get_json()["gate_invitations"] == []


def test_no_secret_and_no_text_of_a_mail_is_in_it():
    member, _ = a_buyer()
    for form in ("json", "csv"):
        content = exported(member, form).get_data(as_text=True)
        assert not any(secret in content for secret in ("$2b$", "password_hash", "token_hash", "123456"))


def test_the_csv_holds_the_same_as_the_json_line_by_line():
    member, order = a_buyer()
    answer = exported(member, "csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    values = {(line["section"], line["record"], line["field"]): line["value"] for line in lines}
    assert values["profile", "1", "email"] == member.email
    assert values["orders", "1", "total_amount"] == str(order.total_amount)
    assert values["orders", "1", "items.2.attendee_email"] == "peserta2@example.com"
    assert values["orders", "1", "created_at"].endswith("Z")


def test_a_name_that_is_a_formula_calculates_nothing():
    member, _ = a_buyer()
    with transaction() as tx:
        tx.execute(text("UPDATE users SET full_name = '=1+1', phone = '+62812' WHERE id = :id"), {"id": member.id})
    content = exported(member, "csv").get_data(as_text=True)
    assert '"\'=1+1"' in content
    assert '"\'+62812"' in content


def test_what_was_done_to_and_by_a_person_is_in_it_and_the_export_is_noted_too():
    member, order = a_buyer()
    _, strangers = a_buyer()
    with transaction() as tx:
        for each in (order, strangers):
            audit.record(tx, "order.reviewed", subject="order", subject_id=each.id)
    exported(member)
    lines = exported(member).get_json()["audit"]
    noted = [(line["action"], line["by_you"], line["subject_id"]) for line in lines]
    assert ("user.data_exported", True, str(member.id)) in noted
    assert ("order.reviewed", False, str(order.id)) in noted
    assert str(strangers.id) not in str(noted)


def test_a_stranger_a_deleted_account_and_another_form_are_refused():
    assert problem(call("GET", "/account/export")) == (401, "not-signed-in")
    member = a_member()
    assert problem(exported(member, "xml")) == (422, "invalid")
    with transaction() as tx:
        tx.execute(text("UPDATE users SET is_deleted = true WHERE id = :id"), {"id": member.id})
    assert problem(exported(member)) == (401, "not-signed-in")


@pytest.mark.parametrize("path", ["/account/export", "/orders/{id}"])
def test_a_link_of_another_site_reveals_no_voucher(path: str):
    member, browser = a_member(), Browser()
    buyer = Principal(member.id, "customer", None)
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(kind="digital", price=50_000)])
    stock_units(event.tier_ids[0], "VOUCHER-1")
    order = an_order(event, buyer=buyer, paid=True)
    issuing.issue(order.id)
    browser.sign_in(member)
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = browser.call("GET", path.format(id=order.id), **link)
    assert problem(answer) == (403, "csrf")
    with transaction() as tx:
        [line] = refund_requests.preview(tx, member.id, order.id).lines
    assert line.obstacle is None
    own = link | {"Sec-Fetch-Site": "same-origin"}
    assert b"VOUCHER-1" in browser.call("GET", path.format(id=order.id), **own).data
