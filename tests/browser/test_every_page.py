"""Every page in both languages: pictures of it, and axe finds nothing, light and dark (U-004)."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.looking import look
from tests.browser.visitors import Visitor
from tests.people import World

PUBLIC = {
    "home": "/{language}",
    "events": "/{language}/events?category=musik",
    "events-none": "/{language}/events?q=tidakadasamasekali",
    "help": "/{language}/help",
    "terms": "/{language}/terms",
    "privacy": "/{language}/privacy",
    "design": "/design",
    "login": "/login",
    "reset-password": "/reset-password",
}
LOCAL = {"start": "/", "inbox": "/inbox", "simulators": "/simulators/", "mails": "/mails", "design": "/design"}
"""Pages that a local run alone has."""
OWN = {
    "orders": "/orders",
    "account": "/account",
    "bank-account": "/account/bank-account",
    "confirm": "/account/confirm",
    "delete-account": "/account/delete",
    "refunds-none": "/refunds",
}


@pytest.fixture(params=["id", "en"])
def speaker(request: pytest.FixtureRequest, new_visitor: Callable[..., Visitor]) -> Visitor:
    """Somebody who reads one of the languages."""
    return new_visitor(locale={"id": "id-ID", "en": "en-GB"}[request.param])


def language(speaker: Visitor) -> str:
    return str(speaker.page.evaluate("navigator.language"))[:2]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_page(concert: dict[str, Any], speaker: Visitor, name: str):
    chosen = language(speaker)
    speaker.page.goto(PUBLIC[name].format(language=chosen))
    look(speaker.page, f"{chosen}-{name}")


def test_the_pages_of_ones_own(concert: dict[str, Any], world: World, speaker: Visitor):
    chosen = language(speaker)
    buyer = world.somebody()
    speaker.sign_in(buyer)
    speaker.page.goto("/orders")
    look(speaker.page, f"{chosen}-orders-none")
    buyer.reserve(concert)
    for name, address in OWN.items():
        speaker.page.goto(address)
        look(speaker.page, f"{chosen}-{name}")


@pytest.mark.parametrize("name", LOCAL)
def test_a_page_of_the_local_run(concert: dict[str, Any], page: Page, name: str):
    page.goto(LOCAL[name])
    look(page, f"local-{name}")
