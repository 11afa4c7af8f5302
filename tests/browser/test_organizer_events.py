"""The organizer's desk in a browser: from a first visit to a published event, and what comes after (EM-001..012)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.looking import DESK, look
from tests.browser.visitors import Visitor
from tests.images import a_picture
from tests.people import Person, World

MOST_TAPS = 12
LOCALES = {"id": "id-ID", "en": "en-GB"}
DRAFT, PUBLISHED = re.compile("Draf"), re.compile("Terbit|Published")


def local(days: int) -> str:
    """An evening so many days from now, as a field for local times takes it."""
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}T19:00"


def submit(visitor: Visitor, words: str = "") -> None:
    """Press a form's own button: the one with these words, or the widest."""
    buttons = visitor.page.locator("main form .button.block") if not words else visitor.page.get_by_role("button")
    visitor.follow(buttons.filter(has_text=re.compile(words)).last)


def register(visitor: Visitor) -> None:
    """From the desk's address through the sign-in by a mailed code, and the terms for organizers."""
    page = visitor.page
    page.goto("/organizer")
    page.fill("#email", visitor.address)
    visitor.tap(page.locator("[name=accept_terms]"))
    visitor.follow(page.locator("form[action='/login/code'] button"))
    page.fill("#code", visitor.mailed_code())
    submit(visitor)
    page.fill("#full_name", "Senja Muda")
    visitor.tap(page.locator("#accept_organizer_terms"))
    submit(visitor)


def describe(page: Page, title: str) -> None:
    """Fill in an event with one ticket."""
    fields = {"title": title, "category": "musik", "location": "Bandung", "description": "Satu malam.\nTiga panggung."}
    times = {"start_date": local(40), "end_date": local(41)}
    for name, value in {**fields, **times, "t0_name": "Reguler", "t0_price": "150.000", "t0_quota": "200"}.items():
        page.fill(f"#{name}", value)


def open_desk(visitor: Visitor, person: Person, event: dict[str, Any], name: str = "") -> None:
    """Go to a page of an event as its organizer."""
    visitor.sign_in(person)
    visitor.page.goto(f"/organizer/events/{event['id']}/{name}")


@pytest.mark.parametrize(
    ("language", "has_script"), [("id", True), ("en", False)], ids=["script", "no script in English"]
)
def test_somebody_new_publishes_an_event_in_few_taps(
    new_visitor: Callable[..., Visitor], language: str, has_script: bool
):
    visitor = new_visitor(locale=LOCALES[language], java_script_enabled=has_script)
    page = visitor.page
    register(visitor)
    expect(page.locator(".todo .open")).to_have_count(5)
    visitor.follow(page.locator(".todo a").first)
    describe(page, "Malam Akustik")
    submit(visitor)
    expect(page.locator(".desk-event")).to_contain_text(DRAFT if language == "id" else "Draft")
    submit(visitor)
    expect(page.locator(".desk-event")).to_contain_text(PUBLISHED)
    assert visitor.taps <= MOST_TAPS
    page.goto(page.locator(f"a[href^='/{language}/events/']").get_attribute("href") or "")
    expect(page.locator("h1")).to_have_text("Malam Akustik")
    expect(page.locator(".tier-price").first).to_contain_text("150")


def test_what_is_wrong_is_said_beside_its_field_and_above_and_nothing_typed_is_lost(visitor: Visitor, world: World):
    page = visitor.page
    visitor.sign_in(world.somebody("organizer"))
    page.goto("/organizer/events/new")
    describe(page, "Malam Akustik")
    page.fill("#end_date", local(39))
    page.fill("#t0_price", "seratus")
    submit(visitor)
    expect(page.locator("#errors")).to_be_focused()
    expect(page.locator("#errors li")).to_have_text(["Tiket 1, Harga: harus berupa bilangan bulat"])
    expect(page.locator("#t0_price")).to_have_accessible_description("harus berupa bilangan bulat")
    expect(page).to_have_title("Ada yang salah: Acara baru · Karcis")
    page.fill("#t0_price", "Rp 75.000")
    submit(visitor)
    expect(page.locator("#end_date-error")).to_have_text("harus setelah “Mulai”")
    expect(page.locator("#description")).to_have_value("Satu malam.\nTiga panggung.")
    page.fill("#end_date", local(41))
    visitor.follow(page.locator("button[name=more]"))
    expect(page.locator("#t0_price")).to_have_value("Rp 75.000")
    page.fill("#t2_name", "Undangan")
    page.fill("#t2_price", "0")
    page.fill("#t2_quota", "20")
    submit(visitor)
    expect(page.locator("h1")).to_have_text("Siap terbit?")


def test_a_change_is_saved_and_the_preview_shows_it_to_nobody_else(new_visitor: Callable[..., Visitor], world: World):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    organizer.api.call("PUT", f"events/{event['id']}", json={"status": "draft"}, status=200)
    visitor = new_visitor()
    page = visitor.page
    open_desk(visitor, organizer, event, "details")
    page.fill("#title", "Konser Fajar")
    page.fill("#t0_quota", "1.000")
    submit(visitor)
    expect(page.locator("#title")).to_have_value("Konser Fajar")
    expect(page.locator("#t0_quota")).to_have_value("1000")
    answer = page.goto(f"/organizer/events/{event['id']}/preview")
    assert answer
    assert "no-store" in answer.headers["cache-control"]
    expect(page.locator(".preview-bar")).to_contain_text("Pratinjau, belum dijual")
    expect(page.locator("h1")).to_have_text("Konser Fajar")
    look(page, "organizer-preview")
    stranger = new_visitor()
    stranger.sign_in(world.somebody("organizer"))
    told = stranger.page.context.request.get(f"/organizer/events/{event['id']}/preview")
    assert told.status == 404


def test_the_card_of_an_event_is_shown_while_it_is_described(new_visitor: Callable[..., Visitor], world: World):
    visitor = new_visitor(viewport=DESK)
    visitor.sign_in(world.somebody("organizer"))
    visitor.page.goto("/organizer/events/new")
    describe(visitor.page, "Malam <b>Akustik</b>")
    card = visitor.page.locator(".live-preview")
    expect(card.locator(".card-title")).to_have_text("Malam <b>Akustik</b>")
    expect(card).to_contain_text("Bandung")
    expect(card).to_contain_text("19.00 WIB")
    expect(card.locator(".price")).to_have_text("Rp\u00a0150.000")
    visitor.page.fill("#t1_price", "0")
    expect(card.locator(".price")).to_have_text("Gratis sampai Rp\u00a0150.000")


def test_a_banner_is_shown_before_it_is_uploaded_and_after(visitor: Visitor, world: World):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    open_desk(visitor, organizer, event, "details")
    preview = visitor.page.locator("#banner [data-preview-of] img")
    picture: FilePayload = {"name": "banner.jpg", "mimeType": "image/jpeg", "buffer": a_picture(size=(640, 360))}
    visitor.page.set_input_files("#file", picture)
    expect(preview).to_have_attribute("src", re.compile("^data:image/"))
    submit(visitor, "Unggah")
    expect(preview).to_have_attribute("src", re.compile("banners/"))


def test_a_ticket_that_was_ordered_stays_and_the_page_says_why(visitor: Visitor, world: World):
    organizer, buyer, page = world.somebody("organizer"), world.somebody(), visitor.page
    event = organizer.publish(*({"name": name, "price": 1000, "quota": 5} for name in ("A", "B", "C")))
    order = buyer.reserve(event)
    open_desk(visitor, organizer, event, f"tickets/{event['tiers'][0]['id']}")
    delete = page.locator("details", has_text="Hapus")
    visitor.tap(delete.locator("summary"))
    expect(delete).to_contain_text("1 ditahan atau terjual")
    buyer.api.post(f"orders/{order['id']}/cancel", {}, status=200)
    page.reload()
    visitor.tap(delete.locator("summary"))
    submit(visitor, "Hapus selamanya")
    expect(page.get_by_role("alert")).to_contain_text("Sudah ada yang memesannya")


def test_tickets_are_put_in_another_order_and_one_that_nobody_ordered_is_deleted(visitor: Visitor, world: World):
    organizer = world.somebody("organizer")
    event = organizer.publish(*({"name": name, "price": 1000, "quota": 5} for name in ("A", "B", "C")))
    open_desk(visitor, organizer, event, "tickets")
    names = visitor.page.locator(".desk-tier h2 a")
    visitor.follow(visitor.page.get_by_role("button", name="Naikkan C"))
    expect(names).to_have_text(["A", "C", "B"])
    visitor.follow(names.nth(1))
    visitor.tap(visitor.page.locator("summary", has_text="Hapus"))
    submit(visitor, "Hapus selamanya")
    expect(names).to_have_text(["A", "B"])


def test_an_event_is_held_again_as_a_draft_at_new_dates(visitor: Visitor, world: World):
    organizer = world.somebody("organizer")
    event = organizer.publish(title="Konser Tahunan")
    open_desk(visitor, organizer, event, "details")
    visitor.page.fill("#new_start", local(400))
    submit(visitor, "Gandakan")
    expect(visitor.page.locator(".desk-event")).to_contain_text("Konser Tahunan Draf")
    assert event["id"] not in visitor.page.url


def test_a_promo_code_is_made_used_changed_and_switched_off(visitor: Visitor, world: World):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    open_desk(visitor, organizer, event, "promos")
    submit_with = {"code": "hemat20", "value": "20", "max_uses": "50"}
    for name, value in submit_with.items():
        visitor.page.fill(f"#{name}", value)
    submit(visitor)
    world.somebody().reserve(event, promo_code="HEMAT20")
    visitor.page.reload()
    code = visitor.page.locator(".desk-tier")
    expect(code).to_contain_text("1 dari 50 dipakai")
    visitor.follow(visitor.page.get_by_role("link", name="Ubah HEMAT20"))
    visitor.tap(visitor.page.locator("summary", has_text="Pengaturan lain"))
    visitor.page.fill("#budget", "1.000")
    submit(visitor)
    expect(visitor.page.get_by_role("alert")).to_contain_text("Kode itu sudah dipakai lebih sering.")
    visitor.page.fill("#budget", "1.000.000")
    visitor.page.fill("#max_uses", "40")
    submit(visitor)
    expect(code).to_contain_text("1 dari 40 dipakai")
    expect(code).to_contain_text("dari Rp\u00a01.000.000")
    submit(visitor, "Nonaktifkan")
    expect(code).to_contain_text("Nonaktif")
    world.somebody().reserve(event, promo_code="HEMAT20", status=422)


def test_goods_get_their_codes_and_staff_their_invitation(visitor: Visitor, world: World):
    organizer = world.somebody("organizer")
    event = organizer.publish({"name": "Voucer", "price": 1000, "quota": 9, "kind": "digital"})
    page = visitor.page
    open_desk(visitor, organizer, event, "goods")
    visitor.tap(page.locator("details summary"))
    page.fill("textarea", "KOPI-1\nKOPI-2\n\nKOPI-1")
    visitor.follow(page.locator("form[action$='/units'] button"))
    expect(page.get_by_role("status")).to_contain_text("2 kode baru")
    expect(page.locator("details summary")).to_contain_text("2 siap dijual")
    page.goto(f"/organizer/events/{event['id']}/staff")
    page.fill("#full_name", "Budi Gerbang")
    page.fill("#email", "budi.gerbang@example.com")
    submit(visitor)
    expect(page.locator(".desk-tier")).to_contain_text("Diundang")
    submit(visitor, "Keluarkan")
    expect(page.locator(".desk-tier")).to_have_count(0)


@pytest.mark.parametrize("language", LOCALES)
def test_every_page_of_the_desk(new_visitor: Callable[..., Visitor], world: World, language: str):
    visitor = new_visitor(locale=LOCALES[language])
    page = visitor.page
    visitor.sign_in(world.somebody())
    page.goto("/organizer")
    look(page, f"{language}-organizer-become")
    organizer = world.somebody("organizer")
    visitor.sign_in(organizer)
    page.goto("/organizer")
    look(page, f"{language}-organizer-first-run")
    event = organizer.publish(
        {"name": "Festival", "price": 150_000, "quota": 100},
        {"name": "Kaus", "price": 90_000, "quota": 50, "kind": "product"},
        {"name": "Voucer", "price": 25_000, "quota": 50, "kind": "digital"},
    )
    buyer = world.somebody()
    order = buyer.reserve(event, (1, 1))
    world.gateway("xendit", buyer.checkout(order)["gateway_reference"], "pay")
    buyer.until_tickets(order, 1)
    promo = organizer.api.post("promos", {"code": "SENJA10", "percent": 10, "event_id": event["id"]}, status=201)
    asked = {"order_id": order["id"], "reason": "Saya sakit"}
    refund = buyer.api.post("refunds/request", asked, status=201)
    here = f"/organizer/events/{event['id']}"
    tier = f"{here}/tickets/{event['tiers'][0]['id']}"
    names = ("details", "tickets", "promos", "goods", "staff", "publish")
    addresses = {name: f"{here}/{name}" for name in names}
    of_all = {"start": "/organizer", "new": "/organizer/events/new", "all-promos": "/organizer/promos"}
    words = {"terms": f"/{language}/organizer-terms"}
    sales = {
        "dashboard": here,
        "orders": f"{here}/orders",
        "order": f"{here}/orders/{order['id']}",
        "attendees": f"{here}/attendees",
        "attendee": f"{here}/attendees/{buyer.order(order)['tickets'][0]['id']}",
        "refunds": f"{here}/refunds",
        "refund-decision": f"{here}/refunds/decide?refund={refund['id']}",
        "cancel": f"{here}/cancel",
        "payouts": "/organizer/payouts",
    }
    one = {"tier": tier, "promo": f"{here}/promos/{promo['id']}"}
    in_english_elsewhere = sales if language == "id" else {}
    for name, address in {**of_all, **words, **one, **addresses, **in_english_elsewhere}.items():
        page.goto(address)
        look(page, f"{language}-organizer-{name}")
