"""Who forgot the password chooses a new one on the pages, with the code from the mail (UM-006)."""

import re

from playwright.sync_api import expect

from tests.browser.looking import look
from tests.browser.visitors import Visitor
from tests.people import World
from tests.waiting import until

NEW = "Sandi-b4"
"""As short and as mixed as the page says that a password may be."""
_CODE = re.compile(r"^\s+([0-9A-Z]{10})$", re.MULTILINE)


def mailed_code(world: World, address: str) -> str:
    """The code for a new password, once its mail has come: unlike the others it has letters, too."""
    found = until(
        lambda: [mail for mail in world.mails(address) if mail["template"] == "reset_password"],
        what="for the mailed code",
    )
    [code] = _CODE.findall(found[0]["text"])
    return str(code)


def test_a_new_password_is_chosen_and_signs_in(world: World, visitor: Visitor):
    page, person = visitor.page, world.somebody()
    page.goto("/login")
    visitor.tap(page.locator("summary", has_text="Dengan kata sandi"))
    visitor.follow(page.get_by_role("link", name="Lupa kata sandi?"))
    page.fill("#email", person.address)
    visitor.follow(page.get_by_role("button", name="Kirim kode"))
    expect(page.get_by_role("button", name="minta kode baru")).to_be_visible()
    expect(page.get_by_role("link", name="Alamat lain")).to_be_visible()
    look(page, "reset-password-code")
    code = mailed_code(world, person.address)
    page.fill("#code", f"{code[:5].lower()} {code[5:].lower()}")
    expect(page.locator("#password-hint")).to_have_text(
        "Paling sedikit 8 karakter, dengan huruf besar, huruf kecil, angka, dan simbol."
    )
    page.fill("#password", "sebuah kalimat")
    visitor.follow(page.get_by_role("button", name="Pasang kata sandi ini"))
    expect(page.locator("#password-error")).to_be_visible()
    expect(page.locator("#code")).to_have_value(f"{code[:5].lower()} {code[5:].lower()}")
    page.fill("#password", NEW)
    visitor.follow(page.get_by_role("button", name="Pasang kata sandi ini"))
    expect(page.get_by_role("status")).to_contain_text("Kata sandi baru Anda sudah dipasang")
    page.fill("#login-email", person.address)
    page.fill("#password", NEW)
    visitor.follow(page.locator("form[action='/login'] button"))
    expect(page).to_have_url(re.compile("/orders$"))
