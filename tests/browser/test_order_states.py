"""The order's page where money or tickets take another way than most: it says what is true, and what is next."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.browser.holds import just_over, let_it_expire, let_remain
from tests.browser.looking import look
from tests.browser.pages import come_back, is_the_same_truth, without_reloading
from tests.browser.visitors import Visitor
from tests.people import Person, World
from tests.stack import Stack
from tests.waiting import until

PAID = "Tiket Anda siap"
TOTAL = 160_000
SATU = {"name": "Satu", "price": 50_000, "quota": 1}


def pay_another_amount(buyer: Person, event: dict[str, Any], amount: int) -> dict[str, Any]:
    """An order at Rp 160.000 for which another amount has come in."""
    order = buyer.reserve(event)
    payment = buyer.checkout(order, "midtrans", "QRIS")
    buyer.world.gateway("midtrans", payment["gateway_reference"], "pay", amount=amount)
    until(lambda: buyer.order(order)["payments"][-1]["received_amount"], what="for the money")
    return order


def give_back(buyer: Person, organizer: Person, order: dict[str, Any], *tickets: dict[str, Any]) -> dict[str, Any]:
    """A refund of these tickets, or of the whole order, that the organizer has approved."""
    chosen = {"ticket_ids": [ticket["id"] for ticket in tickets]} if tickets else {}
    body = {"order_id": order["id"], "reason": "Saya sakit", **chosen}
    refund: dict[str, Any] = buyer.api.post("refunds/request", body, status=201)
    organizer.api.call("PUT", f"refunds/{refund['id']}/approve", json={}, status=200)
    return refund


def is_listed(page: Page, order: dict[str, Any], words: str) -> None:
    """The list of one's orders says the same of it as its page."""
    page.goto("/orders")
    row = page.locator(".order-row", has=page.locator(f"a[href='/orders/{order['id']}']"))
    expect(row.locator(".badge")).to_have_text(words)


def tonight() -> dict[str, str]:
    """When an event is whose gates are open."""
    now = datetime.now(UTC)
    return {"start_date": (now + timedelta(hours=1)).isoformat(), "end_date": (now + timedelta(hours=4)).isoformat()}


def let_in(holder: Person, organizer: Person, order: dict[str, Any]) -> None:
    """Scan the first ticket of an order at a gate."""
    qr = holder.api.get(f"tickets/{order['tickets'][0]['id']}")["qr"]
    scan = {"event_id": order["event_id"], "qr": qr, "gate": "Pintu 1"}
    assert organizer.api.post("tickets/scan", scan, status=200)["result"] == "valid"


@contextmanager
def no_tickets_made(stack: Stack) -> Iterator[None]:
    """As long as this lasts, nobody can write a ticket: payments go through, issuing waits."""
    with stack.database() as database, database.begin() as tx:
        tx.execute(text("LOCK TABLE tickets IN SHARE MODE"))
        yield


def test_too_little_asks_for_the_rest_which_completes_the_order(
    concert: dict[str, Any], visitor: Visitor, buyer: Person
):
    page, order = visitor.page, pay_another_amount(buyer, concert, TOTAL - 20_000)
    page.goto(f"/orders/{order['id']}")
    is_the_same_truth(page, "Pembayaran masih kurang")
    expect(page.get_by_role("status").filter(has_text="Masih kurang")).to_contain_text("Rp\u00a020.000")
    expect(page.locator("table.lines tfoot")).to_contain_text("−Rp\u00a0140.000")
    look(page, "order-short")
    visitor.follow(page.get_by_role("button", name="Bayar Rp\u00a020.000"))
    is_the_same_truth(page, "Bayar dengan QRIS")
    expect(page.locator(".due")).to_contain_text("Rp\u00a020.000")
    with without_reloading(page):
        visitor.pay()
        expect(page.locator("h1")).to_have_text(PAID)


@pytest.mark.parametrize("difference", [-20_000, 5_000], ids=["too little", "too much"])
def test_who_has_paid_another_amount_can_cancel_and_gets_it_back(
    concert: dict[str, Any], visitor: Visitor, buyer: Person, difference: int
):
    """As the mail about it says."""
    page, order = visitor.page, pay_another_amount(buyer, concert, TOTAL + difference)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    page.goto(f"/orders/{order['id']}")
    visitor.follow(page.get_by_role("button", name="Batalkan dan lepaskan tiket"))
    came = f"{TOTAL + difference:,}".replace(",", ".")
    assert asked == [f"Lepaskan tiket ini? Rp\u00a0{came} kembali kepada Anda."]
    come_back(page, page.get_by_role("heading", name=f"Pengembalian Rp\u00a0{came}"))
    is_the_same_truth(page, "Uang Anda kembali")
    is_listed(page, order, "Uang Anda kembali")


def test_too_much_waits_for_a_person_who_accepts_it(
    concert: dict[str, Any], world: World, stack: Stack, visitor: Visitor, buyer: Person
):
    page, order = visitor.page, pay_another_amount(buyer, concert, TOTAL + 5_000)
    page.goto(f"/orders/{order['id']}")
    is_the_same_truth(page, "Pembayaran Anda sedang diperiksa")
    expect(page.locator(".alert.warning")).to_contain_text("Rp\u00a0165.000")
    expect(page.locator(".alert.warning")).to_contain_text("Jangan bayar lagi")
    assert page.locator("[data-pay]").count() == 0
    look(page, "order-review")
    payment = buyer.order(order)["payments"][-1]["id"]
    with without_reloading(page):
        world.somebody("admin").api.post(f"admin/reviews/{payment}/accept", status=200)
        come_back(page, page.locator("h1", has_text=PAID))


def test_too_much_that_goes_back_is_not_called_late(
    concert: dict[str, Any], world: World, stack: Stack, visitor: Visitor, buyer: Person
):
    order = pay_another_amount(buyer, concert, TOTAL + 5_000)
    payment = buyer.order(order)["payments"][-1]["id"]
    world.somebody("admin").api.post(f"admin/reviews/{payment}/refund", status=200)
    visitor.page.goto(f"/orders/{order['id']}")
    is_the_same_truth(visitor.page, "Uang Anda kembali")
    expect(visitor.page.locator("main")).to_contain_text("Pengembalian Rp\u00a0165.000")
    come_back(visitor.page, visitor.page.get_by_text("Sudah kembali kepada Anda"))
    expect(visitor.page.locator("main")).not_to_contain_text("pantau halaman ini")
    look(visitor.page, "order-money-back")


def test_a_paid_order_whose_tickets_are_still_made(
    concert: dict[str, Any], stack: Stack, visitor: Visitor, buyer: Person
):
    page, order = visitor.page, buyer.reserve(concert)
    payment = buyer.checkout(order, "midtrans", "QRIS")
    page.goto(f"/orders/{order['id']}")
    with no_tickets_made(stack):
        buyer.world.gateway("midtrans", payment["gateway_reference"], "pay")
        expect(page.locator("h1")).to_have_text("Lunas")
        expect(page.locator(".alert.good")).to_contain_text("halaman ini boleh ditutup")
        look(page, "order-issuing")
        is_the_same_truth(page, "Lunas")
        page.evaluate("window.stillHere = true")
    expect(page.locator("[data-ticket] svg.qr")).to_be_visible()
    assert page.evaluate("window.stillHere")


def test_what_may_be_paid_at_the_last_second_is_being_checked_and_never_called_failed(
    concert: dict[str, Any], stack: Stack, visitor: Visitor, buyer: Person
):
    page, order = visitor.page, buyer.reserve(concert)
    buyer.checkout(order, "midtrans", "QRIS")
    with just_over(stack, order):
        page.goto(f"/orders/{order['id']}")
        is_the_same_truth(page, "Kami memastikan pembayaran Anda")
        expect(page.get_by_role("status").first).to_contain_text("Jangan bayar dua kali")
        assert page.locator("svg.qr").count() == 0
        look(page, "order-checking")
        page.evaluate("window.stillHere = true")
    let_it_expire(stack, order)
    come_back(page, page.locator("h1", has_text="Waktu habis"))
    assert page.evaluate("window.stillHere")


def test_late_money_by_bank_transfer_asks_where_it_shall_go(
    world: World, stack: Stack, visitor: Visitor, buyer: Person
):
    event = world.publish(SATU)
    order = buyer.reserve(event)
    payment = buyer.checkout(order, "midtrans", "BCA")
    let_remain(stack, order, -1)
    world.faults("midtrans", status=503, count=2)  # so that it does not hear in time that the order is over
    world.somebody().reserve(event)
    world.gateway("midtrans", payment["gateway_reference"], "pay")
    world.mail(buyer.address, "refund_account_needed")
    visitor.page.goto(f"/orders/{order['id']}")
    is_the_same_truth(visitor.page, "Uang Anda datang terlambat")
    expect(visitor.page.locator(".alert")).to_contain_text("rekening tujuannya")
    look(visitor.page, "order-late-money-account")
    visitor.follow(visitor.page.get_by_role("link", name="Pasang rekening"))
    visitor.page.fill("#account_number", "1234567890")
    visitor.page.fill("#account_holder_name", "Siti Rahma")
    visitor.follow(visitor.page.get_by_role("button", name="Pasang rekening ini"))
    look(visitor.page, "bank-account-set")
    visitor.page.goto(f"/orders/{order['id']}")
    expect(visitor.page.get_by_role("link", name="Pasang rekening")).to_have_count(0)


def test_one_ticket_of_two_given_back_leaves_the_other_good(world: World, visitor: Visitor, buyer: Person):
    organizer = world.somebody("organizer")
    order = buyer.buy(organizer.publish(), [2])
    give_back(buyer, organizer, order, order["tickets"][0])
    page = visitor.page
    page.goto(f"/orders/{order['id']}")
    is_the_same_truth(page, PAID)
    expect(page.locator("[data-ticket]")).to_have_count(2)
    expect(page.locator("[data-ticket]").first.locator("svg.qr")).to_be_visible()
    expect(page.locator("[data-ticket]").last).to_contain_text("Tidak berlaku lagi")
    assert page.locator("[data-ticket] a", has_text="PDF").count() == 1
    links = [" ".join(words.split()) for words in page.locator("[data-ticket] a").all_text_contents()]
    assert len(set(links)) == len(links) == 3
    look(page, "order-partly-refunded")


def test_goods_that_stay_after_the_ticket_is_given_back_are_not_called_used_tickets(
    world: World, visitor: Visitor, buyer: Person
):
    organizer = world.somebody("organizer")
    shirt = {"name": "Kaus", "kind": "product", "price": 75_000, "quota": 10}
    held = buyer.reserve(organizer.publish(SATU, shirt), [1, 1])
    payment = buyer.checkout(held, "midtrans", "QRIS")
    world.gateway("midtrans", payment["gateway_reference"], "pay")
    order = buyer.until_tickets(held, 1)
    give_back(buyer, organizer, order, order["tickets"][0])
    visitor.page.goto(f"/orders/{order['id']}")
    is_the_same_truth(visitor.page, "Pesanan Anda siap")
    is_listed(visitor.page, order, "Siap")


def test_an_order_given_back_is_not_called_ready_while_its_money_waits(world: World, visitor: Visitor, buyer: Person):
    organizer = world.somebody("organizer")
    order = buyer.buy(organizer.publish(), [1], "midtrans", "BCA")  # transfers need a bank account to go back to
    give_back(buyer, organizer, order)
    page = visitor.page
    page.goto(f"/orders/{order['id']}")
    is_the_same_truth(page, "Uang Anda kembali")
    expect(page.get_by_role("link", name="Pasang rekening")).to_be_visible()
    assert page.locator("svg.qr").count() == 0
    look(page, "order-returning")
    is_listed(page, order, "Uang Anda kembali")


def test_an_order_whose_money_is_back(world: World, stack: Stack, visitor: Visitor, buyer: Person):
    organizer = world.somebody("organizer")
    order = buyer.buy(organizer.publish(), gateway="midtrans")
    page = visitor.page
    page.goto(f"/orders/{order['id']}")
    give_back(buyer, organizer, order)

    def is_back() -> bool:
        with stack.database() as database, database.begin() as tx:
            tx.execute(text("UPDATE refunds SET updated_at = now() - interval '2 minutes' WHERE status = 'processing'"))
        stack.run_job("reconcile-light")
        return bool(buyer.order(order)["status"] == "refunded")

    until(is_back, what="for the money to be back")
    page.reload()
    is_the_same_truth(page, "Dana dikembalikan")
    expect(page.locator("main")).to_contain_text("Sudah kembali kepada Anda")
    look(page, "order-refunded")
    page.goto("/refunds")
    expect(page.locator("main")).to_contain_text("Sudah kembali kepada Anda")


def test_an_unpaid_order_of_a_cancelled_event_says_that_nothing_was_paid(world: World, visitor: Visitor, buyer: Person):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    order = buyer.reserve(event)
    page = visitor.page
    page.goto(f"/orders/{order['id']}")
    organizer.api.post(f"events/{event['id']}/cancel", {"reason": "Artis sakit"}, status=202)
    buyer.until_order(order, "cancelled")
    page.reload()
    is_the_same_truth(page, "Acara ini dibatalkan")
    expect(page.get_by_role("alert")).to_contain_text("Belum ada yang dibayar")
    look(page, "order-event-cancelled-unpaid")


@pytest.mark.usefixtures("circuits_closed_afterwards")
def test_both_gateways_down_keep_the_hold_and_say_so(
    concert: dict[str, Any], world: World, visitor: Visitor, buyer: Person
):
    page, order = visitor.page, buyer.reserve(concert)
    page.goto(f"/orders/{order['id']}")
    for gateway in ("midtrans", "xendit"):
        world.faults(gateway, status=503, count=50)  # however often each call is tried
    visitor.follow(page.locator("[data-pay] button.block"))
    expect(page.locator(".alert.warning")).to_contain_text("Xendit dan Midtrans sama-sama sedang terganggu")
    expect(page.locator(".alert.warning")).to_contain_text("Belum ada uang yang ditarik")
    expect(page.locator("[data-seconds]")).to_be_visible()
    look(page, "order-both-gateways-down")
    for gateway in ("midtrans", "xendit"):
        world.faults(gateway, count=0)

    def is_back() -> bool:
        visitor.follow(page.locator("[data-pay] button.block"))
        return page.locator("[data-pay]").count() == 0

    until(is_back, what="for a gateway to be asked again")
    visitor.pay()
    expect(page.locator("h1")).to_have_text(PAID)


def test_tickets_that_were_used_are_not_called_ready(world: World, visitor: Visitor, buyer: Person):
    organizer = world.somebody("organizer")
    order = buyer.buy(organizer.publish(**tonight()))
    is_listed(visitor.page, order, "Siap")
    let_in(buyer, organizer, order)
    visitor.page.goto(f"/orders/{order['id']}")
    is_the_same_truth(visitor.page, "Tiket Anda sudah dipakai")
    expect(visitor.page.locator("[data-ticket]")).to_contain_text("Anda sudah masuk")
    look(visitor.page, "order-used")
    is_listed(visitor.page, order, "Terpakai")


@pytest.mark.parametrize("quantity", [2, 3])
def test_several_tickets_are_counted(concert: dict[str, Any], visitor: Visitor, buyer: Person, quantity: int):
    visitor.page.goto(f"/orders/{buyer.buy(concert, [quantity])['id']}")
    expect(visitor.page.locator("h1")).to_have_text(f"{quantity} tiket Anda siap")
