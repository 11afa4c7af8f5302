"""The order's page in each of its states: the same truth after reloading, going back and in a second tab."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.holds import let_it_expire, let_remain
from tests.browser.looking import look
from tests.browser.pages import come_back, is_the_same_truth
from tests.browser.visitors import Visitor
from tests.people import Person, World
from tests.stack import Stack

PAID, FAILED, HELD = "Tiket Anda siap", "Pembayaran tidak berhasil", "Tiket Anda ditahan"


def test_a_failed_payment_is_tried_another_way(concert: dict[str, Any], visitor: Visitor, buyer: Person):
    page, order = visitor.page, buyer.reserve(concert)
    page.goto(f"/orders/{order['id']}")
    is_the_same_truth(page, HELD)
    visitor.pay_by("QRIS")
    is_the_same_truth(page, "Bayar dengan QRIS")
    visitor.at_gateway("fail")
    expect(page.locator("h1")).to_have_text(FAILED)
    assert page.locator(".alert.good").count() == 0  # complaint 10: no green tick
    look(page, "order-failed")
    is_the_same_truth(page, FAILED)
    visitor.pay_by("BCA")
    is_the_same_truth(page, "Transfer")
    visitor.pay()
    expect(page.locator("h1")).to_have_text(PAID)
    is_the_same_truth(page, PAID)


@pytest.mark.usefixtures("circuits_closed_afterwards")
def test_the_other_gateway_takes_over_from_one_that_is_down(
    concert: dict[str, Any], world: World, visitor: Visitor, buyer: Person
):
    page, order = visitor.page, buyer.reserve(concert)
    page.goto(f"/orders/{order['id']}")
    world.faults("midtrans", status=503, count=3)  # each try of one call
    visitor.pay_by("QRIS")
    world.faults("midtrans", count=0)
    expect(page.locator(".alert.info")).to_contain_text("Midtrans tidak menjawab")
    look(page, "order-gateway-replaced")
    assert visitor.order()["payments"][-1]["gateway"] == "xendit"
    visitor.pay()
    expect(page.locator("h1")).to_have_text(PAID)


def test_two_tabs_pay_once(concert: dict[str, Any], visitor: Visitor, buyer: Person):
    order = buyer.reserve(concert)
    first, second = visitor, Visitor(visitor.page.context.new_page(), visitor.world)
    for each in (first, second):
        each.page.goto(f"/orders/{order['id']}")
    first.pay_by("QRIS")
    second.pay_by("QRIS")
    assert len(first.order()["payments"]) == 1  # complaint 13: the same payment, not a second one
    first.at_gateway("pay")
    for each in (first, second):
        expect(each.page.locator("h1")).to_have_text(PAID)


def test_a_hold_that_runs_out_is_announced_and_becomes_expired(
    concert: dict[str, Any], stack: Stack, visitor: Visitor, buyer: Person
):
    page, order = visitor.page, buyer.reserve(concert)
    let_remain(stack, order, 121)
    page.goto(f"/orders/{order['id']}")
    expect(page.locator("[data-announce]")).to_contain_text("2 menit")
    let_remain(stack, order, 61)
    page.goto(f"/orders/{order['id']}?lang=en")
    expect(page.locator("[data-announce]")).to_contain_text("1 minute left.")
    page.goto(f"/orders/{order['id']}?lang=id")
    let_it_expire(stack, order)
    come_back(page, page.locator("h1", has_text="Waktu habis"))
    look(page, "order-expired")
    is_the_same_truth(page, "Waktu habis")
    visitor.follow(page.get_by_role("link", name="Cari tiket lagi"))
    assert concert["slug"] in page.url


def test_money_that_comes_too_late_goes_back(world: World, stack: Stack, visitor: Visitor, buyer: Person):
    event = world.publish({"name": "Satu", "price": 50_000, "quota": 1})
    order = buyer.reserve(event)
    payment = buyer.checkout(order, "midtrans", "QRIS")
    let_remain(stack, order, -1)
    world.faults("midtrans", status=503, count=2)  # so that it does not hear in time that the order is over
    world.somebody().reserve(event)
    world.gateway("midtrans", payment["gateway_reference"], "pay")
    world.mail(buyer.address, "payment_unusable")
    visitor.page.goto(f"/orders/{order['id']}")
    is_the_same_truth(visitor.page, "Uang Anda datang terlambat")
    look(visitor.page, "order-late-money")


def test_an_order_can_be_cancelled(concert: dict[str, Any], visitor: Visitor, buyer: Person):
    page, order = visitor.page, buyer.reserve(concert)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"/orders/{order['id']}")
    visitor.follow(page.get_by_role("button", name="Batalkan"))
    is_the_same_truth(page, "dibatalkan")
    look(page, "order-cancelled")


def test_a_cancelled_event_says_that_everything_comes_back(world: World, visitor: Visitor, buyer: Person):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    order = buyer.buy(event)
    organizer.api.post(f"events/{event['id']}/cancel", {"reason": "Artis sakit"}, status=202)
    visitor.page.goto(f"/orders/{order['id']}")
    is_the_same_truth(visitor.page, "Acara ini dibatalkan")
    look(visitor.page, "order-event-cancelled")


def test_a_refund_is_asked_with_its_exact_amount(concert: dict[str, Any], visitor: Visitor, buyer: Person):
    page, order = visitor.page, buyer.buy(concert, [2])
    page.goto(f"/orders/{order['id']}")
    look(page, "order-paid-two")
    visitor.follow(page.get_by_role("link", name="Kembalikan tiket"))
    expect(page.locator("form")).to_contain_text("Rp\u00a0270.000")  # nine tenths of twice Rp 150.000 (PS-018)
    look(page, "refund-new")
    page.fill("#reason", "Saya sakit")
    visitor.follow(page.get_by_role("button", name="Minta uang kembali"))
    expect(page.locator("main")).to_contain_text("Pengembalian Rp\u00a0270.000")
    look(page, "order-refund-asked")
    page.goto("/refunds")
    look(page, "refunds")


def test_a_free_ticket_needs_no_payment(world: World, visitor: Visitor, buyer: Person):
    event = world.publish({"name": "Relawan", "price": 0, "quota": 5})
    visitor.open_event(event)
    visitor.choose()
    visitor.go_to_buy()
    visitor.follow(visitor.page.locator("form.panel button.block"))
    look(visitor.page, "order-free")
    visitor.follow(visitor.page.locator("[data-pay] button.block"))
    expect(visitor.page.locator("h1")).to_have_text(PAID)


def test_nobody_else_sees_an_order(concert: dict[str, Any], buyer: Person, new_visitor: Callable[..., Visitor], watch):
    order = buyer.reserve(concert)
    stranger = new_visitor()
    stranger.sign_in(stranger.world.somebody())
    watch.expect("404")
    stranger.page.goto(f"/orders/{order['id']}")
    expect(stranger.page.locator("h1")).to_have_text("Halaman ini tidak ada")
    look(stranger.page, "error-not-found")
