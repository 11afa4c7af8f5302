"""Two-step verification on the pages, without scripts (MFA-1)."""

import re
from dataclasses import dataclass
from html import unescape

import pytest
import requests
from sqlalchemy import text

from tests.authenticator import Authenticator
from tests.functions.browsing import Browser, hidden_fields
from tests.functions.test_google_pages import GoogleUser
from tests.people import PASSWORD, Person, World
from tests.stack import Stack

_SECRET = re.compile(r'data-copy="([A-Z2-7]{32})"')
_RECOVERY_CODE = re.compile(r"<code>(\w{5}-\w{5})</code>")
ACCOUNT = {"bank_code": "BCA", "account_number": "1234567890", "account_holder_name": "Siti Rahma"}


@dataclass
class Enrolled:
    """An organizer with a second factor, and the browser they set it up in."""

    person: Person
    browser: Browser
    app: Authenticator
    recovery_codes: list[str]


@pytest.fixture
def organizer(world: World) -> Enrolled:
    person, browser = world.somebody("organizer"), Browser(world)
    browser.sign_in(person)
    return enrol(person, browser)


def enrol(person: Person, browser: Browser) -> Enrolled:
    """Set up a second factor on its page."""
    page = browser.get("/account/second-factor/new")
    [secret] = _SECRET.findall(page.text)
    app = Authenticator(secret)
    shown = browser.send("/account/second-factor", hidden_fields(page) | {"code": app.code()})
    assert shown.status_code == 200
    return Enrolled(person, browser, app, _RECOVERY_CODE.findall(shown.text))


def first_step(browser: Browser, person: Person, target: str = "/refunds") -> requests.Response:
    """Sign in by the password; the page that asks for the second step."""
    page = browser.send("/login", {"email": person.address, "password": PASSWORD, "next": target})
    assert "Verifikasi dua langkah" in page.text
    assert not browser.is_signed_in
    return page


def second_step(browser: Browser, page: requests.Response, code: str) -> requests.Response:
    return browser.send("/login/second-factor", hidden_fields(page) | {"code": code})


def test_an_organizer_sets_it_up_and_signs_in_with_it(world: World, organizer: Enrolled):
    assert len(organizer.recovery_codes) == 10
    again = Browser(world)
    page = first_step(again, organizer.person)
    wrong = second_step(again, page, "000000")
    assert "Kode salah atau sudah dipakai" in wrong.text
    signed_in = second_step(again, wrong, organizer.app.code())
    assert (signed_in.status_code, signed_in.headers["Location"]) == (303, "/refunds")
    assert again.is_signed_in
    world.mail(organizer.person.address, "second_factor")


def test_the_recovery_codes_are_shown_once(organizer: Enrolled):
    assert not _RECOVERY_CODE.findall(organizer.browser.get("/account/second-factor").text)


def test_a_lost_phone_is_replaced_by_a_recovery_code(world: World, organizer: Enrolled):
    browser = Browser(world)
    page = first_step(browser, organizer.person)
    assert second_step(browser, page, organizer.recovery_codes[0].lower()).status_code == 303
    assert "Tersisa 9 kode pemulihan" in browser.get("/account/second-factor").text


def test_a_wrong_recovery_code_is_typed_again_where_it_was(world: World, organizer: Enrolled):
    page = first_step(Browser(world), organizer.person)
    assert "<details>" in page.text
    assert "<details open>" not in second_step(Browser(world), page, "000 000").text
    wrong = second_step(Browser(world), page, "AAAAA-AAAAA").text
    assert "Kode salah atau sudah dipakai" in wrong
    opened = wrong[wrong.index("<details open>") :]
    assert re.search(r'id="recovery_code"[^>]* autofocus', opened)
    assert wrong.count("autofocus") == 1


def test_who_begins_again_still_goes_where_they_wanted(world: World, organizer: Enrolled):
    page = first_step(Browser(world), organizer.person)
    assert 'href="/login?next=%2Frefunds">Mulai lagi' in page.text
    asked = Browser(world).send("/login/code", {"email": "x@example.com", "accept_terms": "true", "next": "/refunds"})
    assert 'href="/login?next=%2Frefunds">Alamat lain' in asked.text


def test_who_lost_all_asks_for_the_removal_after_a_mailed_code(world: World, organizer: Enrolled):
    browser, address = Browser(world), organizer.person.address
    refused = browser.send("/login/second-factor/reset", hidden_fields(first_step(browser, organizer.person)))
    assert "Tunjukkan dulu bahwa kotak surat itu milik Anda" in refused.text
    browser.send("/login/code", {"email": address, "accept_terms": "true"})
    page = browser.send("/login/verify", {"email": address, "code": browser.code(address, "sign_in")})
    asked = browser.send("/login/second-factor/reset", hidden_fields(page))
    assert "Verifikasi dua langkah dihapus pada" in asked.text


def test_a_buyer_with_it_keeps_the_choice(world: World, organizer: Enrolled):
    event = world.somebody("organizer").publish()
    chosen = {f"t_{event['tiers'][0]['id']}": "2"}
    browser, address = Browser(world), organizer.person.address
    browser.send(f"/buy/{event['slug']}/code", {**chosen, "email": address, "accept_terms": "true"})
    given = {**chosen, "email": address, "code": browser.code(address, "sign_in")}
    page = browser.send(f"/buy/{event['slug']}/sign-in", given)
    signed_in = second_step(browser, page, organizer.app.code())
    assert signed_in.status_code == 303
    assert "Tahan tiket dan bayar" in browser.get(unescape(signed_in.headers["Location"])).text


def test_google_asks_for_it_too(world: World, organizer: Enrolled):
    browser = GoogleUser(world)
    browser.address = organizer.person.address
    page = browser.come_back(browser.answer_of_google("/login/google?next=/refunds"))
    assert "Verifikasi dua langkah" in page.text
    assert not browser.is_signed_in
    assert second_step(browser, page, organizer.app.code()).headers["Location"] == "/refunds"


def let_proof_be_old(stack: Stack, person: Person, browser: Browser) -> None:
    """Let it be days ago that somebody proved who they are in this browser."""
    with stack.database() as database, database.begin() as tx:
        tx.execute(
            text("""
                UPDATE refresh_tokens SET proven_at = proven_at - interval '3 days'
                WHERE user_id = (SELECT id FROM users WHERE email = :email)
            """),
            {"email": person.address},
        )
    del browser.session.cookies["access"]


def test_a_form_waits_for_the_proof_and_is_sent_again(world: World, stack: Stack, organizer: Enrolled):
    browser = organizer.browser
    let_proof_be_old(stack, organizer.person, browser)
    asked = browser.send("/account/bank-account", ACCOUNT)
    assert "Benarkah ini Anda?" in asked.text
    held = hidden_fields(asked)
    assert ACCOUNT.items() <= held.items()
    proof = {"confirm_password": PASSWORD, "confirm_second_factor": organizer.app.code()}
    wrong = browser.send("/account/confirm", held | proof | {"confirm_password": "Rahasia#9"})
    assert "Kata sandi salah" in wrong.text
    assert ACCOUNT.items() <= hidden_fields(wrong).items(), "nothing that was typed is lost"
    proved = browser.send("/account/confirm", held | proof)
    assert (proved.status_code, proved.headers["Location"]) == (307, "/account/bank-account")
    saved = browser.send(proved.headers["Location"], held | proof)
    assert saved.headers["Location"] == "/account/bank-account?saved=yes"
    assert "******7890" in browser.get("/account/bank-account").text


def test_a_form_waits_for_a_mailed_code_too(world: World, stack: Stack, organizer: Enrolled):
    browser = organizer.browser
    let_proof_be_old(stack, organizer.person, browser)
    asked = browser.send("/account/bank-account", ACCOUNT)
    mailed = browser.send("/account/confirm/code", hidden_fields(asked))
    held = hidden_fields(mailed)
    assert ACCOUNT.items() <= held.items()
    code = browser.code(organizer.person.address, "confirm_identity")
    proof = {"confirm_code": code, "confirm_second_factor": organizer.app.code()}
    assert browser.send("/account/confirm", held | proof).status_code == 307


def test_another_sites_form_is_not_held(world: World, stack: Stack, organizer: Enrolled):
    browser = organizer.browser
    let_proof_be_old(stack, organizer.person, browser)
    refused = browser.send("/account/bank-account", ACCOUNT, Origin="https://evil.example")
    assert refused.status_code == 403
    assert "confirm_target" not in refused.text


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_a_form_is_sent_again_to_us_only(organizer: Enrolled, target: str):
    given = {"confirm_target": target, "confirm_password": PASSWORD, "confirm_second_factor": organizer.app.code()}
    answer = organizer.browser.send("/account/confirm", given)
    assert answer.headers.get("Location") == "/account"


def test_a_page_that_needs_a_proof_is_shown_after_it(stack: Stack, organizer: Enrolled):
    browser = organizer.browser
    let_proof_be_old(stack, organizer.person, browser)
    asked = browser.get("/account/second-factor/new")
    assert "Benarkah ini Anda?" in asked.text
    [typed] = re.findall(r'<input id="second_factor"[^>]*>', asked.text)
    assert "inputmode" not in typed  # phones would offer no letters for a recovery code
    proof = {"password": PASSWORD, "second_factor": organizer.recovery_codes[0]}
    proved = browser.send("/account/confirm", hidden_fields(asked) | proof)
    assert (proved.status_code, proved.headers["Location"]) == (303, "/account/second-factor/new")


def test_it_is_switched_off_in_the_account(world: World, organizer: Enrolled):
    done = organizer.browser.send("/account/second-factor/off", {})
    assert done.headers["Location"] == "/account/second-factor?off=yes"
    Browser(world).sign_in(organizer.person)


def test_a_buyer_is_not_offered_it(world: World):
    browser = Browser(world)
    browser.sign_in(world.somebody())
    assert "/account/second-factor" not in browser.get("/account").text
