"""A ticket that was used or given back, digital goods shown by a tap, products picked up (TS-019, PROD-1, PROD-2)."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.looking import look
from tests.browser.pages import come_back, is_the_same_truth
from tests.browser.test_order_states import give_back, let_in, tonight
from tests.browser.visitors import Visitor
from tests.people import Person, World
from tests.waiting import until

SHIRT = {"name": "Kaus", "price": 75_000, "quota": 10, "kind": "product"}
VOUCHER = {"name": "Voucher", "price": 50_000, "quota": 10, "kind": "digital"}
SECRET = "VCR-2271-AAXQ"


@pytest.fixture
def organizer(world: World) -> Person:
    """Somebody who organizes an event."""
    return world.somebody("organizer")


def buy_goods(visitor: Visitor, buyer: Person, event: dict[str, Any]) -> dict[str, Any]:
    """Buy one of the event's first tier on the pages' own ways, without asking the API, which would show the code."""
    order = buyer.reserve(event)
    payment = buyer.checkout(order)
    visitor.page.goto(f"/orders/{order['id']}")
    buyer.world.gateway("xendit", payment["gateway_reference"], "pay")
    come_back(visitor.page, visitor.page.locator("h1", has_text="Pesanan Anda siap"))
    return order


def test_a_used_ticket_says_so_and_shows_no_code(organizer: Person, visitor: Visitor, buyer: Person):
    order = buyer.buy(organizer.publish(**tonight()))
    let_in(buyer, organizer, order)
    page = visitor.page
    page.goto(f"/tickets/{order['tickets'][0]['id']}")
    is_the_same_truth(page, "Konser Senja")
    expect(page.locator(".ticket-state")).to_contain_text("Sudah dipakai")
    assert page.locator("svg.qr").count() == 0
    assert page.get_by_text("Perbaiki nama").count() == 0
    look(page, "ticket-used")


def test_a_ticket_given_back_says_why_it_no_longer_counts(organizer: Person, visitor: Visitor, buyer: Person):
    order = buyer.buy(organizer.publish())
    give_back(buyer, organizer, order)
    page = visitor.page
    page.goto(f"/tickets/{order['tickets'][0]['id']}")
    expect(page.locator(".ticket-qr")).to_contain_text("Tidak berlaku lagi")
    expect(page.locator(".ticket-qr")).to_contain_text("sudah dikembalikan")
    assert page.locator("svg.qr").count() == 0
    assert page.get_by_role("link", name="PDF").count() == 0
    look(page, "ticket-void")


def test_a_ticket_of_a_cancelled_event_says_so(organizer: Person, visitor: Visitor, buyer: Person):
    event = organizer.publish()
    order = buyer.buy(event)
    organizer.api.post(f"events/{event['id']}/cancel", {"reason": "Artis sakit"}, status=202)
    buyer.until_order(order, "refunded")
    visitor.page.goto(f"/tickets/{order['tickets'][0]['id']}")
    expect(visitor.page.locator(".ticket-qr")).to_contain_text("Penyelenggara membatalkan acara ini")
    look(visitor.page, "ticket-event-cancelled")


def test_a_digital_unit_is_shown_by_a_tap_and_stays_shown(organizer: Person, visitor: Visitor, buyer: Person):
    event = organizer.publish(VOUCHER)
    units = f"events/{event['id']}/tiers/{event['tiers'][0]['id']}/units"
    organizer.api.post(units, {"units": [SECRET]}, status=201)
    page = visitor.page
    buy_goods(visitor, buyer, event)
    assert SECRET not in page.content()
    look(page, "order-digital-hidden")
    visitor.follow(page.get_by_role("button", name="Tampilkan kode"))
    expect(page.locator("#codes")).to_contain_text(SECRET)
    look(page, "order-digital-shown")
    page.reload()
    expect(page.locator("#codes")).to_contain_text(SECRET)
    page.goto("/orders")
    assert SECRET not in page.content()


def test_a_pickup_code_is_shown_until_the_products_are_picked_up(organizer: Person, visitor: Visitor, buyer: Person):
    event = organizer.publish(SHIRT)
    order = buy_goods(visitor, buyer, event)
    page = visitor.page
    code = str(until(lambda: buyer.order(order)["pickup_code"], what="for the pickup code"))
    page.reload()
    expect(page.locator(".copy")).to_contain_text(code)
    assert page.get_by_role("button", name="Kirim ulang").count() == 0  # there are no tickets to mail
    look(page, "order-pickup")
    organizer.api.post("pickups/scan", {"event_id": event["id"], "code": code, "gate": "Loket 1"}, status=200)
    page.reload()
    expect(page.locator("main")).to_contain_text("Sudah diambil")
    expect(page.locator("main")).not_to_contain_text(code)
    look(page, "order-picked-up")
    visitor.follow(page.get_by_role("link", name="Kembalikan pesanan"))
    expect(page.get_by_role("status")).to_contain_text("tidak ada yang bisa dikembalikan")
    look(page, "refund-nothing")
