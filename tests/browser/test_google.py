"""Signing in with Google in a browser: from chosen tickets to held ones, each page looked at (UM-003)."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.looking import look
from tests.browser.visitors import Visitor


def test_a_new_buyer_goes_on_with_google_and_keeps_the_choice(concert: dict[str, Any], visitor: Visitor):
    page = visitor.page
    visitor.open_event(concert)
    visitor.choose(number=2)
    visitor.go_to_buy()
    visitor.follow(page.locator("a", has_text="Lanjutkan dengan Google"))
    page.fill("#email", visitor.address)
    with page.expect_navigation(url="**/login/google"):
        page.locator("button.go").click()
    expect(page.locator("h1")).to_have_text("Satu langkah lagi")
    look(page, "id-google-terms")
    page.locator("#accept_terms").check()
    visitor.follow(page.locator("main form button"))
    expect(page.locator("#cost + table")).to_contain_text("2 × Festival")
    visitor.follow(page.locator("main form[method=post] button"))
    expect(page.locator("h1")).to_have_text("Tiket Anda ditahan")
