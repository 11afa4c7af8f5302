"""A person's own account on its pages, and where they start (UM-009)."""

from uuid import uuid4

from tests.functions.browsing import Browser
from tests.people import PASSWORD, World
from tests.waiting import until


def test_an_account_without_a_password_is_deleted_by_a_mailed_code(world: World):
    browser = Browser(world)
    address = f"{uuid4().hex[:12]}@example.com"
    browser.sign_in_by_code(address)
    assert 'name="password"' not in browser.get("/account/delete").text
    sent = browser.send("/account/delete/code", {})
    assert (sent.status_code, sent.headers["Location"]) == (303, "/account/delete?mailed=yes")
    assert f"enam angka ke {address}" in browser.get("/account/delete?mailed=yes").text
    wrong = browser.send("/account/delete", {"code": "000000"})
    assert "Kode salah atau sudah kedaluwarsa" in wrong.text
    gone = browser.send("/account/delete", {"code": browser.code(address, "confirm_identity")})
    assert (gone.status_code, gone.headers["Location"]) == (303, "/id")
    assert not browser.is_signed_in


def test_an_account_with_a_password_is_deleted_by_it(world: World):
    browser, person = Browser(world), world.somebody()
    browser.sign_in(person)
    assert 'name="password"' in browser.get("/account/delete").text
    assert "Kata sandi salah" in browser.send("/account/delete", {"password": "Rahasia#9"}).text
    assert browser.send("/account/delete", {"password": "Rahasia-123!"}).status_code == 303
    assert not browser.is_signed_in


def test_who_gets_no_mails_is_told_in_the_account_and_takes_them_again(world: World):
    browser, person = Browser(world), world.somebody()
    person.buy(world.somebody("organizer").publish())
    browser.sign_in(person)
    assert "/account/mails" not in browser.get("/account").text
    world.mail_event(world.mail(person.address, "e_ticket")["message_id"], "spamreport")
    until(lambda: "ditandai sebagai spam" in browser.get("/account").text, what="for the report of spam")
    assert browser.send("/account/mails", {}).status_code == 303
    assert "/account/mails" not in browser.get("/account").text


def test_what_has_to_end_before_an_account_goes_is_told_in_words(world: World):
    browser, person = Browser(world), world.somebody()
    person.reserve(world.somebody("organizer").publish())
    browser.sign_in(person)
    refused = browser.send("/account/delete", {"password": "Rahasia-123!"})
    assert "Ada tiket yang Anda tahan tetapi belum dibayar" in refused.text
    assert browser.is_signed_in


def test_who_signs_in_starts_where_their_work_is(world: World):
    organizer = world.somebody("organizer")
    starts = {
        "/orders": world.somebody(),
        "/organizer": organizer,
        "/gate": organizer.invite(organizer.publish()),
        "/admin": world.somebody("admin"),
    }
    for start, person in starts.items():
        browser = Browser(world)
        signed_in = browser.send("/login", {"email": person.address, "password": PASSWORD})
        assert browser.get(signed_in.headers["Location"]).url == world.url + start


def test_who_wanted_something_else_goes_on_there_after_signing_in(world: World):
    browser, admin = Browser(world), world.somebody("admin")
    signed_in = browser.send("/login", {"email": admin.address, "password": PASSWORD, "next": "/account"})
    assert signed_in.headers["Location"] == "/account"
