"""Buyers' complaints about other ticket shops, each with the test that keeps it from us.

The complaints of the gate and of organizers (scanners, exports, counts) belong to their own pages.

| complaint | held by |
|---|---|
| the total scrolls out of sight on a phone | test_choosing: plus stops at the most |
| plus does nothing and does not say why | test_choosing: plus stops at the most |
| a button takes away before one hears of what | here: a stepper names its tier and its number |
| the tickets are a table, wider than the phone | watching: no page is; test_layout: a hundred tiers |
| "sold out" while others only hold them | test_choosing: all held is not sold out |
| an error names an id, or lets one go on with nothing to buy | test_choosing: sold out; here: nothing can be chosen |
| a batch was missed, and nobody says when the next begins | here: a missed batch |
| the time is up, and that is all the page says | test_holds: before ones eyes; test_order_page: runs out |
| leaving the page loses the order | here: an order that was left; test_order_page: the same truth |
| a green tick beside a failed payment | test_order_page: tried another way |
| "failed" while nobody knows, so people pay again | test_order_states: the last second |
| a second order by mistake | test_holds: a second tab, going back; test_slow_network |
| a pending transfer gets a second number | here: a transfer keeps its number |
| the QR is gone after reloading | here: the code survives |
| the popup calls back twice, or is opened twice | here: the popup |
| closing the payment empties the order | here: the popup, leaving the gateway's page |
| an account and a password before anything | test_first_purchase: a guest |
| seven tickets to one address, one arrives | here: seven tickets |
| a wrong name stays wrong | test_ticket: a corrected name |
| the old price is gone once a code counts; a field where there are no codes | test_choosing; here: no field |
| no white around the QR in the dark | test_ticket: stays on white; tests/unit/site/test_qr_code |
| the date of another zone; a calendar that moves it | test_times; tests/unit/site/test_calendar |
| edges of fields that nobody sees; a title that says nothing | here: edges; test_first_purchase: the title |
| a widget in a frame, that Safari locks out | here: one origin, no frame |
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.looking import look
from tests.browser.pages import spoken
from tests.browser.visitors import Visitor
from tests.browser.watching import Watch
from tests.people import Person, World

SMALL = {"name": "Kecil", "price": 100_000, "quota": 3}
EDGE_RATIO = 3.0
"""WCAG 2.2, 1.4.11: between the edge of a field and what is around it."""
_CONTRAST = """
field => {
  const parts = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (text) => {
    const [r, g, b] = parts(text).map((each) => each / 255)
      .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paint = document.createElement("canvas").getContext("2d");
  const shown = (colour) => {
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    return `rgb(${[...paint.getImageData(0, 0, 1, 1).data].slice(0, 3)})`;
  };
  let around = field.parentElement;
  while (getComputedStyle(around).backgroundColor === "rgba(0, 0, 0, 0)") around = around.parentElement;
  const [edge, ground] = [getComputedStyle(field).borderTopColor, getComputedStyle(around).backgroundColor];
  const [high, low] = [light(shown(edge)), light(shown(ground))].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}
"""


def test_a_stepper_names_its_tier_and_its_number(world: World, visitor: Visitor):
    visitor.open_event(world.publish(SMALL))
    visitor.choose(number=2)
    field = visitor.page.get_by_role("spinbutton", name="Jumlah Kecil")
    expect(field).to_have_value("2")
    visitor.tap(visitor.page.get_by_role("button", name="Kurangi satu Kecil"))
    expect(field).to_have_value("1")


def test_nothing_can_be_chosen_once_all_is_sold(world: World, visitor: Visitor):
    event = world.publish(SMALL)
    world.somebody().buy(event, [3])
    visitor.open_event(event)
    assert visitor.page.locator("main input[type=number], .buy-bar, details.promo").count() == 0


def test_a_missed_batch_says_when_the_next_one_begins(world: World, visitor: Visitor, in_days: Callable[[int], str]):
    event = world.publish(
        {**SMALL, "name": "Presale", "sale_start": in_days(-9), "sale_end": in_days(-1)},
        {**SMALL, "name": "Umum", "sale_start": in_days(3)},
    )
    visitor.open_event(event)
    expect(visitor.page.locator(".tier", has_text="Presale")).to_contain_text("Penjualan selesai")
    expect(visitor.page.locator("#event-state")).to_contain_text("Penjualan dibuka")
    expect(visitor.page.locator(".tier", has_text="Umum")).to_contain_text("Mulai")
    look(visitor.page, "event-missed-batch")


def test_a_sale_that_has_ended_says_so(world: World, visitor: Visitor, in_days: Callable[[int], str]):
    tier = {**SMALL, "sale_start": in_days(-9), "sale_end": in_days(-1)}
    visitor.open_event(world.publish(tier))
    expect(visitor.page.locator("#event-state")).to_contain_text("Penjualan sudah selesai")
    look(visitor.page, "event-sale-ended")


def test_an_order_that_was_left_is_gone_on_with_from_ones_tickets(
    concert: dict[str, Any], visitor: Visitor, buyer: Person
):
    order = buyer.reserve(concert)
    page = visitor.page
    page.goto("/orders")
    expect(page.locator(".order-row")).to_contain_text("Ditahan: pilih cara bayar")
    visitor.follow(page.get_by_role("link", name=concert["title"]))
    assert visitor.order_id == order["id"]
    visitor.pay_by("QRIS")
    expect(page.locator("svg.qr")).to_be_visible()


def test_a_transfer_keeps_its_number(concert: dict[str, Any], visitor: Visitor, buyer: Person):
    page, order = visitor.page, buyer.reserve(concert)
    page.goto(f"/orders/{order['id']}")
    visitor.pay_by("BCA")
    number = page.locator("[data-copy]").first.get_attribute("data-copy")
    page.reload()
    assert page.locator("[data-copy]").first.get_attribute("data-copy") == number
    page.locator("details.panel > summary", has_text="Ganti cara bayar").click()
    page.locator("details.panel details.ways > summary").first.click()
    page.locator("details.panel .choice", has_text="BCA").click()
    visitor.follow(page.get_by_role("button", name="Bayar dengan ini"))
    assert page.locator("[data-copy]").first.get_attribute("data-copy") == number
    assert len(buyer.order(order)["payments"]) == 1


def test_a_number_is_copied_and_says_so(concert: dict[str, Any], visitor: Visitor, buyer: Person):
    page, order = visitor.page, buyer.reserve(concert)
    payment = buyer.checkout(order, "midtrans", "BCA")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/orders/{order['id']}")
    page.get_by_role("button", name="Salin nomor").click()
    expect(page.get_by_role("button", name="Tersalin")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == payment["va_number"]
    page.get_by_role("button", name="Salin jumlah").click()
    assert page.evaluate("navigator.clipboard.readText()") == str(payment["amount"])


def test_the_code_survives_reloading(concert: dict[str, Any], visitor: Visitor, buyer: Person):
    page, order = visitor.page, buyer.reserve(concert)
    buyer.checkout(order, "midtrans", "QRIS")
    page.goto(f"/orders/{order['id']}")
    code = page.locator("#qris path").last.get_attribute("d")
    page.reload()
    assert page.locator("#qris path").last.get_attribute("d") == code


def test_the_popup_can_be_closed_opened_again_and_paid_once(concert: dict[str, Any], visitor: Visitor, buyer: Person):
    page, order = visitor.page, buyer.reserve(concert)
    buyer.checkout(order, "midtrans", "GOPAY")
    page.goto(f"/orders/{order['id']}")
    visitor.follow(page.get_by_role("link", name="Atau bayar lewat jendela"))
    popup = page.frame_locator("#snap-midtrans")
    popup.locator("#close").click()
    expect(page.locator("#snap-midtrans")).to_have_count(0)
    look(page, "snap-closed")
    page.get_by_role("button", name="Buka jendela pembayaran").click()
    page.evaluate("document.querySelector('[data-open]').click()")  # a second time, while it is open
    popup.get_by_role("button", name=re.compile("^Bayar ")).first.click()
    expect(page.locator("h1")).to_have_text("Tiket Anda siap")
    assert visitor.order_id == order["id"]
    assert len(buyer.order(order)["payments"]) == 1


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_leaving_the_gateways_page_leaves_the_order_as_it_is(
    concert: dict[str, Any], visitor: Visitor, buyer: Person, gateway: str
):
    page, order = visitor.page, buyer.reserve(concert)
    buyer.checkout(order, gateway, "GOPAY")
    page.goto(f"/orders/{order['id']}")
    visitor.follow(page.get_by_role("link", name="Buka halaman pembayaran"))
    page.go_back()
    expect(page.locator("h1")).to_have_text("Selesaikan pembayaran")
    expect(page.locator("[data-seconds]")).to_be_visible()


def test_seven_tickets_to_one_address_are_seven(world: World, visitor: Visitor, buyer: Person):
    event = world.publish({"name": "Rombongan", "price": 50_000, "quota": 9, "max_per_order": 7})
    order = buyer.buy(event, [7])
    mail = world.mail(buyer.address, "e_ticket")
    assert len(mail["attachments"]) == 7
    visitor.page.goto(f"/orders/{order['id']}")
    expect(visitor.page.locator("h1")).to_have_text("7 tiket Anda siap")
    codes = [each.get_attribute("d") for each in visitor.page.locator("svg.qr path:last-child").all()]
    assert len(set(codes)) == 7


def test_no_field_for_a_code_where_there_are_no_codes(world: World, visitor: Visitor):
    visitor.open_event(world.publish())
    assert visitor.page.locator("#promo").count() == 0
    visitor.choose()
    visitor.go_to_buy()
    assert visitor.page.locator("#promo").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_edges_of_fields_are_seen(concert: dict[str, Any], new_visitor: Callable[..., Visitor], theme: str):
    visitor = new_visitor(color_scheme=theme)
    visitor.open_event(concert)
    visitor.choose()
    faint = _faint_fields(visitor.page)
    visitor.go_to_buy()
    faint += _faint_fields(visitor.page)
    visitor.page.goto("/id/events?category=musik")
    visitor.page.get_by_text("Saringan", exact=True).first.click()
    assert faint + _faint_fields(visitor.page) == []


def _faint_fields(page: Page) -> list[str]:
    fields = page.locator("main :is(input, select):not([type=hidden], [type=checkbox], [type=radio]):visible").all()
    assert fields
    return [f"{page.url}: {each.get_attribute('id')}" for each in fields if each.evaluate(_CONTRAST) < EDGE_RATIO]


def test_one_origin_and_no_frame_from_the_start_to_the_ticket(concert: dict[str, Any], world: World, visitor: Visitor):
    page = visitor.page
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    visitor.find(concert["title"])
    visitor.choose()
    visitor.go_to_buy()
    visitor.request_code()
    visitor.enter_code()
    visitor.pay_by("QRIS")
    visitor.pay()
    expect(page.locator("[data-ticket]")).to_be_visible()
    assert {request.frame.parent_frame for request in asked if not request.service_worker} == {None}
    assert [request.url for request in asked if not request.url.startswith((world.url, "data:", "blob:"))] == []


def test_titles_tell_the_states_apart(concert: dict[str, Any], visitor: Visitor, buyer: Person, watch: Watch):
    page, order = visitor.page, buyer.reserve(concert)
    page.goto(f"/orders/{order['id']}")
    titles = [page.title()]
    page.fill("#email_0", "bukan@alamat")
    visitor.follow(page.locator("[data-pay] button.block"))
    titles.append(page.title())
    assert titles[1].startswith("Ada yang salah")
    page.fill("#email_0", buyer.address)
    visitor.follow(page.locator("[data-pay] button.block"))
    titles.append(page.title())
    visitor.pay()
    expect(page.locator("[data-ticket]")).to_be_visible()
    titles.append(page.title())
    assert len(set(titles)) == 4
    assert all(concert["title"] in title for title in titles)
    assert "heading Tiket Anda siap" in spoken(page)
