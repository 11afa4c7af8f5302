"""UM-003: signing in with Google on the pages, by redirect to Google's page (its simulator) and back."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import requests

from tests.functions.browsing import Browser, hidden_fields
from tests.people import World
from tests.waiting import PATIENCE_SECONDS

GOOGLE = {"Origin": "https://accounts.google.com", "Sec-Fetch-Site": "cross-site"}
"""The headers of a browser for a form that Google's page sends."""


class GoogleUser(Browser):
    """Somebody who signs in with Google."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.address = f"{uuid4().hex[:12]}@example.com"

    def answer_of_google(self, path: str, **choice: str) -> dict[str, str]:
        """Go to Google by a link of ours, type the address there; what Google's page then sends."""
        asked = self.get(path)
        assert asked.status_code == 200
        choice = choice or {"email": self.address, "hosted": "on"}
        returned = self.session.post(asked.url, data=choice, timeout=PATIENCE_SECONDS)
        assert f'action="{self.world.url}/login/google"' in returned.text
        return hidden_fields(returned)

    def come_back(self, fields: dict[str, str]) -> requests.Response:
        """Be sent back by Google's page."""
        return self.send("/login/google", fields, **GOOGLE)


@pytest.fixture
def browser(world: World) -> GoogleUser:
    return GoogleUser(world)


def link(page: requests.Response) -> str:
    """The address behind the button."""
    [found] = re.findall(r'href="(/login/google\?[^"]+)"', page.text)
    return unescape(found)


def test_a_new_buyer_accepts_the_terms_and_goes_on_with_the_chosen_tickets(world: World, browser: GoogleUser):
    event = world.somebody("organizer").publish()
    chosen = f"/buy/{event['slug']}?t_{event['tiers'][0]['id']}=2"
    terms = browser.come_back(browser.answer_of_google(link(browser.get(chosen))))
    assert "Satu langkah lagi" in terms.text
    assert not browser.is_signed_in
    fields = hidden_fields(terms)
    again = browser.send("/login/google/terms", fields)
    assert "Satu langkah lagi" in again.text, "the terms are still to be accepted"
    accepted = browser.send("/login/google/terms", fields | {"accept_terms": "true"})
    assert (accepted.status_code, accepted.headers["Location"]) == (303, chosen)
    assert "Tahan tiket dan bayar" in browser.get(chosen).text


def test_who_has_an_account_is_signed_in_at_once(world: World, browser: GoogleUser):
    browser.address = world.somebody().address
    answer = browser.come_back(browser.answer_of_google("/login/google?next=/refunds"))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/refunds")
    assert browser.is_signed_in


def test_who_turns_back_at_google_finds_the_other_ways(browser: GoogleUser):
    answer = browser.come_back(browser.answer_of_google("/login/google?next=/refunds", cancel="yes"))
    assert answer.status_code == 200
    assert "Anda belum masuk dengan Google" in answer.text
    assert 'name="next" value="/refunds"' in answer.text
    assert not browser.is_signed_in


def test_a_sign_in_that_another_browser_began_signs_nobody_in(world: World, browser: GoogleUser):
    browser.address = world.somebody().address
    stolen = browser.answer_of_google("/login/google")
    other = GoogleUser(world)
    other.answer_of_google("/login/google")
    for thief in (GoogleUser(world), other):
        answer = thief.come_back(stolen)
        assert "Google tidak dapat memastikan siapa Anda" in answer.text
        assert not thief.is_signed_in
    assert browser.come_back(stolen).status_code == 303, "what others tried has not used it up"
    assert "Google tidak dapat memastikan siapa Anda" in browser.come_back(stolen).text, "it signs in once"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", ""])
def test_nobody_is_led_away_from_us(world: World, browser: GoogleUser, target: str):
    browser.address = world.somebody().address
    fields = browser.answer_of_google("/login/google")
    state = parse_qs(fields["state"])
    changed = requests.Request("GET", "http://x", params={**state, "target": target}).prepare().url
    answer = browser.come_back(fields | {"state": urlsplit(str(changed)).query})
    assert answer.headers["Location"] == "/login/done"


@pytest.mark.parametrize(
    "fields", [{}, {"state": "x"}, {"state": "nonce=1.2.3.4", "id_token": "e30.e30.x"}, {"id_token": "y" * 9000}]
)
def test_what_google_never_sends_is_refused_in_words(browser: GoogleUser, fields: dict[str, str]):
    browser.get("/login/google")
    answer = browser.come_back(fields)
    assert answer.status_code == 200
    assert "Google tidak dapat memastikan siapa Anda" in answer.text


def test_an_answer_longer_than_any_token_is_refused_in_words(browser: GoogleUser):
    fields = browser.answer_of_google("/login/google") | {"id_token": "y" * 9000}
    assert "Google tidak dapat memastikan siapa Anda" in browser.come_back(fields).text


def test_an_account_keeps_to_the_ways_that_its_owner_has_proved(world: World, browser: GoogleUser):
    browser.address = world.somebody().address
    answer = browser.come_back(browser.answer_of_google("/login/google", email=browser.address))
    assert "Alamat ini sudah punya akun" in answer.text
    assert not browser.is_signed_in


def test_google_is_asked_for_no_more_than_it_takes(browser: GoogleUser):
    answer = browser.session.get(
        f"{browser.world.url}/login/google?lang=en", timeout=PATIENCE_SECONDS, allow_redirects=False
    )
    asked: dict[str, Any] = {
        name: value for name, [value] in parse_qs(urlsplit(answer.headers["Location"]).query).items()
    }
    assert asked["scope"] == "openid email profile"
    assert (asked["response_type"], asked["response_mode"], asked["hl"]) == ("id_token", "form_post", "en")
    assert asked["redirect_uri"] == f"{browser.world.url}/login/google"
    assert answer.headers["Cache-Control"] == "private, no-store"
