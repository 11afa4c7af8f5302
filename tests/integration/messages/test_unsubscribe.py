"""DP-005, RFC 8058: mails about offers end with one click, without signing in; other mails know nothing of it."""

from html import escape
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity import marketing
from shared.identity.marketing import MailKind
from shared.messages import mails, unsubscribe_links
from shared.messages.rendering import render
from tests.endpoints import call, problem
from tests.integration.identity.steps import Member, a_member, column
from tests.mail_sending import send_mail
from tests.unit.gateways.scripted_server import ScriptedServer

pytestmark = pytest.mark.usefixtures("database")

PATH = "/account/unsubscribe"


def a_reader(*, language: str = "id") -> Member:
    """Somebody who wants mails about offers."""
    member = a_member()
    with transaction() as tx:
        change = "UPDATE users SET marketing_opt_in = true, language = :language WHERE id = :id"
        tx.execute(text(change), {"id": member.id, "language": language})
    return member


def context_of(member: Member) -> dict[str, str]:
    return unsubscribe_links.context(member.id, MailKind.OFFERS)


def open_link(method: str, token: str, **arguments: object) -> Response:
    return call(method, f"{PATH}?token={token}", **arguments)


def wants_offers(member: Member) -> bool:
    wanted: bool = column("marketing_opt_in", member.email)
    return wanted


def test_an_account_wants_none_unless_it_says_so():
    assert not wants_offers(a_member())


def test_the_link_asks_and_the_button_does_it():
    member = a_reader()
    link = urlsplit(context_of(member)["unsubscribe_url"])
    asked = call("GET", f"{PATH}?{link.query}")
    assert (asked.status_code, asked.content_type) == (200, "text/html; charset=utf-8")
    assert '<form method="post">' in asked.get_data(as_text=True)
    assert wants_offers(member), "a program that looks at every link has changed nothing"

    done = call("POST", f"{PATH}?{link.query}", data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    assert "Selesai" in done.get_data(as_text=True)
    assert not wants_offers(member)


def test_a_second_click_changes_nothing():
    member = a_reader()
    token = marketing.token(member.id)
    assert open_link("POST", token).status_code == 200
    changed_at = column("marketing_changed_at", member.email)
    assert open_link("POST", token).status_code == 200
    assert column("marketing_changed_at", member.email) == changed_at
    with transaction() as tx:
        noted = text("SELECT count(*) FROM audit_log WHERE action = 'user.unsubscribed' AND subject_id = :id")
        assert tx.execute(noted, {"id": str(member.id)}).scalar_one() == 1


def test_the_page_speaks_the_readers_language():
    page = open_link("GET", marketing.token(a_reader(language="en").id)).get_data(as_text=True)
    assert '<html lang="en">' in page
    assert "Unsubscribe" in page


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_we_did_not_make_does_nothing(method: str):
    member, other = a_reader(), a_reader()
    good = marketing.token(member.id)
    for token in (other.id.hex + good[32:], uuid4().hex * 2):
        assert problem(open_link(method, token)) == (404, "link-invalid"), token
    for token in (good[:-1], good + "0", good.upper(), member.id.hex, "%C3%A9", ""):
        assert problem(open_link(method, token)) == (422, "invalid"), token
    assert wants_offers(member)
    assert wants_offers(other)


def test_a_deleted_account_has_no_link():
    member = a_reader()
    token = marketing.token(member.id)
    with transaction() as tx:
        tx.execute(text("UPDATE users SET is_deleted = true WHERE id = :id"), {"id": member.id})
    assert problem(open_link("POST", token)) == (404, "link-invalid")


@pytest.mark.parametrize(("language", "words"), [("id", "Berhenti menerima"), ("en", "Unsubscribe")])
def test_a_mail_that_can_be_ended_says_how_in_its_footer_and_its_headers(language: str, words: str):
    context = context_of(a_reader())
    url = context["unsubscribe_url"]
    mail = render("already_registered", language, {"full_name": "Siti", **context})
    assert f"{words}" in mail.text
    assert url in mail.text
    assert f'<a href="{escape(url)}"' in mail.html
    assert unsubscribe_links.headers(url) == {
        "List-Unsubscribe": f"<{url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_a_mail_about_ones_account_can_not_be_ended(sendgrid: ScriptedServer):
    member, key = a_reader(), str(uuid4())
    with transaction() as tx:
        mails.enqueue(tx, "already_registered", dedupe_key=key, to=member.email, context={"full_name": "Siti"})
        email_id = tx.execute(text("SELECT id FROM emails WHERE once_key = :key"), {"key": key}).scalar_one()
    send_mail(email_id)
    [request] = sendgrid.asked
    assert "headers" not in request.body
    assert "unsubscribe" not in str(request.body).lower()
