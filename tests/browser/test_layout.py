"""Organizers write long, short, free or dear things, and no page becomes wider than a phone (U-001).

The watch sees it.
"""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.looking import picture
from tests.browser.visitors import Visitor
from tests.people import World

LONGEST = ("Festival Musik Nusantara Raya Kesekian Kalinya di Lapangan " * 5)[:255].strip()
UNBROKEN = "Pneumonoultramicroscopicsilicovolcanoconiosis" * 5
DEAREST = 999_999_999


@pytest.mark.parametrize("title", [LONGEST, UNBROKEN, "K"])
def test_a_title_of_any_length_and_prices_of_any_size(world: World, visitor: Visitor, title: str):
    event = world.publish(
        {"name": "X" * 100, "price": DEAREST, "quota": 500, "max_per_order": 100},
        {"name": "Gratis", "price": 0, "quota": 100},
        title=title,
        venue="Gelora " * 20,
    )
    page = visitor.page
    visitor.open_event(event)
    picture(page, f"layout-event-{len(title)}")
    page.locator(".tier input").first.fill("2")
    expect(page.locator("[data-total]")).to_contain_text("Rp")
    visitor.go_to_buy()
    picture(page, f"layout-buy-{len(title)}")
    buyer = world.somebody()
    visitor.sign_in(buyer)
    page.goto(f"/orders/{buyer.reserve(event, [2, 1])['id']}")
    picture(page, f"layout-order-{len(title)}")
    page.goto("/orders")
    picture(page, f"layout-orders-{len(title)}")


def test_a_name_of_one_word_and_a_very_long_one(concert: dict[str, Any], world: World, visitor: Visitor):
    buyer = world.somebody()
    visitor.sign_in(buyer)
    order = buyer.reserve(concert, [2])
    page = visitor.page
    page.goto(f"/orders/{order['id']}")
    page.fill("#name_0", "Slamet")
    page.fill("#name_1", "Raden" * 20)
    visitor.follow(page.locator("[data-pay] button.block"))
    visitor.pay()
    expect(page.locator("[data-ticket] h2")).to_have_text(["Slamet", "Raden" * 20])
    picture(page, "layout-tickets")


def test_a_hundred_tiers(world: World, visitor: Visitor):
    tiers = [{"name": f"Blok {number}", "price": number * 10_000, "quota": 10} for number in range(1, 101)]
    organizer = world.somebody("organizer")
    event = organizer.publish(*tiers[:50])  # as many as one request may have
    for tier in tiers[50:]:
        organizer.api.post(f"events/{event['id']}/tiers", tier, status=201)
    visitor.open_event(event)
    expect(visitor.page.locator(".tier")).to_have_count(100)
    visitor.choose(99)
    expect(visitor.page.locator("[data-total]")).to_be_in_viewport()
