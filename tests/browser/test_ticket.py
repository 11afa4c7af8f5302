"""The ticket on the phone: white under its code, there without a network, and with a new code for a new name."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.looking import look, picture
from tests.browser.visitors import Visitor
from tests.browser.watching import Watch
from tests.factories import a_nik
from tests.functions.test_registrations import RACE, register
from tests.people import PASSWORD, Person, World
from tests.waiting import until

WHITE = "rgb(255, 255, 255)"


@pytest.fixture
def ticket(concert: dict[str, Any], buyer: Person) -> str:
    """The address of a ticket of theirs."""
    return f"/tickets/{buyer.buy(concert)['tickets'][0]['id']}"


def test_the_code_stays_on_white_in_the_dark(ticket: str, visitor: Visitor):
    page = visitor.page
    page.emulate_media(color_scheme="dark")
    page.goto(ticket)
    code = page.locator("[data-ticket] svg.qr")
    expect(code).to_be_visible()
    assert code.evaluate("svg => getComputedStyle(svg.closest('.ticket-qr')).backgroundColor") == WHITE
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != WHITE
    look(page, "ticket-dark")


def test_the_theme_can_be_chosen_and_is_remembered(visitor: Visitor):
    page = visitor.page
    page.goto("/id/help")
    page.locator("[data-theme-switch]").click()
    page.goto("/id/terms")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.fixture
def keeping_visitor(new_visitor: Callable[..., Visitor], buyer: Person) -> Visitor:
    """The buyer on another phone, whose browser keeps tickets for when there is no network."""
    visitor = new_visitor(service_workers="allow")
    visitor.sign_in(buyer)
    return visitor


def test_the_ticket_is_there_without_a_network(ticket: str, keeping_visitor: Visitor, watch: Watch):
    page = keeping_visitor.page
    page.goto(ticket)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()  # through the service worker, which keeps it
    kept = "caches.match(location.href).then(found => !!found)"
    until(lambda: page.evaluate(kept), what="for the ticket to be kept")
    watch.expect("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("[data-ticket] svg.qr")).to_be_visible()
    look(page, "ticket-offline")
    page.context.set_offline(False)


def test_what_another_release_answers_for_a_file_is_not_kept(ticket: str, keeping_visitor: Visitor):
    page = keeping_visitor.page
    page.goto(ticket)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    own = page.locator("link[rel=stylesheet]").first.get_attribute("href")
    other = re.sub(r"\.[0-9a-f]{12}\.", ".000000000000.", own or "")
    asked = "address => fetch(address).then(answer => answer.ok)"
    assert [page.evaluate(asked, address) for address in (own, other)] == [True, True]
    is_kept = "address => caches.match(address).then(Boolean)"
    until(lambda: page.evaluate(is_kept, own), what="for the file to be kept")
    assert not page.evaluate(is_kept, other)


def test_what_is_kept_for_one_person_is_not_there_for_the_next(ticket: str, keeping_visitor: Visitor, world: World):
    page = keeping_visitor.page
    page.goto(ticket)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    kept = f"caches.match(location.origin + '{ticket}').then(found => !!found)"
    until(lambda: page.evaluate(kept), what="for the ticket to be kept")
    page.context.clear_cookies()  # nobody has signed out
    keeping_visitor.sign_in(world.somebody())
    page.goto("/orders")
    until(lambda: not page.evaluate(kept), what="for the ticket to be gone")


def test_what_is_kept_for_somebody_goes_with_their_account(
    concert: dict[str, Any], buyer: Person, keeping_visitor: Visitor
):
    order = buyer.reserve(concert)
    buyer.api.post(f"orders/{order['id']}/cancel", status=200)
    page, address = keeping_visitor.page, f"/orders/{order['id']}"
    page.goto(address)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    kept = f"caches.match(location.origin + '{address}').then(found => !!found)"
    until(lambda: page.evaluate(kept), what="for the order to be kept")
    page.goto("/account/delete")
    page.get_by_label("Kata sandi").fill(PASSWORD)
    keeping_visitor.follow(page.get_by_role("button", name="Hapus selamanya"))
    expect(page).to_have_url(re.compile("/id$"))
    until(lambda: not page.evaluate(kept), what="for the order to be gone")


def test_a_corrected_name_gets_a_new_code(ticket: str, visitor: Visitor):
    page = visitor.page
    page.goto(ticket)
    before = page.locator("svg.qr path").last.get_attribute("d")
    page.get_by_text("Perbaiki nama").click()
    page.fill("#name", "Budi")
    page.fill("#email", "budi@example.com")
    visitor.follow(page.get_by_role("button", name="Perbaiki", exact=True))
    expect(page.locator("main")).to_contain_text("Kode di bawah ini baru")
    expect(page.locator("[data-ticket] h2")).to_have_text("Budi")
    assert page.locator("svg.qr path").last.get_attribute("d") != before
    look(page, "ticket-corrected")


def test_the_name_form_says_what_is_wrong(ticket: str, visitor: Visitor):
    page = visitor.page
    page.goto(ticket)
    page.get_by_text("Perbaiki nama").click()
    page.fill("#name", "Budi")
    page.fill("#email", "budi@tidak-ada")
    visitor.follow(page.get_by_role("button", name="Perbaiki", exact=True))
    expect(page.locator("#errors")).to_be_focused()
    expect(page.locator("#email")).to_have_attribute("aria-invalid", "true")
    assert page.title().startswith("Ada yang salah")
    look(page, "ticket-error")
    page.reload()  # asks for the page, and sends nothing again
    expect(page.locator("[data-ticket] svg.qr")).to_be_visible()


def test_the_mail_can_be_sent_again(concert: dict[str, Any], buyer: Person, visitor: Visitor):
    order = buyer.buy(concert)
    visitor.page.goto(f"/orders/{order['id']}")
    visitor.follow(visitor.page.get_by_role("button", name="Kirim ulang"))
    expect(visitor.page.locator(".alert.good")).to_be_visible()


def test_the_screen_stays_on_while_the_code_is_shown(ticket: str, visitor: Visitor):
    page = visitor.page
    page.add_init_script("window.kept = []; navigator.wakeLock.request = async (kind) => window.kept.push(kind)")
    page.goto(ticket)
    until(lambda: page.evaluate("window.kept.includes('screen')"), what="for the screen to be kept on")


def test_a_runner_sees_their_bib_number(world: World, visitor: Visitor, buyer: Person):
    event = world.somebody("organizer").publish(RACE)
    order = register(buyer, event, a_nik())
    world.gateway("xendit", buyer.checkout(order)["gateway_reference"], "pay")
    [ticket] = buyer.until_tickets(order, 1)["tickets"]
    visitor.page.goto(f"/tickets/{ticket['id']}")
    expect(visitor.page.locator(".bib")).to_have_text("1")
    look(visitor.page, "ticket-bib")


def test_a_printed_ticket_is_the_ticket_alone(ticket: str, visitor: Visitor):
    page = visitor.page
    page.goto(ticket)
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("[data-ticket] svg.qr")).to_be_visible()
    for part in (".top", ".bottom", "main .button"):
        expect(page.locator(part).locator("visible=true")).to_have_count(0)
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == WHITE
    picture(page, "ticket-printed")
