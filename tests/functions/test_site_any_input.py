"""Every address and form of the site, with whatever a person can type: words in return, no 5xx (U-003, SEC-014)."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
import requests

from functions.site.main import app
from tests.conftest import EXPLORES
from tests.functions.browsing import Browser
from tests.people import Person, World

NASTY = [
    "",
    "\x00",
    "0",
    "-1",
    "9" * 400,
    "\u0661\u0662",
    "nan",
    "2026-02-30T25:61",
    "\u202e\U0001f3ab",
    "<script>alert(1)</script>{{7*7}}%(x)s",
    "../../../../etc/passwd",
    "\r\nSet-Cookie: a=b",
    "//evil.example",
    "b" * 20_000,
]
ENDS_SESSION = ("/logout", "/account/sign-out-everywhere")
PAGES = [route.path for route in app.routes if route.method == "GET"]
FORMS = [route.path for route in app.routes if route.method == "POST" and route.path not in ENDS_SESSION]
ADMIN_PAGES = [path for path in PAGES if path.startswith("/admin")]
_VARIABLE = re.compile(r"\{(\w+)\}")
_TEMPLATES = Path(__file__).parents[2] / "shared/site/templates"
_FIELD = re.compile(r"""name="(\w+)"|\w\('(\w+)'""")


@pytest.fixture(scope="module")
def organizer(world: World) -> Person:
    """Somebody who sells and buys."""
    return world.somebody("organizer")


@pytest.fixture(scope="module")
def admin(world: World) -> Person:
    """Somebody who finds the admin desk."""
    return world.somebody("admin")


@pytest.fixture(scope="module")
def variables(world: World, organizer: Person) -> dict[str, str]:
    """Values for the variables of addresses that lead to something of the organizer's own."""
    event = organizer.publish()
    order = organizer.buy(event)
    promo = organizer.api.post("promos", {"code": "SENJA10", "percent": 10, "event_id": event["id"]}, status=201)
    return {
        "promo_id": promo["id"],
        "slug": event["slug"],
        "event_id": event["id"],
        "tier_id": event["tiers"][0]["id"],
        "order_id": order["id"],
        "ticket_id": order["tickets"][0]["id"],
    }


@pytest.fixture
def browser(world: World, organizer: Person) -> Browser:
    """The pages where the organizer is signed in."""
    return signed_in(world, organizer)


def signed_in(world: World, person: Person) -> Browser:
    browser = Browser(world)
    browser.sign_in(person)
    return browser


@cache
def fields() -> Sequence[str]:
    """All fields of all forms, and what the templates call by a name."""
    found = [_FIELD.findall(each.read_text(encoding="utf-8")) for each in _TEMPLATES.rglob("*.html")]
    return list(dict.fromkeys(plain or made for names in found for plain, made in names))


def address(path: str, variables: dict[str, str], instead: str) -> str:
    return _VARIABLE.sub(lambda found: variables.get(found[1], quote(instead, safe="")), path)


def due(paths: Sequence[str], text: str) -> list[str]:
    """A fourth of the paths, others for the next text: each path meets three at least, and all in `make explore`."""
    return [path for number, path in enumerate(paths, NASTY.index(text)) if EXPLORES or number % 4 == 0]


def is_told(answer: requests.Response, text: str) -> Iterator[str]:
    """The fault of an answer to a text, if any."""
    if answer.status_code >= 500:
        yield f"{answer.request.method} {answer.request.url}: {answer.status_code} for {text[:40]!r}"
    if answer.headers["Content-Type"].startswith("text/html") and "<script>alert(1)" in answer.text:
        yield f"{answer.request.url} shows a script"
    if "root:x:" in answer.text:
        yield f"{answer.request.url} shows a file of the machine"
    target = urljoin(str(answer.request.url), answer.headers.get("Location", ""))
    if urlsplit(target).hostname == "evil.example" or "a" in answer.cookies:
        yield f"{answer.request.url} leads away or sets a cookie"


@pytest.mark.parametrize("text", NASTY, ids=lambda text: repr(text)[:25])
def test_an_address(browser: Browser, text: str):
    wrong: list[str] = []
    for path in due(PAGES, text):
        asked = address(path, {}, text[:2_000] or " ")
        answer = browser.session.get(browser.world.url + asked, params=dict.fromkeys(fields(), text[:40]))
        wrong += is_told(answer, text)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text", NASTY, ids=lambda text: repr(text)[:25])
def test_an_address_of_the_admin_desk(world: World, admin: Person, text: str):
    browser, wrong = signed_in(world, admin), list[str]()
    for path in due(ADMIN_PAGES, text):
        asked = address(path, {}, text[:2_000] or " ")
        given = dict.fromkeys(("q", "status", "before", "page"), text[:200])
        wrong += is_told(browser.session.get(world.url + asked, params=given), text)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text", NASTY, ids=lambda text: repr(text)[:25])
def test_a_form(browser: Browser, variables: dict[str, str], text: str):
    form: dict[str, Any] = dict.fromkeys([*fields(), f"t_{variables['tier_id']}"], text)
    wrong: list[str] = []
    for path in due(FORMS, text):
        wrong += is_told(browser.send(address(path, variables, text[:2_000] or " "), form), text)
    assert browser.is_signed_in
    assert not wrong, "\n".join(wrong)
