"""An organizer's desk from the first sale on: dashboard, orders, refunds, cancellation, payouts (AR-006, FN-013)."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.browser.looking import DESK, look
from tests.browser.pages import reload_until
from tests.browser.visitors import Visitor
from tests.people import Person, World
from tests.stack import Stack
from tests.waiting import until

PRICE = 150_000


@pytest.fixture
def organizer(world: World) -> Person:
    """Somebody with events."""
    return world.somebody("organizer")


@pytest.fixture
def event(organizer: Person) -> dict[str, Any]:
    """An event with two ticket types, of which nobody has bought yet."""
    return organizer.publish(
        {"name": "Festival", "price": PRICE, "quota": 20}, {"name": "VIP", "price": 900_000, "quota": 3}
    )


@pytest.fixture
def desk(new_visitor: Callable[..., Visitor], organizer: Person) -> Page:
    """The organizer at a desk, in English."""
    return at_desk(new_visitor, organizer)


def at_desk(new_visitor: Callable[..., Visitor], organizer: Person, **options: Any) -> Page:
    visitor = new_visitor(**{"locale": "en-GB", "viewport": DESK, **options})
    visitor.sign_in(organizer)
    return visitor.page


def place(event: dict[str, Any], path: str = "") -> str:
    return f"/organizer/events/{event['id']}{path}"


def request_refund(buyer: Person, order: dict[str, Any]) -> None:
    buyer.api.post("refunds/request", {"order_id": order["id"], "reason": "Saya sakit"}, status=201)


def test_the_first_sale_shows_by_itself_with_what_it_earned(desk: Page, world: World, event: dict[str, Any]):
    desk.goto(place(event))
    expect(desk.get_by_text("No order yet")).to_be_visible()
    look(desk, "en-desk-sales-none")
    world.somebody().buy(event, [2, 1])
    expect(desk.locator("#sold-now")).to_have_text("3 sold.")
    expect(desk.get_by_text("No order yet")).to_be_hidden()
    earned = 2 * PRICE * 9 // 10 + 900_000 * 9 // 10
    expect(desk.locator("#earned tfoot td")).to_have_text(f"Rp\u00a0{earned:,}")
    card = desk.locator("#card tbody tr")
    expect(card.nth(0)).to_contain_text("10 %")
    expect(card.nth(2).locator("td")).to_have_text(["23", "3", "20"])
    expect(desk.locator("#over-time svg rect")).to_have_count(1)
    expect(desk.locator("#over-time tbody td").nth(1)).to_contain_text("Rp\u00a01,200,000")
    look(desk, "en-desk-sales")


def test_a_page_that_has_not_changed_is_not_sent_again(desk: Page, event: dict[str, Any]):
    first = desk.request.get(place(event))
    again = desk.request.get(place(event), headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body()) == (304, b"")
    assert first.headers["cache-control"] == "private, no-store"


def test_the_dashboard_without_a_script_in_indonesian_on_a_phone(
    new_visitor: Callable[..., Visitor], world: World, organizer: Person, event: dict[str, Any]
):
    world.somebody().buy(event, [0, 3])
    page = at_desk(
        new_visitor, organizer, locale="id-ID", viewport={"width": 360, "height": 740}, java_script_enabled=False
    )
    page.goto(place(event))
    expect(page.get_by_text("VIP: tersisa kurang dari 10 %.")).to_be_visible()
    page.get_by_text("Saring menurut tanggal dan jenis tiket").click()
    page.select_option("#tier_id", label="Festival")
    page.get_by_role("button", name="Tampilkan").click()
    expect(page.locator("#card tbody tr")).to_have_count(2)
    expect(page.locator("#earned")).to_contain_text("pilih semua jenis tiket")


def test_an_order_is_found_by_what_the_organizer_knows_and_tells_its_history(
    desk: Page, world: World, event: dict[str, Any]
):
    buyer = world.somebody()
    order = buyer.buy(event, [1])
    world.somebody().reserve(event)
    reference = order["payments"][-1]["gateway_reference"]
    for words in (buyer.address[:8], buyer.address.upper(), order["id"][:13], reference, "Peserta 1"):
        desk.goto(place(event, "/orders"))
        desk.fill("#q", words)
        desk.get_by_role("button", name="Search").click()
        expect(desk.locator(".order-row", has_text=buyer.address)).to_be_visible()
    desk.goto(place(event, "/orders?q=" + "%25"))
    expect(desk.get_by_text("No order matches")).to_be_visible()
    look(desk, "en-desk-orders-none")
    desk.goto(place(event, "/orders?status=paid"))
    look(desk, "en-desk-orders")
    desk.get_by_role("link", name="Siti Rahma").click()
    expect(desk.locator(".timeline")).to_contain_text(re.compile("Tickets held.*Order paid.*Ticket issued", re.DOTALL))
    world.mail(buyer.address, "e_ticket")
    desk.get_by_role("button", name="Mail the tickets again").click()
    expect(desk.get_by_text("The tickets are mailed again.")).to_be_visible()
    until(lambda: len([m for m in world.mails(buyer.address) if m["template"] == "e_ticket"]) == 2, what="for the mail")
    reload_until(desk, desk.locator(".timeline"), "Mail: the tickets · delivered")
    look(desk, "en-desk-order")


def test_refunds_are_decided_one_by_one_and_many_at_once(desk: Page, world: World, event: dict[str, Any]):
    buyers = [world.somebody() for _ in range(4)]
    for buyer in buyers:
        request_refund(buyer, buyer.buy(event))
    desk.goto(place(event, "/refunds?status=requested"))
    look(desk, "en-desk-refunds")
    row = desk.locator(".refund-list li", has_text=buyers[0].address)
    expect(row).to_contain_text("Rp\u00a0135,000 to the buyer · Rp\u00a0135,000 off your payout")
    row.get_by_role("link", name="Decide").click()
    desk.fill("#reason", "Acara tetap berlangsung")
    desk.get_by_role("button", name="Decline").click()
    expect(desk.get_by_text("Decided: 1")).to_be_visible()
    assert "Acara tetap berlangsung" in world.mail(buyers[0].address, "refund_rejected")["text"]

    desk.goto(place(event, "/refunds?status=requested"))
    desk.get_by_role("button", name="Decide about the chosen").click()
    expect(desk.get_by_text("No refund was chosen.")).to_be_visible()
    for buyer in buyers[1:3]:
        desk.locator(".refund-list li", has_text=buyer.address).get_by_role("checkbox").check()
    desk.get_by_role("button", name="Decide about the chosen").click()
    expect(desk.get_by_text("Your payout becomes Rp\u00a0270,000 less.")).to_be_visible()
    look(desk, "en-desk-refund-decision")
    desk.get_by_role("button", name="Approve: Rp\u00a0270,000 goes back").click()
    expect(desk.get_by_text("Decided: 2")).to_be_visible()
    until(lambda: all(status_of(buyer) in ("processing", "completed") for buyer in buyers[1:3]), what="for the refunds")
    assert [status_of(buyer) for buyer in (buyers[0], buyers[3])] == ["rejected", "requested"]


def status_of(buyer: Person) -> str:
    return str(buyer.api.get("refunds")["items"][0]["status"])


def test_a_refund_that_cannot_be_approved_any_more_is_told_by_name(
    desk: Page, world: World, organizer: Person, event: dict[str, Any]
):
    buyer = world.somebody()
    request_refund(buyer, buyer.buy(event))
    desk.goto(place(event, "/refunds"))
    desk.get_by_role("link", name="Decide").last.click()
    refund = organizer.api.get("refunds?status=requested")["items"][0]
    organizer.api.call("PUT", f"refunds/{refund['id']}/reject", json={"reason": "Maaf"}, status=200)
    desk.get_by_role("button", name="Approve").click()
    expect(desk.get_by_text("Some could not be decided")).to_be_visible()
    expect(desk.locator(".alert")).to_contain_text("Siti Rahma")


def test_a_cancellation_says_its_cost_and_asks_twice(
    desk: Page, world: World, organizer: Person, event: dict[str, Any]
):
    buyer = world.somebody()
    buyer.buy(event, [2])
    desk.goto(place(event))
    desk.get_by_role("link", name="Cancel the event").click()
    costs = desk.locator(".lines td")
    expect(costs).to_have_text([f"Rp\u00a0{amount:,}" for amount in (320_000, 20_000, 270_000, 15_000, 285_000)])
    look(desk, "en-desk-cancel")
    desk.fill("#reason", "Penyanyi sakit")
    desk.get_by_role("button", name="Go on").click()
    expect(desk.get_by_text("Really cancel Konser Senja?")).to_be_visible()
    look(desk, "en-desk-cancel-again")
    late = world.somebody()
    late.buy(event)
    desk.get_by_role("button", name="Yes, cancel and pay").click()
    expect(desk.get_by_text("Somebody has bought or given back in the meantime")).to_be_visible()
    assert organizer.api.get(f"events/{event['id']}")["status"] == "published"
    desk.get_by_role("button", name="Yes, cancel and pay Rp\u00a0480,000 back").click()
    expect(desk.get_by_role("heading", name="The event is cancelled")).to_be_visible()
    expect(desk.locator("#progress")).to_contain_text("Orders ended: 2 of 2")
    expect(desk.locator("#progress")).to_contain_text("Penalty: Rp\u00a022,500")
    look(desk, "en-desk-cancelled")


def test_an_attendee_is_found_and_corrected_and_told(desk: Page, world: World, event: dict[str, Any]):
    desk.goto(place(event, "/attendees"))
    expect(desk.get_by_text("No attendees yet")).to_be_visible()
    look(desk, "en-desk-attendees-none")
    buyer = world.somebody()
    order = buyer.buy(event, [2])
    before = buyer.api.get(f"tickets/{order['tickets'][1]['id']}")["qr"]
    desk.reload()
    expect(desk.get_by_text("Attendees found: 2")).to_be_visible()
    reload_until(desk, desk.locator(".order-row").first, re.compile("ticket (mailed|delivered)"))
    reload_until(desk, desk.locator(".figures tbody tr").first, "10 %")
    look(desk, "en-desk-attendees")
    desk.fill("#q", "peserta 2")
    desk.get_by_role("button", name="Search").click()
    desk.get_by_role("link", name="Peserta 2").click()
    expect(desk.locator("#email")).to_have_value(buyer.address)
    look(desk, "en-desk-attendee")
    new_address = f"baru-{buyer.address}"
    desk.fill("#name", "Budi <b>Wirawan</b>")
    desk.fill("#email", new_address)
    desk.get_by_role("button", name="Correct and mail it").click()
    expect(desk.get_by_text("Saved.")).to_be_visible()
    expect(desk.get_by_role("heading", level=1)).to_have_text("Budi <b>Wirawan</b>")
    changed = next(
        ticket
        for each in order["tickets"]
        if (ticket := buyer.api.get(f"tickets/{each['id']}"))["attendee_name"] == "Budi <b>Wirawan</b>"
    )
    assert changed["qr"] != before
    world.mail(new_address, "e_ticket")
    desk.get_by_role("link", name="The order and its mails").click()
    expect(desk.locator(".timeline")).to_contain_text("Holder corrected")


def test_a_wrong_correction_is_told_at_its_field(desk: Page, world: World, event: dict[str, Any]):
    order = world.somebody().buy(event)
    desk.goto(place(event, f"/attendees/{order['tickets'][0]['id']}"))
    desk.fill("#name", "www.contoh.com")
    desk.get_by_role("button", name="Correct and mail it").click()
    expect(desk.locator("#name-error")).to_be_visible()
    expect(desk.locator("#name")).to_have_value("www.contoh.com")


def test_exports_hold_what_the_page_shows(desk: Page, world: World, event: dict[str, Any]):
    for quantities in ([2], [0, 1]):
        world.somebody().buy(event, quantities)
    desk.goto(place(event, "/attendees"))
    names = desk.locator(".order-row h2 a").all_inner_texts()
    notes = desk.locator(".order-row .note:nth-of-type(1)").all_inner_texts()
    addresses = [note.partition(" · ")[0] for note in notes]
    shown = list(zip(names, addresses, ["Festival", "Festival", "VIP"], strict=True))
    rows = list(csv.reader(io.StringIO(downloaded(desk, "CSV").decode("utf-8-sig"))))
    assert rows[0][:3] == ["Name", "E-mail", "Tier"]
    assert [tuple(row[:3]) for row in rows[1:]] == shown
    sheet = openpyxl.load_workbook(io.BytesIO(downloaded(desk, "Excel"))).active
    assert [row[:3] for row in sheet.iter_rows(min_row=2, values_only=True)] == shown
    assert downloaded(desk, "PDF").startswith(b"%PDF")
    desk.goto(place(event, f"/attendees?tier_id={event['tiers'][1]['id']}"))
    assert len(list(csv.reader(io.StringIO(downloaded(desk, "CSV").decode("utf-8-sig"))))) == 2


def downloaded(desk: Page, form: str) -> bytes:
    """The file of a button below the attendees."""
    with desk.expect_download() as started:
        desk.get_by_role("link", name=f"Attendees as {form}").click()
    expect(desk.locator("[data-exports] [role=status]")).to_have_text("The file is on your device.")
    return started.value.path().read_bytes()


def test_the_statement_is_downloaded_as_it_is_shown(desk: Page, world: World, event: dict[str, Any]):
    desk.goto("/organizer/payouts")
    look(desk, "en-desk-payouts-none")
    for quantities in ([1], [0, 1]):
        world.somebody().buy(event, quantities)
    desk.goto("/organizer/payouts")
    shown = [cell.split()[1] for cell in desk.locator(".figures td").all_inner_texts()]
    with desk.expect_download() as started:
        desk.get_by_role("link", name="Statement as CSV").click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text(encoding="utf-8-sig"))))
    assert [f"{int(row['Amount']):,}" for row in reversed(rows)] == shown
    assert [row["Movement"] for row in rows] == ["Sale", "Sale"]
    assert int(rows[-1]["Balance"]) == sum(int(row["Amount"]) for row in rows)
    look(desk, "en-desk-payouts")


PAGES = "", "/orders", "/attendees", "/refunds", "/cancel"


def test_the_event_of_another_organizer_is_not_there(
    new_visitor: Callable[..., Visitor], watch: Any, world: World, event: dict[str, Any]
):
    watch.expect("404")
    stranger = at_desk(new_visitor, world.somebody("organizer"))
    for path in PAGES:
        assert opened(stranger, place(event, path)) == 404, path
        expect(stranger.get_by_role("heading", name="This page is not here")).to_be_visible()


@pytest.mark.parametrize("role", ["customer", "staff"])
def test_buyers_and_staff_of_the_gate_may_not_see_the_desk(
    new_visitor: Callable[..., Visitor],
    watch: Any,
    world: World,
    stack: Stack,
    organizer: Person,
    event: dict[str, Any],
    role: str,
):
    watch.expect("403")
    person = world.somebody()
    if role == "staff":
        hire(stack, person, organizer)
    page = at_desk(new_visitor, person)
    assert {path: opened(page, place(event, path)) for path in PAGES} == dict.fromkeys(PAGES, 403)


def opened(page: Page, address: str) -> int:
    """Go to an address; the status of its answer."""
    answer = page.goto(address)
    assert answer
    return answer.status


def hire(stack: Stack, person: Person, organizer: Person) -> None:
    """Make somebody staff of an organizer."""
    with stack.database() as database, database.begin() as tx:
        tx.execute(
            text("""
                UPDATE users SET role = 'staff', organizer_id = (SELECT id FROM users WHERE email = :organizer)
                WHERE email = :person
            """),
            {"organizer": organizer.address, "person": person.address},
        )


def test_who_is_not_signed_in_signs_in_first_and_comes_back(new_visitor: Callable[..., Visitor], event: dict[str, Any]):
    stranger = new_visitor().page
    stranger.goto(place(event, "/orders?status=paid"))
    expect(stranger).to_have_url(re.compile(r"/login\?next=.*orders%3Fstatus%3Dpaid"))
