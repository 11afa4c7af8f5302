"""An admin finds what is wrong and reads an order's whole story; every page by a phone's width, in both languages."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.browser.looking import DESK, look
from tests.browser.visitors import Visitor
from tests.people import Person, World
from tests.stack import Stack


@pytest.fixture(scope="module")
def admin(world: World) -> Person:
    """Somebody who finds the admin desk."""
    return world.somebody("admin")


@pytest.fixture(scope="module")
def buyer_of_two(world: World) -> Person:
    """Somebody who buys by VA."""
    return world.somebody()


@pytest.fixture(scope="module")
def order(buyer_of_two: Person, concert: dict[str, Any]) -> dict[str, Any]:
    """A paid order of theirs, of which a ticket is to be given back."""
    made = buyer_of_two.buy(concert, [2], method="BCA")
    asked = {"order_id": made["id"], "ticket_ids": [made["tickets"][0]["id"]], "reason": "Sakit demam"}
    buyer_of_two.api.post("refunds/request", asked, status=201)
    return made


@pytest.fixture
def desk(new_visitor: Callable[..., Visitor], admin: Person) -> Page:
    """An admin at a desk, in English."""
    visitor = new_visitor(locale="en-GB", viewport=DESK)
    visitor.sign_in(admin)
    return visitor.page


def looks_at(stack: Stack, order_id: str) -> int:
    """How often admins have looked at an order."""
    query = text("SELECT count(*) FROM audit_log WHERE action = 'admin.read' AND subject_id = :id")
    with stack.database() as database, database.connect() as connection:
        return int(connection.execute(query, {"id": order_id}).scalar_one())


def test_a_va_number_leads_to_the_order_and_its_whole_story(desk: Page, stack: Stack, order: dict[str, Any]):
    [payment] = order["payments"]
    desk.goto("/account")
    desk.get_by_role("link", name="Admin desk").click()
    desk.get_by_role("searchbox").fill(payment["va_number"])
    desk.get_by_role("searchbox").press("Enter")
    expect(desk.get_by_role("heading", name="Payments")).to_be_visible()
    desk.get_by_role("link", name="xendit BCA").click()
    expect(desk.get_by_text(payment["va_number"])).to_be_visible()
    before = looks_at(stack, order["id"])
    desk.get_by_role("link", name="The order of").click()
    story = desk.locator(".timeline")
    for words in ("Tickets held", "Payment by BCA started", "Webhook of Xendit", "Order paid", "Booked:", "balances",
                  "Mail: the tickets", "Refund asked for", "order.paid", "Correlation id"):  # fmt: skip
        expect(story.get_by_text(words).first).to_be_visible()
    expect(desk.locator("#books + table tfoot")).to_contain_text("Rp\u00a00")
    story.get_by_text("Payload").first.click()
    said = story.locator("pre").first
    expect(said).to_contain_text('"status": "PAID"')
    expect(said).not_to_contain_text("@example.com")
    assert looks_at(stack, order["id"]) == before + 1


@pytest.mark.parametrize("language", ["id-ID", "en-GB"])
def test_no_page_of_the_navigation_is_cut_off_on_a_desk(
    new_visitor: Callable[..., Visitor], admin: Person, language: str
):
    visitor = new_visitor(locale=language, viewport=DESK)
    visitor.sign_in(admin)
    visitor.page.goto("/admin")
    for tabs in visitor.page.locator(".tabs ul").all():
        assert tabs.evaluate("each => each.scrollWidth <= each.clientWidth")


def test_it_works_without_script(
    new_visitor: Callable[..., Visitor], admin: Person, buyer_of_two: Person, order: dict[str, Any]
):
    visitor = new_visitor(java_script_enabled=False)
    visitor.sign_in(admin)
    page = visitor.page
    page.goto("/admin")
    page.fill("#q", buyer_of_two.address)
    page.locator("form[role=search] button").click()
    page.locator(f"a[href='/admin/orders/{order['id']}']").click()
    expect(page.locator("h1")).to_contain_text("Siti Rahma")


def test_what_is_wrong_is_told_and_leads_to_what_ends_it(desk: Page, stack: Stack, order: dict[str, Any]):
    stack.until_delivered(order["id"], "e_ticket")
    with stack.database() as database, database.begin() as connection:
        connection.execute(
            text("UPDATE emails SET status = 'bounced', error_message = '550 mailbox is full' WHERE order_id = :id"),
            {"id": order["id"]},
        )
    desk.goto("/admin")
    wrong = desk.locator("#mails_undelivered")
    expect(wrong).to_contain_text("Notice")
    look(desk, "en-admin-overview")
    wrong.get_by_role("link").click()
    expect(desk.get_by_text("550 mailbox is full").first).to_be_visible()
    desk.locator(f"a[href='/admin/orders/{order['id']}']").first.click()
    expect(desk.locator(".timeline")).to_contain_text("550 mailbox is full")


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_page_is_readable_by_all(
    new_visitor: Callable[..., Visitor],
    admin: Person,
    buyer_of_two: Person,
    concert: dict[str, Any],
    order: dict[str, Any],
    language: str,
):
    visitor = new_visitor(locale={"id": "id-ID", "en": "en-GB"}[language])
    visitor.sign_in(admin)
    user_id = buyer_of_two.api.get("account")["id"]
    pages = {
        "overview": "/admin",
        "search": f"/admin/search?q={buyer_of_two.address}",
        "search-none": "/admin/search?q=tidakadasamasekali",
        "order": f"/admin/orders/{order['id']}",
        "payment": f"/admin/payments/{order['payments'][0]['id']}",
        "user": f"/admin/users/{user_id}",
        "organizer": f"/admin/users/{concert['organizer_id']}",
        "event": f"/admin/events/{concert['id']}",
        "webhooks": "/admin/webhooks?status=all",
        "webhooks-rejected": "/admin/webhooks/rejected",
        "mails": "/admin/deliveries?status=all",
    }
    for name, address in pages.items():
        visitor.page.goto(address)
        look(visitor.page, f"{language}-admin-{name}")
