"""UM-003: a sign-in with Google belongs to the browser that began it, and a captured ID token signs nobody in."""

from uuid import uuid4

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud.database import transaction
from tests.endpoints import call, problem
from tests.integration.identity.google_double import Google
from tests.integration.identity.test_cookie_mode import Browser, set_cookies
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")

INVALID = (401, "google-token-invalid")
COOKIE_MODE = {"X-Session": "cookie"}


def begun(browser: Browser) -> str:
    """The nonce that a page asks for."""
    answer = browser.call("POST", "/auth/google/nonce")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    nonce: str = answer.get_json()["nonce"]
    return nonce


def shown(browser: Browser, token: str, **body: object) -> Response:
    """The response to a page that shows Google's token."""
    return browser.call("POST", "/auth/google", {"id_token": token, "accept_terms": True, **body}, **COOKIE_MODE)


def in_an_app(token: str, **body: object) -> Response:
    """The response to a client without cookies."""
    return call("POST", "/auth/google", json={"id_token": token, "accept_terms": True, **body})


def a_token(google: Google, **claims: object) -> str:
    """A token of a new person."""
    return google.token(sub=uuid4().hex, email=f"{uuid4().hex[:12]}@gmail.com", **claims)


def test_a_browser_signs_in_with_the_nonce_it_was_given(google: Google):
    browser = Browser()
    answer = shown(browser, a_token(google, nonce=begun(browser)))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert browser.is_signed_in()


def test_the_key_of_a_nonce_is_for_no_script(google: Google):
    answer = Browser().call("POST", "/auth/google/nonce")
    assert set(answer.get_json()) == {"nonce", "expires_in"}
    ((value, attributes),) = [found for name, found in set_cookies(answer).items() if name.endswith("google")]
    assert attributes["httponly"]
    assert (attributes["samesite"], attributes["max-age"]) == ("None", "3600"), "Google's page posts to ours"
    assert value not in answer.get_data(as_text=True)


def test_a_browser_needs_a_nonce(google: Google):
    browser = Browser()
    begun(browser)
    assert problem(shown(browser, a_token(google))) == INVALID
    assert problem(shown(browser, a_token(google, nonce="mine"), nonce="mine")) == INVALID


def test_another_browsers_nonce_is_refused(google: Google):
    mine, theirs = Browser(), Browser()
    begun(mine)
    token = a_token(google, nonce=begun(theirs))
    assert problem(shown(mine, token)) == INVALID
    assert problem(shown(Browser(), token)) == INVALID
    assert shown(theirs, token).status_code == 200, "what others tried has not used it up"


def test_a_token_taken_from_a_browser_signs_in_no_app(google: Google):
    nonce = begun(Browser())
    token = a_token(google, nonce=nonce)
    assert problem(in_an_app(token)) == INVALID
    assert problem(in_an_app(token, nonce=nonce)) == INVALID


def test_a_nonce_signs_in_once(google: Google):
    browser = Browser()
    nonce = begun(browser)
    token = a_token(google, nonce=nonce)
    assert shown(browser, token).status_code == 200
    assert problem(shown(browser, token)) == INVALID
    assert problem(shown(browser, a_token(google, nonce=nonce))) == INVALID


def test_two_pages_of_a_browser_may_begin(google: Google):
    browser = Browser()
    first, second = begun(browser), begun(browser)
    assert shown(browser, a_token(google, nonce=first)).status_code == 200
    assert shown(browser, a_token(google, nonce=second)).status_code == 200


def test_an_apps_token_signs_in_once_however_many_ask_at_once(google: Google):
    token = a_token(google)
    answers = at_the_same_time([lambda: in_an_app(token)] * 6)
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401, 401]
    assert problem(in_an_app(token)) == INVALID


def test_another_way_to_write_the_signature_is_no_other_token(google: Google):
    token = a_token(google)
    assert in_an_app(token).status_code == 200
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters.index(token[-1])  # of 256 bytes the last letter has four bits that nobody reads
    for other in range(last & ~15, last | 15):
        assert problem(in_an_app(token[:-1] + letters[other])) == INVALID


def test_who_is_refused_may_show_the_token_again(google: Google):
    token = a_token(google)
    refused = call("POST", "/auth/google", json={"id_token": token})
    assert problem(refused) == (422, "terms-not-accepted")
    assert in_an_app(token).status_code == 200


def test_nobody_makes_a_nonce_last_longer(google: Google):
    browser = Browser()
    nonce = begun(browser)
    expires_at, rest = nonce.split(".", 1)
    later = f"{int(expires_at) + 3600}.{rest}"
    assert problem(shown(browser, a_token(google, nonce=later))) == INVALID


def test_only_hashes_of_used_tokens_are_kept(google: Google):
    token = a_token(google)
    assert in_an_app(token).status_code == 200
    with transaction() as tx:
        rows = tx.execute(text("SELECT token_hash FROM used_id_tokens")).scalars().all()
    assert all(len(row) == 64 for row in rows)


def test_without_google_there_is_no_nonce():
    assert problem(call("POST", "/auth/google/nonce")) == (403, "google-sign-in-off")
