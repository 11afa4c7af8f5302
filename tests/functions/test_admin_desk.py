"""The admin desk is there for admins only, page by page and form by form (SEC-012)."""

import re
from uuid import uuid4

import pytest

from functions.site.main import app
from tests.functions.browsing import Browser
from tests.functions.test_cancellation_and_payout import an_admin
from tests.people import World
from tests.stack import Stack

PAGES = [route.path for route in app.routes if route.path.startswith("/admin") and route.method == "GET"]
FORMS = [route.path for route in app.routes if route.path.startswith("/admin") and route.method == "POST"]
_VARIABLE = re.compile(r"\{\w+\}")


def address(path: str) -> str:
    """An address of that kind, about nothing in particular."""
    return _VARIABLE.sub(lambda _: str(uuid4()), path)


@pytest.mark.parametrize("role", ["customer", "organizer"])
def test_nobody_else_finds_anything_there(world: World, role: str):
    browser = Browser(world)
    browser.sign_in(world.somebody(role))
    for path in PAGES:
        assert (path, browser.get(address(path)).status_code) == (path, 404)
    for path in FORMS:
        assert (path, browser.send(address(path), {}).status_code) == (path, 404)
    assert "/admin" not in browser.get("/account").text


@pytest.mark.parametrize("path", PAGES)
def test_who_is_not_signed_in_signs_in_and_comes_back(world: World, path: str):
    asked = address(path)
    answer = Browser(world).session.get(world.url + asked, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/login?next={asked.replace('/', '%2F')}")


def test_an_admin_comes_to_it_from_their_account(world: World, stack: Stack):
    browser = Browser(world)
    browser.sign_in(an_admin(world, stack))
    assert 'href="/admin"' in browser.get("/account").text
    assert browser.get("/admin").status_code == 200
