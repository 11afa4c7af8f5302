"""Buying in other ways than most do: without JavaScript, in English, in the dark, by keyboard alone."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.browser.visitors import NAME, Visitor
from tests.browser.watching import Watch
from tests.waiting import until


def test_without_javascript_from_the_event_to_the_ticket(
    concert: dict[str, Any], new_visitor: Callable[..., Visitor], watch: Watch
):
    visitor = new_visitor(java_script_enabled=False)
    page = visitor.page
    visitor.open_event(concert)
    watch.check_width(page)
    page.locator(".tier input").first.fill("2")
    visitor.go_to_buy()
    visitor.request_code()
    visitor.enter_code()
    watch.check_width(page)
    visitor.pay_by("QRIS")
    expect(page.locator("svg.qr")).to_be_visible()
    watch.check_width(page)
    visitor.at_gateway("pay")
    expect(page.locator("[data-ticket] svg.qr")).to_have_count(2)  # by itself, every ten seconds
    visitor.follow(page.locator("[data-ticket] a", has_text="Buka tiket").first)
    expect(page.locator("[data-ticket] svg.qr")).to_be_visible()


@pytest.mark.slow("pictures and axe on the six pages of a purchase")
def test_in_english_and_in_the_dark(concert: dict[str, Any], new_visitor: Callable[..., Visitor]):
    visitor = new_visitor(locale="en-GB", color_scheme="dark")
    page = visitor.page
    visitor.open_event(concert, "en")
    assert page.locator("html").get_attribute("lang") == "en"
    look(page, "en-event")
    visitor.choose(number=2)
    visitor.go_to_buy()
    look(page, "en-buy-guest")
    visitor.request_code()
    look(page, "en-buy-code")
    visitor.enter_code()
    look(page, "en-order-reserved")
    visitor.pay_by("Mandiri")
    expect(page.locator("main")).to_contain_text("Transfer exactly Rp\u00a0320,000")
    look(page, "en-order-pay-va")
    visitor.pay()
    expect(page.locator("h1")).to_have_text("Your 2 tickets are ready")
    look(page, "en-order-paid")


def test_the_language_can_be_changed_and_the_choice_survives(concert: dict[str, Any], visitor: Visitor):
    page = visitor.page
    visitor.open_event(concert)
    visitor.choose(number=2)
    visitor.go_to_buy()
    visitor.follow(page.locator("a[hreflang]"))
    expect(page.locator("#cost + table")).to_contain_text("2 × Festival")
    assert page.locator("html").get_attribute("lang") == "en"
    visitor.request_code()
    visitor.follow(page.locator("a[hreflang]"))
    expect(page.locator("#cost + table")).to_contain_text("2 × Festival")


def focus(page: Page, selector: str) -> None:
    """Press Tab until something has the focus, as who has no mouse does."""

    def is_there() -> bool:
        page.keyboard.press("Tab")
        return bool(page.evaluate("selector => document.activeElement?.matches(selector)", selector))

    until(is_there, what=f"to reach {selector} by Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", f"{selector} has the focus, and nobody sees it"


def press(page: Page, selector: str, key: str = "Enter") -> None:
    focus(page, selector)
    with page.expect_navigation():
        page.keyboard.press(key)


def test_by_keyboard_alone(concert: dict[str, Any], visitor: Visitor):
    page = visitor.page
    visitor.open_event(concert)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_in_viewport()
    focus(page, "[data-step='1']")
    page.keyboard.press("Enter")
    expect(page.locator("[data-total]")).to_contain_text("Rp")
    press(page, ".buy-bar button")
    focus(page, "#email")
    page.keyboard.type(visitor.address)
    focus(page, "#accept_terms")
    page.keyboard.press("Space")
    press(page, "form[action$='/code'] button.block")
    expect(page.locator("#code")).to_be_focused()
    page.keyboard.type(visitor.mailed_code())
    with page.expect_navigation():
        page.keyboard.press("Enter")
    focus(page, "#name_0")
    page.keyboard.type(NAME)
    press(page, "[data-pay] button.block")
    expect(page.locator("svg.qr")).to_be_visible()
