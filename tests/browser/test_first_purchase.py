"""The first purchase on a phone, by somebody who has never been here: a guest with a mailed code (U-002)."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.looking import look
from tests.browser.visitors import Visitor

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
