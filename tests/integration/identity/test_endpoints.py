"""The auth endpoints as callers meet them: addresses, status codes, field names, mails (docs/reference/api.md)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud import clients
from shared.cloud.database import transaction
from tests.doubles import Published
from tests.endpoints import call, problem
from tests.integration.identity.steps import NEW_PASSWORD, PASSWORD, a_member, an_address

pytestmark = pytest.mark.usefixtures("database")

TOKENS = {"access_token", "refresh_token", "token_type", "expires_in"}


def post(path: str, **body: Any) -> Response:
    """Call the endpoint."""
    return call("POST", path, json=body)


def asked_mails(to: str) -> list[tuple[str, dict[str, Any]]]:
    """Template and context of the mails asked for, oldest first."""
    with transaction() as tx:
        rows = tx.execute(
            text("SELECT template, context FROM emails WHERE to_address = :to ORDER BY created_at"), {"to": to}
        )
        return [(row.template, row.context) for row in rows]


def test_from_registration_to_signing_out(published: Published):
    email = an_address()
    registered = post("/auth/register", email=email, password=PASSWORD, full_name="Siti", accept_terms=True)
    assert registered.status_code == 201
    assert set(registered.get_json()) >= {"id", "email", "full_name", "role", "is_email_verified"}
    [(template, context)] = asked_mails(email)
    assert template == "verify_email"
    assert len(published.of("email.requested")) == 1
    assert problem(post("/auth/login", email=email, password=PASSWORD)) == (403, "email-not-verified")

    verified = post("/auth/verify", email=email, code=context["code"])
    assert (verified.status_code, set(verified.get_json())) == (200, TOKENS)
    signed_in = post("/auth/login", email=email, password=PASSWORD)
    assert (signed_in.status_code, set(signed_in.get_json())) == (200, TOKENS)
    refreshed = post("/auth/refresh-token", refresh_token=signed_in.get_json()["refresh_token"])
    assert (refreshed.status_code, set(refreshed.get_json())) == (200, TOKENS)
    last = refreshed.get_json()["refresh_token"]
    assert post("/auth/logout", refresh_token=last).status_code == 204
    assert problem(post("/auth/refresh-token", refresh_token=last)) == (401, "session-ended")


def test_a_forgotten_password():
    member = a_member()
    asked = post("/auth/forgot-password", email=member.email)
    unknown = post("/auth/forgot-password", email=an_address())
    assert asked.status_code == unknown.status_code == 202
    assert asked.get_json() == unknown.get_json()
    [(template, context)] = asked_mails(member.email)
    assert template == "reset_password"

    wrong = {"email": member.email, "password": NEW_PASSWORD}
    assert problem(post("/auth/reset-password", code="12345", **wrong)) == (422, "invalid")
    done = post("/auth/reset-password", email=member.email, code=context["code"], password=NEW_PASSWORD)
    assert (done.status_code, done.get_data()) == (204, b"")
    assert problem(post("/auth/login", email=member.email, password=PASSWORD)) == (401, "invalid-credentials")
    assert post("/auth/login", email=member.email, password=NEW_PASSWORD).status_code == 200


def test_a_taken_address_is_mailed_once_a_day():
    member = a_member()
    for _ in range(2):
        answer = post("/auth/register", email=member.email, password=PASSWORD, full_name="X", accept_terms=True)
        assert answer.status_code == 201
    assert [template for template, _ in asked_mails(member.email)] == ["already_registered"]


def test_a_wrong_code_is_a_422():
    assert problem(post("/auth/verify", email=an_address(), code="000000")) == (422, "code-invalid")


def test_a_weak_password_is_named_by_its_field():
    answer = post("/auth/register", email=an_address(), password="weak", full_name="Siti", accept_terms=True)
    assert problem(answer) == (422, "invalid")
    assert [error["field"] for error in answer.get_json()["errors"]] == ["password"]
    assert "weak" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("path", "milliseconds"),
    [("register", 800), ("forgot-password", 300), ("verify", 300), ("code", 300), ("code/verify", 300)],
)
def test_a_known_and_an_unknown_address_take_the_same_time(
    monkeypatch: pytest.MonkeyPatch, published: Published, path: str, milliseconds: int
):
    """The mail and its message to Pub/Sub are within it, and no transaction is."""
    paced: list[tuple[int, int, bool]] = []

    @contextmanager
    def at_least(asked: int) -> Iterator[None]:
        try:
            yield
        finally:
            paced.append((asked, clients.engine().pool.checkedout(), bool(published.messages)))

    monkeypatch.setattr("shared.web.app.pad_to", at_least)
    body = {
        "register": {"password": PASSWORD, "full_name": "S", "accept_terms": True},
        "verify": {"code": "000000"},
        "code": {"accept_terms": True},
        "code/verify": {"code": "00000000"},
    }
    for email in (a_member().email, an_address()):
        post(f"/auth/{path}", email=email, **body.get(path, {}))
    assert [(asked, open_) for asked, open_, _ in paced] == [(milliseconds, 0)] * 2
    assert paced[0][2] == ("verify" not in path)


def test_a_name_that_leads_somewhere_opens_no_account_and_mails_nobody():
    name = "Akun Anda dibekukan. Buka https://karcis-bantuan.example"
    email = an_address()
    answer = post("/auth/register", email=email, password=PASSWORD, full_name=name, accept_terms=True)
    assert problem(answer) == (422, "invalid")
    [error] = answer.get_json()["errors"]
    assert error["field"] == "full_name"
    assert "without links" in error["message"]
    assert asked_mails(email) == []
