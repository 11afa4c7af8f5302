"""A hold seen from several sides: running out before one's eyes, in two tabs, after going back, too late."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.holds import let_remain
from tests.browser.looking import look
from tests.browser.pages import without_reloading
from tests.browser.visitors import Visitor
from tests.browser.watching import Watch
from tests.people import Person, World
from tests.stack import Stack


def test_a_hold_that_runs_out_before_ones_eyes_offers_the_way_on(
    concert: dict[str, Any], stack: Stack, visitor: Visitor, buyer: Person
):
    page, order = visitor.page, buyer.reserve(concert)
    let_remain(stack, order, 3)
    page.goto(f"/orders/{order['id']}")
    expect(page.locator(".countdown.soon")).to_contain_text("0:0")
    look(page, "order-running-out")
    with without_reloading(page):
        expect(page.locator("h1")).to_have_text("Waktu habis")
        expect(page.locator("h1")).to_be_focused()
        assert page.title().startswith("Waktu habis")
    expect(page.locator("main")).to_contain_text("Belum ada yang dibayar")
    expect(page.locator("main")).not_to_contain_text("Sudah telanjur membayar")
    visitor.follow(page.get_by_role("link", name="Cari tiket lagi"))
    assert concert["slug"] in page.url


def test_what_was_cancelled_in_one_tab_is_cancelled_in_the_other(
    concert: dict[str, Any], visitor: Visitor, buyer: Person
):
    order = buyer.reserve(concert)
    buyer.checkout(order, "midtrans", "QRIS")
    first, second = visitor, Visitor(visitor.page.context.new_page(), visitor.world)
    for each in (first, second):
        each.page.goto(f"/orders/{order['id']}")
    first.page.on("dialog", lambda dialog: dialog.accept())
    with without_reloading(second.page):
        first.follow(first.page.get_by_role("button", name="Batalkan"))
        expect(second.page.locator("h1")).to_have_text("Pesanan dibatalkan")


def test_a_second_tab_that_holds_too_goes_on_with_the_first_ones_order(world: World, visitor: Visitor, buyer: Person):
    event = world.publish()
    first, second = visitor, Visitor(visitor.page.context.new_page(), visitor.world)
    for each in (first, second):
        each.open_event(event)
        each.choose()
        each.go_to_buy()
    for each in (first, second):
        each.follow(each.page.locator("form.panel button.block"))
    expect(second.page.get_by_role("alert")).to_contain_text("Anda masih punya pesanan untuk acara ini")
    second.follow(second.page.get_by_role("link", name="Lanjutkan pesanan"))
    assert second.order_id == first.order_id


def test_going_back_after_paying_buys_nothing_again_by_chance(world: World, visitor: Visitor, buyer: Person):
    event = world.publish()
    page = visitor.page
    visitor.open_event(event)
    visitor.choose()
    visitor.go_to_buy()
    visitor.follow(page.locator("form.panel button.block"))
    order = visitor.order_id
    visitor.pay_by("QRIS")
    visitor.pay()
    expect(page.locator("h1")).to_have_text("Tiket Anda siap")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Tiket Anda siap")  # the order's page, wherever one comes from
    while "/buy/" not in page.url:
        page.go_back()
    expect(page.get_by_role("status")).to_contain_text("Anda sudah membeli untuk acara ini")
    look(page, "buy-bought-already")
    visitor.follow(page.get_by_role("link", name="Lihat yang sudah Anda beli"))
    assert visitor.order_id == order
    assert len(buyer.api.get("orders/my-orders")["items"]) == 1


def test_sold_out_between_the_price_and_the_hold_takes_nothing(world: World, visitor: Visitor, buyer: Person):
    event = world.publish({"name": "Kecil", "price": 100_000, "quota": 1})
    visitor.open_event(event)
    visitor.choose()
    visitor.go_to_buy()
    world.somebody().buy(event)
    visitor.follow(visitor.page.locator("form.panel button.block"))
    expect(visitor.page.get_by_role("alert")).to_contain_text("baru saja habis")
    expect(visitor.page.get_by_role("alert")).to_contain_text("Kecil")
    assert buyer.api.get("orders/my-orders")["items"] == []


def test_sold_out_while_the_code_is_typed_signs_in_and_says_so(world: World, visitor: Visitor, watch: Watch):
    event = world.publish({"name": "Kecil", "price": 100_000, "quota": 1})
    visitor.open_event(event)
    visitor.choose()
    visitor.go_to_buy()
    visitor.request_code()
    world.somebody().reserve(event)
    visitor.enter_code()
    expect(visitor.page.get_by_role("alert")).to_contain_text("Kecil")
    visitor.page.goto("/orders")
    expect(visitor.page.locator("h1")).to_have_text("Tiket saya")
