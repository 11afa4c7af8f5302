"""Attackers try the pages: others' things, other sites' forms, links that lead away, odd bodies."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.people import PASSWORD, Person, World
from tests.waiting import PATIENCE_SECONDS

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "/./\\evil.example",
    "\\/evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n/evil.example",
    ".evil.example",
    "/orders\r\nSet-Cookie: a=b",
]
FORM = "application/x-www-form-urlencoded"
BODIES = [
    (FORM, b"\xff\xfe=\xff&%zz=%ff%00"),
    (FORM, b"a=" + b"x" * 3_000_000),
    (FORM, b"&".join(b"f%d=1" % number for number in range(5_000))),
    (FORM, b"email=a&email=b&email[]=c&method=QRIS&method="),
    (f"{FORM}; charset=utf-7", b"+ADw-script+AD4-=1"),
    ("application/json", b"{}"),
    ("multipart/form-data; boundary=x", b"--x"),
    ("multipart/form-data", b""),
    ("text/plain", b"x"),
    ("", b"x=1"),
]
FORGED = [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {}]


@pytest.fixture(scope="module")
def owner(world: World) -> Person:
    """Somebody with a paid order and one that waits."""
    return world.somebody()


@pytest.fixture(scope="module")
def bought(world: World, owner: Person) -> dict[str, Any]:
    """Their paid order, which nothing changes any more."""
    order = owner.buy(world.somebody("organizer").publish())
    world.stack.until_delivered(order["id"], "e_ticket")
    return order


@pytest.fixture(scope="module")
def waiting(world: World, owner: Person) -> dict[str, Any]:
    """Their order that waits for money."""
    order = owner.reserve(world.somebody("organizer").publish())
    owner.checkout(order, "midtrans", "GOPAY")
    return order


def browser_of(world: World, person: Person) -> requests.Session:
    """A browser in which somebody is signed in."""
    session = requests.Session()
    form = {"email": person.address, "password": PASSWORD}
    session.post(f"{world.url}/login", data=form, headers={"Origin": world.url}, timeout=PATIENCE_SECONDS)
    return session


def pages_of(bought: dict[str, Any], waiting: dict[str, Any]) -> list[str]:
    return [
        f"/orders/{bought['id']}",
        f"/orders/{waiting['id']}",
        f"/orders/{waiting['id']}/snap",
        f"/tickets/{bought['tickets'][0]['id']}",
        f"/refunds/new/{bought['id']}",
    ]


def forms_of(bought: dict[str, Any], waiting: dict[str, Any]) -> list[str]:
    return [
        f"/orders/{waiting['id']}/pay",
        f"/orders/{waiting['id']}/cancel",
        f"/orders/{bought['id']}/resend",
        f"/orders/{bought['id']}/reveal",
        f"/tickets/{bought['tickets'][0]['id']}/holder",
        f"/refunds/new/{bought['id']}",
    ]


FIELDS = {"name": "Orang Lain", "email": "lain@example.com", "method": "QRIS", "reason": "Saya sakit", "name_0": "X"}


def test_a_stranger_finds_nothing_and_changes_nothing(
    world: World, owner: Person, bought: dict[str, Any], waiting: dict[str, Any]
):
    stranger = browser_of(world, world.somebody())
    before = owner.order(bought), owner.order(waiting)
    for page in pages_of(bought, waiting):
        answer = stranger.get(world.url + page, timeout=PATIENCE_SECONDS)
        assert answer.status_code == 404, page
        assert "Konser Senja" not in answer.text, page
    for form in forms_of(bought, waiting):
        answer = stranger.post(world.url + form, data=FIELDS, headers={"Origin": world.url}, timeout=PATIENCE_SECONDS)
        assert answer.status_code == 404, form
    assert (owner.order(bought), owner.order(waiting)) == before


@pytest.mark.parametrize("headers", FORGED, ids=str)
def test_a_form_that_another_site_sends_in_ones_name_is_refused(
    world: World, owner: Person, bought: dict[str, Any], waiting: dict[str, Any], headers: dict[str, str]
):
    browser = browser_of(world, owner)
    before = owner.order(bought), owner.order(waiting), owner.api.get("account")
    forms = [
        "/account",
        "/account/password",
        "/account/delete",
        "/account/sign-out-everywhere",
        "/account/bank-account",
    ]
    for form in [*forms_of(bought, waiting), *forms]:
        answer = browser.post(
            world.url + form, data=FIELDS, headers=headers, timeout=PATIENCE_SECONDS, allow_redirects=False
        )
        assert answer.status_code == 403, form
        assert answer.headers["Content-Type"].startswith("text/html")
    assert (owner.order(bought), owner.order(waiting), owner.api.get("account")) == before


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_link_leads_from_us_to_elsewhere(world: World, owner: Person, target: str):
    form = {"email": owner.address, "password": PASSWORD, "next": target}
    answers = [
        requests.post(
            f"{world.url}/login",
            data=form,
            headers={"Origin": world.url},
            timeout=PATIENCE_SECONDS,
            allow_redirects=False,
        ),
        browser_of(world, owner).get(
            f"{world.url}/login", params={"next": target}, timeout=PATIENCE_SECONDS, allow_redirects=False
        ),
        requests.post(
            f"{world.url}/account/delete",
            headers={"Origin": world.url, "Referer": "https://evil.example/orders"},
            timeout=PATIENCE_SECONDS,
            allow_redirects=False,
        ),
    ]
    for answer in answers:
        assert answer.status_code == 303
        assert urlsplit(answer.headers["Location"])[:2] == ("", "")
        assert answer.headers["Location"].startswith("/")
        assert "evil" not in answer.headers["Location"]
        assert answer.cookies.get("a") is None


@pytest.mark.parametrize(("content_type", "body"), BODIES, ids=lambda part: str(part)[:30])
def test_a_body_that_no_form_sends_is_answered_with_words(
    world: World, owner: Person, bought: dict[str, Any], waiting: dict[str, Any], content_type: str, body: bytes
):
    browser = browser_of(world, owner)
    signed_out = ["/login", "/login/code", "/login/verify", "/reset-password", "/buy/tidak-ada/code"]
    for path in [*signed_out, *forms_of(bought, waiting), "/account/photo", "/account/confirm"]:
        answer = browser.post(
            world.url + path,
            data=body,
            headers={"Origin": world.url, "Content-Type": content_type},
            timeout=PATIENCE_SECONDS,
            allow_redirects=False,
        )
        assert answer.status_code < 500, path
        assert answer.headers["Content-Type"].startswith("text/html"), path
    assert owner.order(waiting)["status"] in ("pending_payment", "cancelled")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD", "FOO"])
def test_a_method_that_no_browser_uses(world: World, method: str):
    address = urlsplit(world.url)
    for path in ("/id", "/login", "/orders", "/orders/%00", "/id/events/%ff%zz", "/assets/../../etc/passwd"):
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE_SECONDS)
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status < 500, path
        assert b"root:" not in body


def test_nothing_of_ours_stands_in_anothers_frame_or_window(
    world: World, owner: Person, bought: dict[str, Any], waiting: dict[str, Any]
):
    browser = browser_of(world, owner)
    for page in ["/id", "/login", "/orders", "/account", "/orders/nothing", *pages_of(bought, waiting)]:
        headers = browser.get(world.url + page, timeout=PATIENCE_SECONDS).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], page
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", page
        assert headers["X-Content-Type-Options"] == "nosniff", page


def test_what_is_ones_own_is_kept_by_nobody_on_the_way(
    world: World, owner: Person, bought: dict[str, Any], waiting: dict[str, Any]
):
    browser = browser_of(world, owner)
    for page in ["/orders", "/account", "/refunds", "/account/bank-account", *pages_of(bought, waiting)]:
        headers = browser.get(world.url + page, timeout=PATIENCE_SECONDS).headers
        assert headers["Cache-Control"] == "private, no-store", page


@pytest.mark.parametrize("language", ["en\r\nSet-Cookie: a=b", "en;q", "../../etc", "\u6f22", "EN"])
def test_a_language_that_there_is_none_of_is_ignored(world: World, language: str):
    answer = requests.get(
        f"{world.url}/login",
        params={"lang": language},
        headers={"Accept-Language": language.encode("utf-8").replace(b"\r\n", b" ")},
        timeout=PATIENCE_SECONDS,
    )
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
