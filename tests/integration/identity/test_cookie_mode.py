"""Cookie mode: a browser signs in, goes on and signs out without any script ever seeing a token (SEC-004, SEC-010)."""

from http.cookies import SimpleCookie
from typing import Any

import pytest
from flask import Response

from shared.cloud.settings import settings
from shared.identity.sessions import GRACE_SECONDS
from tests.endpoints import call, problem
from tests.integration.identity.steps import NEW_PASSWORD, PASSWORD, Member, a_member, age_sessions

pytestmark = pytest.mark.usefixtures("database")

OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}
ELSEWHERE = {"Sec-Fetch-Site": "cross-site"}
ASKED = {"X-Session": "cookie", **OUR_PAGE}


class Browser:
    """Keeps cookies as a browser does; `tab()` is another one that has the same now."""

    def __init__(self, cookies: dict[str, str] | None = None) -> None:
        self.cookies = dict(cookies or {})

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """Call with what it keeps, as a page of ours."""
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **OUR_PAGE, **headers}
        answer = call(method, path, headers=sent, **({} if body is None else {"json": body}))
        for name, (value, _) in set_cookies(answer).items():
            self.cookies[name] = value
            if not value:
                del self.cookies[name]
        return answer

    def tab(self) -> "Browser":
        return Browser(self.cookies)

    def sign_in(self, member: Member) -> Response:
        credentials = {"email": member.email, "password": PASSWORD}
        return self.call("POST", "/auth/login", credentials, **{"X-Session": "cookie"})

    def is_signed_in(self) -> bool:
        return self.call("GET", "/account").status_code == 200


def set_cookies(answer: Response) -> dict[str, tuple[str, dict[str, Any]]]:
    """The cookies of an answer: value and attributes."""
    found: SimpleCookie = SimpleCookie()
    for line in answer.headers.getlist("Set-Cookie"):
        found.load(line)
    return {name: (each.value, {key: value for key, value in each.items() if value}) for name, each in found.items()}


@pytest.fixture
def member() -> Member:
    return a_member()


@pytest.fixture
def browser(member: Member) -> Browser:
    """Signed in."""
    browser = Browser()
    assert browser.sign_in(member).status_code == 200
    return browser


def test_signing_in_sets_three_cookies_and_shows_no_token(member):
    answer = Browser().sign_in(member)
    assert set(answer.get_json()) == {"expires_in", "csrf_token"}
    found = set_cookies(answer)
    lives = {name: int(attributes["max-age"]) for name, (_, attributes) in found.items()}
    half_a_year = 180 * 86_400
    assert lives == {"__Host-access": 900, "__Host-refresh": 7 * 86_400, "__Host-device": half_a_year}
    for value, attributes in found.values():
        assert value not in answer.get_data(as_text=True)
        kept = {name: said for name, said in attributes.items() if name not in ("max-age", "expires")}
        assert kept == {"path": "/", "secure": True, "httponly": True, "samesite": "Lax"}


def test_on_a_laptop_the_cookies_are_plain(member, monkeypatch):
    monkeypatch.setenv("SECURE_COOKIES", "off")
    settings.cache_clear()
    try:
        found = set_cookies(Browser().sign_in(member))
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert set(found) == {"access", "refresh", "device"}
    assert not any("secure" in attributes for _, attributes in found.values())


def test_the_cookie_is_who_one_is(browser, member):
    answer = browser.call("GET", "/account")
    assert (answer.status_code, answer.get_json()["email"]) == (200, member.email)


def test_the_usual_way_sets_no_cookie(member):
    answer = call("POST", "/auth/login", json={"email": member.email, "password": PASSWORD}, headers=OUR_PAGE)
    assert "access_token" in answer.get_json()
    assert not set_cookies(answer)


def test_refreshing_reads_and_replaces_the_cookies(browser):
    before = dict(browser.cookies)
    answer = browser.call("POST", "/auth/refresh-token")
    assert (answer.status_code, set(answer.get_json())) == (200, {"expires_in", "csrf_token"})
    assert browser.cookies["__Host-refresh"] != before["__Host-refresh"]
    assert browser.is_signed_in()


def test_an_empty_object_is_as_good_as_no_body(browser):
    assert browser.call("POST", "/auth/refresh-token", {}).status_code == 200


def test_two_tabs_may_refresh_at_once(browser):
    other = browser.tab()
    for tab in (browser, other):
        assert tab.call("POST", "/auth/refresh-token").status_code == 200
    for tab in (browser, other):
        assert tab.is_signed_in()
        assert tab.call("POST", "/auth/refresh-token").status_code == 200


def test_a_stolen_cookie_ends_the_session_and_the_browser_forgets_it(browser, member):
    thief = browser.tab()
    browser.call("POST", "/auth/refresh-token")
    age_sessions(member.email, GRACE_SECONDS + 1)
    assert problem(thief.call("POST", "/auth/refresh-token")) == (401, "session-ended")
    assert set(thief.cookies) == {"__Host-device"}
    assert problem(browser.call("POST", "/auth/refresh-token")) == (401, "session-ended")
    assert set(browser.cookies) == {"__Host-device"}


def test_a_token_in_the_body_is_answered_as_ever(browser, member):
    tokens = call("POST", "/auth/login", json={"email": member.email, "password": PASSWORD}).get_json()
    answer = browser.call("POST", "/auth/refresh-token", {"refresh_token": tokens["refresh_token"]})
    assert "refresh_token" in answer.get_json()
    assert not set_cookies(answer)


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-everywhere"])
def test_signing_out_takes_the_cookies(browser, path):
    copy = browser.tab()
    assert browser.call("POST", path).status_code == 204
    assert set(browser.cookies) == {"__Host-device"}
    assert problem(copy.call("POST", "/auth/refresh-token")) == (401, "session-ended")


def test_a_new_password_replaces_the_cookies_and_ends_the_rest(browser):
    old = browser.tab()
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    answer = browser.call("PUT", "/account/password", change)
    assert (answer.status_code, set(answer.get_json())) == (200, {"expires_in", "csrf_token"})
    assert browser.call("POST", "/auth/refresh-token").status_code == 200
    assert problem(old.call("POST", "/auth/refresh-token")) == (401, "session-ended")


def test_a_deleted_account_leaves_no_cookie(browser):
    assert browser.call("POST", "/account/delete", {"password": PASSWORD}).status_code == 204
    assert set(browser.cookies) == {"__Host-device"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/refresh-token", None),
        ("POST", "/auth/logout", None),
        ("POST", "/auth/logout-everywhere", None),
        ("PUT", "/account", {"full_name": "Diubah"}),
        ("POST", "/account/delete", {"password": PASSWORD}),
    ],
)
def test_no_other_site_can_use_the_cookies(browser, method, path, body):
    assert problem(browser.call(method, path, body, **ELSEWHERE)) == (403, "csrf")
    assert browser.is_signed_in()


def test_no_other_site_can_sign_somebody_in(member):
    credentials = {"email": member.email, "password": PASSWORD}
    answer = Browser().call("POST", "/auth/login", credentials, **{"X-Session": "cookie", **ELSEWHERE})
    assert problem(answer) == (403, "csrf")
    assert not set_cookies(answer)


def test_a_mode_that_is_none_is_refused(member):
    credentials = {"email": member.email, "password": PASSWORD}
    answer = Browser().call("POST", "/auth/login", credentials, **{"X-Session": "biscuit"})
    assert problem(answer) == (422, "invalid")


def test_the_token_for_forms_belongs_to_the_session(member):
    first, second = Browser(), Browser()
    tokens = [browser.sign_in(member).get_json()["csrf_token"] for browser in (first, second)]
    assert tokens[0] != tokens[1]
    refreshed = first.call("POST", "/auth/refresh-token").get_json()
    assert refreshed["csrf_token"] == tokens[0]  # a form that is open stays good
