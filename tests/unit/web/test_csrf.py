"""Cookies are believed only where the browser, or a token in the form, shows that our own page asked (SEC-010)."""

from uuid import uuid4

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from shared.cloud.settings import settings
from shared.identity.tokens import access_token
from shared.web import csrf
from tests.unit.web.apps import call, echo_function

ECHO = "/api/v1/echo/hello"
OUR_HOST = {"Host": "shop.example"}
SESSION = uuid4()


@pytest.fixture(autouse=True)
def shop(given) -> None:
    given(public_url="https://karcis.example")


def token(session_id=SESSION) -> str:
    return access_token(uuid4(), "customer", None, session_id)


def cookie(value: str | None = None) -> dict[str, str]:
    return {"Cookie": f"__Host-access={value or token()}"}


def write(**headers: str):
    return call(echo_function(), "PUT", ECHO, json={"words": "hi"}, headers={**OUR_HOST, **headers})


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["type"].rsplit("/", 1)[1]


@pytest.mark.parametrize(
    "said",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},  # the page's policy is no-referrer
        {"Origin": "https://shop.example"},  # the host it calls
        {"Origin": "https://karcis.example"},  # our public address
        {"X-CSRF-Token": "<the session's>"},
        {"X-CSRF-Token": "<the session's>", "Origin": "null"},
    ],
)
def test_our_own_pages_may_write_with_a_cookie(said):
    said = {name: csrf.token(SESSION) if name == "X-CSRF-Token" else value for name, value in said.items()}
    assert write(**cookie(), **said).status_code == 200


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},  # another subdomain may be somebody else's
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://shop.example"},
        {"Sec-Fetch-Site": "same-site", "X-CSRF-Token": "<the session's>"},  # what the browser says counts
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "X-CSRF-Token": "<the session's>"},
        {"Origin": "http://shop.example"},  # anybody on the way may have written that page
        {"Origin": "https://shop.example.evil.example"},
        {"Origin": "https://listed.example"},  # may read public answers, not act for people
        {"Origin": "null"},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "kosong"},
        {"X-CSRF-Token": "<another session's>"},
    ],
)
def test_anybody_else_may_not(given, said):
    given(cors_allowed_origins="https://listed.example")
    tokens = {"<the session's>": csrf.token(SESSION), "<another session's>": csrf.token(uuid4())}
    said = {name: tokens.get(value, value) for name, value in said.items()}
    assert refusal(write(**cookie(), **said)) == (403, "csrf")


def test_reading_needs_no_proof():
    with_cookie = {**OUR_HOST, **cookie(), "Sec-Fetch-Site": "cross-site"}  # a link from a friend's mail
    assert call(echo_function(), "GET", ECHO, headers=with_cookie).status_code == 200


def test_a_bearer_token_is_no_browsers_doing():
    assert write(Authorization=f"Bearer {token()}", **{"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_the_authorization_header_comes_first():
    own_page = {"Sec-Fetch-Site": "same-origin"}
    assert refusal(write(Authorization="Bearer forged", **cookie(), **own_page)) == (401, "not-signed-in")


def test_a_cookie_that_is_too_old_names_nobody(given):
    given(access_token_seconds="-1")
    assert refusal(write(**cookie(token()), **{"Sec-Fetch-Site": "same-origin"})) == (401, "not-signed-in")


def test_only_the_cookie_of_our_very_host_counts(given):
    unprefixed = {"Cookie": f"access={token()}", "Sec-Fetch-Site": "same-origin"}
    assert refusal(write(**unprefixed)) == (401, "not-signed-in")
    given(secure_cookies="off")
    assert write(**unprefixed).status_code == 200


def test_a_form_carries_the_token_as_a_field():
    builder = EnvironBuilder(
        method="POST", data={"csrf_token": csrf.token(SESSION), "words": "hi"}, headers={**OUR_HOST, **cookie()}
    )
    request = Request(builder.get_environ())
    csrf.check(request)
    assert request.form["words"] == "hi"  # and the form is still there to read


def test_a_form_of_another_session_is_refused():
    builder = EnvironBuilder(method="POST", data={"csrf_token": csrf.token(uuid4())}, headers={**OUR_HOST, **cookie()})
    with pytest.raises(csrf.CsrfRefused):
        csrf.check(Request(builder.get_environ()))


def test_on_a_laptop_plain_http_is_our_origin(given):
    given(secure_cookies="off")
    said = {"Cookie": f"access={token()}", "Host": "127.0.0.1:8080", "Origin": "http://127.0.0.1:8080"}
    assert settings().public_url != said["Origin"]
    assert write(**said).status_code == 200
