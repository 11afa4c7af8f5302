"""Giving tickets back: the amount follows what is chosen, and exactly that is asked for (PS-015..018)."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.looking import look
from tests.browser.visitors import Visitor
from tests.people import Person, World

SEAT = {"name": "Kursi", "price": 100_000, "quota": 10}
SHIRT = {"name": "Kaus", "price": 50_000, "quota": 10, "kind": "product"}


@pytest.fixture
def order(world: World, visitor: Visitor, buyer: Person) -> dict[str, Any]:
    """Two seats and a shirt, paid; its page for giving back is open."""
    reserved = buyer.reserve(world.publish(SEAT, SHIRT), [2, 1])
    payment = buyer.checkout(reserved)
    world.gateway("xendit", payment["gateway_reference"], "pay")
    bought = buyer.until_tickets(reserved, 2)
    visitor.page.goto(f"/refunds/new/{bought['id']}")
    return bought


def amount(page: Page) -> Locator:
    return page.locator("[data-sum]")


def refund_requests(buyer: Person) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = buyer.api.get("refunds")["items"]
    return items


def test_everything_goes_back_with_its_goods(order: dict[str, Any], visitor: Visitor, buyer: Person):
    page = visitor.page
    expect(amount(page)).to_have_text("Rp\u00a0225.000 kembali kepada Anda.")
    look(page, "refund-new-goods")
    page.fill("#reason", "Saya sakit")
    visitor.follow(page.get_by_role("button", name="Minta uang kembali"))
    [refund] = refund_requests(buyer)
    assert refund["amount"] == 225_000
    assert sorted(line["kind"] for line in refund["lines"]) == ["product", "ticket", "ticket"]


def test_one_ticket_goes_back_alone(order: dict[str, Any], visitor: Visitor, buyer: Person):
    page = visitor.page
    page.get_by_role("checkbox").first.uncheck()
    expect(amount(page)).to_have_text("Rp\u00a090.000 kembali kepada Anda.")
    page.fill("#reason", "Saya sakit")
    visitor.follow(page.get_by_role("button", name="Minta uang kembali"))
    [refund] = refund_requests(buyer)
    assert (refund["amount"], len(refund["ticket_ids"])) == (90_000, 1)
    assert page.url.endswith(f"/orders/{order['id']}#refund-{refund['id']}")
    expect(page.locator(f"#refund-{refund['id']}")).to_be_in_viewport()
    expect(page.locator("[data-ticket]", has_text="Anda meminta mengembalikan")).to_have_count(1)


def test_choosing_nothing_asks_for_nothing(order: dict[str, Any], visitor: Visitor, buyer: Person):
    page = visitor.page
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    expect(amount(page)).to_have_text("Rp\u00a00 kembali kepada Anda.")
    page.fill("#reason", "Saya sakit")
    visitor.follow(page.get_by_role("button", name="Minta uang kembali"))
    expect(page.locator("#errors")).to_contain_text("Pilih apa yang dikembalikan")
    look(page, "refund-nothing-chosen")
    assert refund_requests(buyer) == []
