"""Two-step verification in a browser, with pyotp as the phone: set up, signed in with, lost (MFA-1)."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.authenticator import Authenticator
from tests.browser.looking import look
from tests.browser.test_admin_tasks import change
from tests.browser.visitors import Visitor
from tests.people import PASSWORD, Person, World
from tests.stack import Stack


def set_up(visitor: Visitor) -> tuple[Authenticator, list[str]]:
    """Set it up from the account's page; the app, and the recovery codes."""
    page = visitor.page
    page.goto("/account")
    visitor.follow(page.locator("a[href='/account/second-factor']"))
    look(page, "id-second-factor-off")
    visitor.follow(page.locator("main a.button"))
    app = Authenticator(page.locator("[data-copy]").get_attribute("data-copy") or "")
    look(page, "id-second-factor-new")
    page.fill("#code", app.code())
    visitor.follow(page.locator("form[action='/account/second-factor'] button"))
    expect(page.locator(".codes code")).to_have_count(10)
    look(page, "id-recovery-codes")
    recovery_codes = page.locator(".codes code").all_inner_texts()
    visitor.follow(page.locator("main a.button"))
    look(page, "id-second-factor-on")
    return app, recovery_codes


def sign_out(visitor: Visitor) -> None:
    visitor.page.goto("/account")
    visitor.follow(visitor.page.locator("form[action='/logout'] button"))


def first_step(visitor: Visitor, person: Person) -> None:
    """Sign in by the password, until the second step is asked for."""
    page = visitor.page
    page.goto("/login?next=/organizer")
    by_password = page.locator("form[action='/login']")
    if not by_password.is_visible():
        page.locator("summary", has_text="kata sandi").click()
    by_password.locator("[name=email]").fill(person.address)
    by_password.locator("[name=password]").fill(PASSWORD)
    visitor.follow(by_password.locator("button"))
    expect(page.locator("h1")).to_have_text("Verifikasi dua langkah")


def has_arrived(page: Page) -> None:
    expect(page).to_have_url(re.compile("/organizer"))


def test_an_organizer_signs_in_with_the_phone_and_after_losing_it_with_a_recovery_code(world: World, visitor: Visitor):
    organizer, page = world.somebody("organizer"), visitor.page
    visitor.sign_in(organizer)
    app, recovery_codes = set_up(visitor)

    sign_out(visitor)
    first_step(visitor, organizer)
    page.fill("#code", "000000")
    visitor.follow(page.locator("form:has(#code) button"))
    expect(page.locator("[role=alert]")).to_contain_text("Kode salah atau sudah dipakai")
    page.fill("#code", app.code())
    visitor.follow(page.locator("form:has(#code) button"))
    has_arrived(page)

    sign_out(visitor)
    first_step(visitor, organizer)
    page.locator("summary", has_text="Ponsel tidak ada?").click()
    look(page, "id-second-step")
    page.fill("#recovery_code", recovery_codes[0])
    visitor.follow(page.locator("form:has(#recovery_code) button"))
    has_arrived(page)
    page.goto("/account/second-factor")
    expect(page.locator("main")).to_contain_text("Tersisa 9 kode pemulihan")


def test_recovery_codes_are_copied_and_printed_by_a_script(world: World, new_visitor: Callable[..., Visitor]):
    visitor = new_visitor(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.page
    page.add_init_script("window.print = () => { document.title = 'printed'; };")
    visitor.sign_in(world.somebody("organizer"))
    page.goto("/account/second-factor/new")
    app = Authenticator(page.locator("[data-copy]").get_attribute("data-copy") or "")
    page.fill("#code", app.code())
    visitor.follow(page.locator("form[action='/account/second-factor'] button"))
    page.locator("main [data-copy]").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.split() == page.locator(".codes code").all_inner_texts()
    page.locator("[data-print]").click()
    expect(page).to_have_title("printed")


def test_an_admins_decision_waits_for_both_steps_and_happens_once(
    world: World, stack: Stack, new_visitor: Callable[..., Visitor]
):
    """After fifteen minutes; the stack's window is a day."""
    admin, buyer, visitor = world.somebody("admin"), world.somebody(), new_visitor()
    visitor.sign_in(admin)
    page = visitor.page
    app, _ = set_up(visitor)
    order = buyer.buy(world.publish())
    refund = buyer.api.post("refunds/request", {"order_id": order["id"], "reason": "Saya sakit"}, status=201)
    page.goto(f"/admin/refunds/{refund['id']}/approve")
    long_ago = """
        UPDATE refresh_tokens SET proven_at = proven_at - interval '3 days'
        WHERE user_id = (SELECT id FROM users WHERE email = :email)
    """
    change(stack, long_ago, email=admin.address)
    page.context.clear_cookies(name="access")
    visitor.follow(page.locator("form.panel button"))
    look(page, "id-step-up")
    page.fill("#confirm_password", PASSWORD)
    page.fill("#confirm_second_factor", "000000")
    visitor.follow(page.locator("form.panel button.block"))
    expect(page.locator("[role=alert]")).to_contain_text("Kode salah atau sudah dipakai")
    assert buyer.api.get(f"refunds/{refund['id']}")["status"] == "requested"
    page.fill("#confirm_password", PASSWORD)
    page.fill("#confirm_second_factor", app.code())
    visitor.follow(page.locator("form.panel button.block"))
    expect(page.locator(".alert.good")).to_contain_text("Selesai")
    assert buyer.api.get(f"refunds/{refund['id']}")["status"] in ("approved", "processing", "completed")
    with stack.database() as database, database.connect() as connection:
        approved = text("SELECT count(*) FROM audit_log WHERE action = 'refund.approved' AND subject_id = :id")
        assert connection.execute(approved, {"id": refund["id"]}).scalar_one() == 1
