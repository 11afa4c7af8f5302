"""The first purchase on a phone, by somebody who has never been here: a guest with a mailed code (U-002)."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.browser.visitors import NAME, Visitor

MAX_TAPS = 12


@pytest.mark.parametrize(("way", "state"), [("QRIS", "pay-qr"), ("BCA", "pay-va")])
@pytest.mark.slow("pictures and axe on the seven pages of a purchase")
def test_a_guest_buys_in_a_dozen_taps_and_the_page_becomes_the_ticket(
    concert: dict[str, Any], visitor: Visitor, way: str, state: str
):
    page = visitor.page
    visitor.find(concert["title"])
    look(page, "event")
    visitor.choose()
    expect(page.locator("[data-total]")).to_contain_text("Rp")
    visitor.go_to_buy()
    look(page, "buy-guest")
    visitor.request_code()
    look(page, "buy-code")
    visitor.enter_code()
    look(page, "order-reserved")
    visitor.pay_by(way)
    look(page, f"order-{state}")

    page.evaluate("window.stillHere = true")
    visitor.at_gateway("pay")
    expect(page.locator("[data-ticket] svg.qr")).to_be_visible()
    assert page.evaluate("window.stillHere"), "the page was loaded again"
    expect(page.locator("h1")).to_be_focused()
    expect(page).to_have_title(f"Tiket Anda siap · {concert['title']} · Karcis")
    look(page, "order-paid")
    visitor.follow(page.locator("[data-ticket] a", has_text="Buka tiket"))
    look(page, "ticket")
    assert visitor.taps <= MAX_TAPS


def test_a_newcomer_finds_the_inbox_and_the_simulator_from_the_start_page(concert: dict[str, Any], visitor: Visitor):
    start, world = visitor.page, visitor.world
    start.goto("/")
    buying = Visitor(opened_by(visitor, "Buy a ticket"), world, visitor.address)
    buying.find(concert["title"])
    buying.choose()
    buying.go_to_buy()
    buying.request_code()
    buying.mailed_code()  # it has come: nobody looks twice
    inbox = opened_by(visitor, "Open the inbox")
    preview = inbox.locator("li", has_text=visitor.address).inner_text()
    buying.page.fill("#code", re.findall(r"\d{4} ?\d{4}", preview)[0])
    buying.follow(buying.page.locator("form[action$='/sign-in'] button.block"))
    buying.page.fill("#name_0", NAME)
    buying.follow(buying.page.locator("[data-pay] button.block"))  # by QRIS, which is chosen already
    newest = Visitor(opened_by(visitor, "Pay at the simulator"), world)
    newest.follow(newest.page.locator("li a").first)
    newest.follow(newest.page.locator("button.pay"))
    expect(buying.page.locator("[data-ticket] svg.qr")).to_be_visible()
    assert visitor.taps + buying.taps + newest.taps <= MAX_TAPS


def opened_by(visitor: Visitor, words: str) -> Page:
    """The tab that a link of the start page opens."""
    with visitor.page.context.expect_page() as opened:
        visitor.tap(visitor.page.get_by_role("link", name=words))
    opened.value.wait_for_load_state()
    return opened.value
