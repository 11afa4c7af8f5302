"""Choosing tickets (TS-001): what is said of few, of none (TS-011), of held ones, and what a promo code does."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from playwright.sync_api import expect

from tests.browser.looking import look
from tests.browser.pages import come_back, without_reloading
from tests.browser.visitors import Visitor
from tests.browser.watching import Watch
from tests.people import World

REFUSED_QUOTE = r"orders/quote.*409|409.*orders/quote"
"""The answers that a page's script may hear about the price of the last ticket, which somebody else has taken."""
SMALL = {"name": "Kecil", "price": 100_000, "quota": 3, "max_per_order": 3}


def test_plus_stops_at_the_most_and_says_it_in_words(world: World, visitor: Visitor):
    visitor.open_event(world.publish(SMALL))
    page = visitor.page
    expect(page.locator(".tier")).to_contain_text("Tinggal 3")
    visitor.choose(number=3)
    expect(page.locator("[data-step='1']")).to_be_disabled()
    expect(page.locator(".most")).to_have_text("paling banyak 3")
    expect(page.locator("[data-total]")).to_be_in_viewport()  # complaint 1: always visible on a phone


def test_the_total_on_the_bar_is_the_total_of_the_next_page(concert: dict[str, Any], visitor: Visitor):
    visitor.open_event(concert)
    visitor.choose(0, 2)
    visitor.choose(1)
    total = "Rp\u00a0448.500"  # two at Rp 150.000, one early bird at Rp 120.000, and the fees
    expect(visitor.page.locator("[data-total]")).to_have_text(total)
    visitor.go_to_buy()
    expect(visitor.page.locator("#cost + table tfoot strong")).to_have_text(total)


def test_sold_out_while_choosing_names_the_tier_and_takes_nothing(world: World, visitor: Visitor, watch: Watch):
    watch.expect(REFUSED_QUOTE)
    event = world.publish(SMALL | {"quota": 1})
    visitor.open_event(event)
    visitor.choose()
    world.somebody().buy(event)
    visitor.go_to_buy()
    expect(visitor.page.get_by_role("alert")).to_contain_text("baru saja habis")
    expect(visitor.page.get_by_role("alert")).to_contain_text("Kecil")
    look(visitor.page, "buy-sold-out")


def test_fewer_left_offers_to_take_fewer(world: World, visitor: Visitor, watch: Watch):
    watch.expect(REFUSED_QUOTE)
    event = world.publish(SMALL)
    visitor.open_event(event)
    visitor.choose(number=3)
    world.somebody().reserve(event, [1])
    visitor.go_to_buy()
    look(visitor.page, "buy-fewer-left")
    visitor.follow(visitor.page.get_by_role("link", name="Ambil 2"))
    expect(visitor.page.locator("#cost + table")).to_contain_text("2 × Kecil")


def test_all_held_is_not_sold_out(world: World, visitor: Visitor):
    event = world.publish(SMALL)
    world.somebody().reserve(event, [3])
    visitor.open_event(event)
    expect(visitor.page.locator("#event-state")).to_contain_text("Semua tiket sedang dipegang pembeli lain")
    expect(visitor.page.locator(".buy-bar")).to_have_count(0)
    look(visitor.page, "event-held")


def test_sold_out_says_so(world: World, visitor: Visitor):
    event = world.publish(SMALL)
    world.somebody().buy(event, [3])
    visitor.open_event(event)
    expect(visitor.page.locator("#event-state")).to_contain_text("Semua tiket sudah terjual")
    look(visitor.page, "event-sold-out")


def test_an_open_page_shows_what_was_sold_meanwhile(world: World, visitor: Visitor):
    event = world.publish(SMALL)
    visitor.open_event(event)
    with without_reloading(visitor.page):
        world.somebody().buy(event, [3])
        come_back(visitor.page, visitor.page.locator("#event-state", has_text="Semua tiket sudah terjual"))


def test_not_on_sale_yet_says_from_when(world: World, visitor: Visitor, in_days: Callable[[int], str]):
    visitor.open_event(world.publish(SMALL | {"sale_start": in_days(3)}))
    expect(visitor.page.locator("#event-state")).to_contain_text("Penjualan dibuka")
    look(visitor.page, "event-not-yet")


def test_a_cancelled_event_says_that_all_money_comes_back(world: World, visitor: Visitor):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    organizer.api.post(f"events/{event['id']}/cancel", {"reason": "Artis sakit"}, status=202)
    visitor.open_event(event)
    expect(visitor.page.get_by_role("alert")).to_contain_text("dibatalkan")
    look(visitor.page, "event-cancelled")


def test_somebody_with_an_open_order_goes_on_with_it(world: World, visitor: Visitor):
    event = world.publish()
    buyer = world.somebody()
    order = buyer.reserve(event)
    visitor.sign_in(buyer)
    visitor.open_event(event)
    visitor.choose()
    visitor.go_to_buy()
    if visitor.page.get_by_role("alert").count() == 0:
        visitor.follow(visitor.page.locator("form.panel button.block"))
    expect(visitor.page.get_by_role("button", name="Tahan tiket")).to_have_count(0)  # it would be refused again
    look(visitor.page, "buy-own-order-open")
    visitor.follow(visitor.page.get_by_role("link", name="Lanjutkan pesanan"))
    assert visitor.order_id == order["id"]


def publish_with_a_promo_code(world: World) -> tuple[dict[str, Any], str]:
    """An event, and a code that takes a fifth off its prices."""
    organizer = world.somebody("organizer")
    event = organizer.publish()
    code = f"HEMAT{uuid4().hex[:6].upper()}"
    organizer.api.post("promos", {"code": code, "event_id": event["id"], "percent": 20}, status=201)
    return event, code


def test_a_promo_code_shows_the_old_and_the_new_price(world: World, visitor: Visitor):
    event, code = publish_with_a_promo_code(world)
    visitor.open_event(event)
    visitor.choose()
    visitor.tap(visitor.page.locator("details.promo summary"))
    visitor.page.fill("#promo", code.lower())
    visitor.go_to_buy()
    costs = visitor.page.locator("#cost + table")
    expect(costs).to_contain_text(code)
    expect(costs.locator("tfoot s")).to_have_text("Rp\u00a0160.000")
    expect(costs.locator("tfoot strong")).to_have_text("Rp\u00a0130.000")
    look(visitor.page, "buy-promo")


def look_for_an_unknown_code(visitor: Visitor, event: dict[str, Any]) -> None:
    visitor.open_event(event)
    visitor.choose()
    visitor.go_to_buy()
    visitor.tap(visitor.page.locator("details.promo summary"))
    visitor.page.fill("#promo", "TIDAKADA")
    visitor.follow(visitor.page.locator("details.promo button"))
    expect(visitor.page.get_by_role("alert")).to_contain_text("promo")


def test_an_unknown_promo_code_is_corrected_where_it_is_refused(world: World, visitor: Visitor):
    event, code = publish_with_a_promo_code(world)
    look_for_an_unknown_code(visitor, event)
    field = visitor.page.get_by_role("alert").locator("#promo")
    expect(field).to_have_value("TIDAKADA")
    field.fill(code)
    visitor.follow(visitor.page.get_by_role("button", name="Pakai"))
    expect(visitor.page.locator("#cost + table tfoot strong")).to_have_text("Rp\u00a0130.000")


def test_what_has_the_focus_is_not_behind_the_bar(concert: dict[str, Any], visitor: Visitor):
    page = visitor.page
    page.set_viewport_size({"width": 360, "height": 500})
    visitor.open_event(concert)
    hidden = """() => {
      const at = document.activeElement, bar = document.querySelector(".buy-bar");
      return !bar.contains(at) && at.getBoundingClientRect().bottom > bar.getBoundingClientRect().top;
    }"""
    for _ in range(page.locator("main :is(a, button, input, summary):visible").count()):
        page.keyboard.press("Tab")
        assert not page.evaluate(hidden), page.evaluate("document.activeElement.outerHTML")


def test_an_unknown_promo_code_goes_on_without(world: World, visitor: Visitor):
    event, _ = publish_with_a_promo_code(world)
    look_for_an_unknown_code(visitor, event)
    look(visitor.page, "buy-promo-unknown")
    visitor.follow(visitor.page.get_by_role("link", name="Pilih tiket lain"))
    expect(visitor.page.locator("#promo")).to_have_value("TIDAKADA")
    visitor.page.go_back()
    visitor.follow(visitor.page.get_by_role("link", name="Lanjutkan tanpa kode"))
    expect(visitor.page.locator("#cost + table")).to_contain_text("Rp\u00a0160.000")
