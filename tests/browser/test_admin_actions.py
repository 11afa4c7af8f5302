"""Admins act at the desk: two for a cancellation, repairs, roles, codes, mails; statistics and the books."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import DESK, look
from tests.browser.test_admin_tasks import change
from tests.browser.visitors import Visitor
from tests.people import PASSWORD, Person, World
from tests.stack import Stack
from tests.waiting import until

PRICE, FEE = 150_000, 10_000


@pytest.fixture
def admin(world: World) -> Person:
    """An admin who has just signed in."""
    return world.somebody("admin")


def at_desk(new_visitor: Callable[..., Visitor], person: Person, **options: Any) -> Page:
    visitor = new_visitor(**{"locale": "en-GB", **options})
    visitor.sign_in(person)
    return visitor.page


@pytest.fixture
def desk(new_visitor: Callable[..., Visitor], admin: Person) -> Page:
    """The admin at a phone, in English."""
    return at_desk(new_visitor, admin)


def confirm(page: Page, **typed: str) -> None:
    """Fill in what the confirmation asks for, and press its button."""
    for name, value in typed.items():
        page.locator(f"[name={name}]").fill(value)
    page.locator("form.panel button").click()


def is_done(page: Page) -> None:
    expect(page.locator(".alert.good")).to_contain_text(re.compile("Done|Selesai"))


def test_two_admins_cancel_an_event(new_visitor: Callable[..., Visitor], world: World, admin: Person, desk: Page):
    organizer, buyer = world.somebody("organizer"), world.somebody()
    event = organizer.publish()
    order = buyer.buy(event, [2])
    desk.goto(f"/admin/events/{event['id']}/cancel")
    refunds = f"Rp\u00a0{2 * (PRICE + FEE):,}"
    expect(desk.locator("main")).to_contain_text(
        f"{refunds} go back to the buyers, fees included. Paid orders: 1, tickets that end: 2."
    )
    look(desk, "en-admin-request-cancellation")
    confirm(desk, reason="The permit was withdrawn")
    is_done(desk)
    row = desk.locator("li", has_text="The permit was withdrawn")
    expect(row.get_by_role("link", name="Approve")).to_have_count(0)  # not by who requested it
    approve = row.get_by_role("link", name="Take it back").get_attribute("href")
    assert approve
    desk.goto(approve.replace("decline", "approve"))
    expect(desk.get_by_text("You have requested this yourself.")).to_be_visible()
    look(desk, "en-admin-own-request")
    assert organizer.api.get(f"events/{event['id']}")["status"] == "published"

    second = at_desk(new_visitor, world.somebody("admin"), viewport=DESK)
    second.goto("/admin/approvals")
    look(second, "en-admin-approvals")
    waiting = second.locator("li", has_text="The permit was withdrawn")
    expect(waiting).to_contain_text(f"Cancel an event: {event['title']}")
    waiting.get_by_role("link", name="Approve").click()
    expect(second.locator("main")).to_contain_text(refunds)
    look(second, "en-admin-approve-cancellation")
    confirm(second)
    is_done(second)
    buyer.until_order(order, "refunded")
    assert organizer.api.get(f"events/{event['id']}")["status"] == "cancelled"
    second.go_back()
    second.reload()
    expect(second.get_by_text("A colleague was quicker: this is decided already.")).to_be_visible()


def test_what_was_sold_in_between_is_shown_before_it_is_requested(desk: Page, world: World):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    desk.goto(f"/admin/events/{event['id']}/cancel")
    expect(desk.locator("main")).to_contain_text("Rp\u00a00 go back")
    world.somebody().buy(event)
    confirm(desk, reason="The permit was withdrawn")
    expect(desk.get_by_text("Look once more")).to_be_visible()
    expect(desk.locator("main")).to_contain_text(f"Rp\u00a0{PRICE + FEE:,} go back")
    expect(desk.locator("#reason")).to_have_value("The permit was withdrawn")
    confirm(desk)
    is_done(desk)


def test_a_colleague_who_was_quicker_is_told_of(new_visitor: Callable[..., Visitor], world: World, desk: Page):
    buyer = world.somebody()
    order = buyer.buy(world.publish())
    refund = buyer.api.post("refunds/request", {"order_id": order["id"], "reason": "Saya sakit"}, status=201)
    colleague = at_desk(new_visitor, world.somebody("admin"))
    for page in (desk, colleague):
        page.goto(f"/admin/refunds/{refund['id']}")
        page.get_by_role("link", name="Approve").click()
    confirm(colleague)
    is_done(colleague)
    confirm(desk)
    expect(desk.get_by_role("heading", name="Nothing has happened now")).to_be_visible()
    expect(desk.get_by_text("This refund was decided already.")).to_be_visible()
    look(desk, "en-admin-quicker")


def test_money_waits_for_a_proof_and_what_was_typed_is_kept(desk: Page, world: World, stack: Stack, admin: Person):
    buyer = world.somebody()
    order = buyer.buy(world.publish())
    refund = buyer.api.post("refunds/request", {"order_id": order["id"], "reason": "Saya sakit"}, status=201)
    desk.goto(f"/admin/refunds/{refund['id']}/reject")
    desk.fill("#reason", "The ticket was used by a friend")
    long_ago = """
        UPDATE refresh_tokens SET proven_at = proven_at - interval '3 days'
        WHERE user_id = (SELECT id FROM users WHERE email = :email)
    """
    change(stack, long_ago, email=admin.address)
    desk.context.clear_cookies(name="access")
    confirm(desk)
    expect(desk.get_by_role("heading", name="Is it you?")).to_be_visible()
    desk.get_by_label("Password").fill(PASSWORD)
    desk.get_by_role("button", name="Go on").click()
    is_done(desk)
    declined = buyer.api.get(f"refunds/{refund['id']}")
    assert (declined["status"], declined["rejection_reason"]) == ("rejected", "The ticket was used by a friend")


def test_a_run_of_reconcile_is_requested_and_seen_to_its_end(desk: Page):
    desk.goto("/admin/reconcile")
    desk.get_by_role("button", name="Run thoroughly").click()
    row = desk.locator("#list li", has_text="thorough").first
    expect(row).to_contain_text("Done")
    expect(desk.locator("#requested p")).to_have_count(0)
    row.get_by_role("link").click()
    expect(desk.get_by_role("heading", name="A run of reconcile")).to_be_visible()
    look(desk, "en-admin-reconcile-run")


def test_the_buttons_work_without_script(new_visitor: Callable[..., Visitor], admin: Person):
    page = at_desk(new_visitor, admin, java_script_enabled=False)
    page.goto("/admin/reconcile")
    page.get_by_role("button", name="Run now").click()
    expect(page.locator("#list li")).not_to_have_count(0)  # the page loads itself again
    expect(page.locator("#requested p")).to_have_count(0)


def test_a_role_is_changed(desk: Page, world: World, stack: Stack):
    person = world.somebody()
    user_id = person.api.get("account")["id"]
    desk.goto(f"/admin/users/{user_id}")
    desk.get_by_role("link", name="Change the role").click()
    desk.get_by_label("Organizer").check()
    look(desk, "en-admin-role")
    confirm(desk)
    is_done(desk)
    assert change(stack, "SELECT role FROM users WHERE id = :id", id=user_id) == "organizer"


def test_the_platforms_code_is_made_and_switched_off(desk: Page):
    desk.goto("/admin/promos")
    desk.fill("#code", "HEMATBERSAMA")
    desk.fill("#value", "20")
    desk.fill("#max_uses", "500")
    look(desk, "en-admin-promos-new")
    desk.get_by_role("button", name="Make the code").click()
    is_done(desk)
    row = desk.locator("li", has_text="HEMATBERSAMA")
    expect(row).to_contain_text("of Rp\u00a025,000,000")
    row.get_by_role("link", name="Switch off").click()
    look(desk, "en-admin-promo-off")
    confirm(desk)
    expect(row).to_contain_text("Off")


def test_an_address_gets_its_mails_again(desk: Page, world: World):
    buyer = world.somebody()
    buyer.buy(world.publish())
    mail = world.mail(buyer.address, "e_ticket")
    world.mail_event(mail["message_id"], "bounce")
    masked = f"{buyer.address[0]}***@example.com"

    def is_listed() -> bool:
        desk.goto("/admin/suppressions")
        return desk.locator("li", has_text=masked).count() > 0

    until(is_listed, what="for the address to be listed")
    look(desk, "en-admin-suppressions")
    desk.fill("#email", buyer.address)
    desk.get_by_role("button", name="Lift it").click()
    is_done(desk)


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_lists_statistics_and_books(
    new_visitor: Callable[..., Visitor], world: World, admin: Person, language: str
):
    world.somebody().buy(world.publish())
    buyer = world.somebody()
    free = buyer.reserve(world.publish({"name": "Komunitas", "price": 0, "quota": 5}))
    buyer.api.post(f"orders/{free['id']}/checkout", {"payment_method": "ANY"}, status=200)
    page = at_desk(new_visitor, admin, locale={"id": "id-ID", "en": "en-GB"}[language])
    for name in ("tasks", "reviews", "refunds", "payouts", "dead-letters", "mails", "approvals", "promos", "reconcile"):
        page.goto(f"/admin/{name}")
        look(page, f"{language}-admin-list-{name}")
    page.goto("/admin/statistics")
    expect(page.locator(".tiles")).to_contain_text("Rp")
    expect(page.locator("main")).not_to_contain_text("None")  # no gateway moves a free order's money
    look(page, f"{language}-admin-statistics")
    page.locator(".chips a").first.click()
    expect(page.locator(".chips a").first).to_have_attribute("aria-current", "true")
    page.goto("/admin/books")
    expect(page.locator(".with-icon.good")).to_be_visible()
    look(page, f"{language}-admin-books")
    with page.expect_download() as downloading:
        page.locator("a[download]").last.click()
    assert downloading.value.suggested_filename.endswith(".csv")
