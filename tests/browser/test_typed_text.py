"""Typed words are shown as text, whoever typed them and wherever they are shown (SEC-008)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visitors import Visitor
from tests.people import Person, World

SCRIPT = "<img src=x onerror=\"document.title='HACKED'\">'}}{{7*7}}</script><script>document.title='HACKED'</script>"


@pytest.fixture
def event(world: World) -> dict[str, Any]:
    """An event that holds a script wherever its organizer can write."""
    tier = {"name": SCRIPT[:100], "description": SCRIPT, "price": 50_000, "quota": 20}
    written = dict.fromkeys(("title", "description", "venue", "location", "terms"), SCRIPT)
    return world.publish(tier, category=SCRIPT[:50], **written)


def is_text(page: Page) -> None:
    assert page.evaluate("document.querySelectorAll('img[src=x], [onerror], [onload]').length") == 0
    assert page.title() != "HACKED"


def test_what_an_organizer_writes(event: dict[str, Any], new_visitor: Callable[..., Visitor], world: World):
    visitor = new_visitor()
    for language in ("id", "en"):
        visitor.open_event(event, language)
        expect(visitor.page.locator("h1")).to_have_text(SCRIPT)
        is_text(visitor.page)
    visitor.choose()
    visitor.go_to_buy()
    expect(visitor.page.locator("main")).to_contain_text(SCRIPT[:100])
    is_text(visitor.page)
    calendar = visitor.page.context.request.get(f"/events/{event['slug']}/calendar")
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert "nosniff" in calendar.headers["x-content-type-options"]


def test_what_a_buyer_writes(event: dict[str, Any], visitor: Visitor, buyer: Person):
    page = visitor.page
    order = buyer.reserve(event)
    page.goto(f"/orders/{order['id']}")
    page.fill("#name_0", SCRIPT)
    visitor.follow(page.locator("[data-pay] button.block"))
    is_text(page)
    visitor.pay()
    expect(page.locator("[data-ticket] h2")).to_have_text(SCRIPT)
    is_text(page)  # the page that replaced itself
    visitor.follow(page.locator("[data-ticket] a", has_text="Buka tiket"))
    is_text(page)
    for path in ("/orders", f"/refunds/new/{order['id']}"):
        page.goto(path)
        expect(page.locator("main")).to_contain_text(SCRIPT)
        is_text(page)


def test_what_an_address_says(event: dict[str, Any], visitor: Visitor, buyer: Person):
    tier = event["tiers"][0]["id"]
    text = quote(SCRIPT)
    for path in (
        f"/id/events?q={text}&category={text}&location={text}&from={text}&price_max={text}",
        f"/buy/{event['slug']}?t_{tier}=1&promo={text}",
        f"/reset-password?email={text}",
        f"/account/confirm?next={text}",
    ):
        visitor.page.goto(path)
        is_text(visitor.page)
