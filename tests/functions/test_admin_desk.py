"""The admin desk is there for admins only, page by page and form by form; each look is audited (SEC-012)."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from functions.site.main import app
from tests.functions.browsing import Browser
from tests.people import Person, World
from tests.stack import Stack

PAGES = [route.path for route in app.routes if route.path.startswith("/admin") and route.method == "GET"]
FORMS = [route.path for route in app.routes if route.path.startswith("/admin") and route.method == "POST"]
MARKUP = "<script>alert(1)</script>"
_VARIABLE = re.compile(r"\{(\w+)\}")


def address(path: str, **ids: str) -> str:
    """An address of that kind; about nothing in particular, where it is not said about what."""
    return _VARIABLE.sub(lambda found: ids.get(found[1], str(uuid4())), path)


@dataclass
class Sold:
    """A paid order by VA, its ids, and a refund that is asked for."""

    buyer: Person
    ids: dict[str, str]
    payment: dict[str, Any]


@pytest.fixture(scope="module")
def sold(world: World) -> Sold:
    buyer, organizer = world.somebody(), world.somebody("organizer")
    event = organizer.publish(title="Konser <b>Rembulan</b> & Co")
    order = buyer.buy(event, [2], method="BCA")
    [payment] = order["payments"]
    asked = {"order_id": order["id"], "ticket_ids": [order["tickets"][0]["id"]], "reason": MARKUP}
    buyer.api.post("refunds/request", asked, status=201)
    ids = {
        "order_id": order["id"],
        "payment_id": payment["id"],
        "event_id": event["id"],
        "user_id": buyer.api.get("account")["id"],
    }
    return Sold(buyer, ids, payment)


@pytest.fixture
def admin(world: World) -> Browser:
    browser = Browser(world)
    browser.sign_in(world.somebody("admin"))
    return browser


def looks(stack: Stack, path: str, browser: Browser) -> list[tuple[str, str | None]]:
    """The lines that an admin's look at a page has left in the audit trail."""
    account = browser.session.get(f"{browser.world.url}/api/v1/account").json()["id"]
    query = text("SELECT subject, subject_id FROM audit_log WHERE actor_id = :id AND action = 'admin.read' ORDER BY id")

    def seen() -> list[tuple[str, str | None]]:
        with stack.database() as database, database.connect() as connection:
            return [(row.subject, row.subject_id) for row in connection.execute(query, {"id": account})]

    before = seen()
    assert browser.get(path).status_code == 200
    return seen()[len(before) :]


@pytest.mark.parametrize("role", ["customer", "organizer"])
def test_nobody_else_finds_anything_there(world: World, sold: Sold, role: str):
    browser = Browser(world)
    browser.sign_in(world.somebody(role))
    for path in PAGES:
        assert (path, browser.get(address(path, **sold.ids)).status_code) == (path, 404)
    for path in FORMS:
        assert (path, browser.send(address(path, **sold.ids), {}).status_code) == (path, 404)
    assert "/admin" not in browser.get("/account").text


@pytest.mark.parametrize("path", PAGES)
def test_who_is_not_signed_in_signs_in_and_comes_back(world: World, path: str):
    asked = address(path)
    answer = Browser(world).session.get(world.url + asked, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/login?next={asked.replace('/', '%2F')}")


def test_an_admin_comes_to_it_from_their_account(admin: Browser):
    assert 'href="/admin"' in admin.get("/account").text
    assert admin.get("/admin").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/admin",
        "/admin/search",
        "/admin/search?q={order_id}",
        "/admin/orders/{order_id}",
        "/admin/payments/{payment_id}",
        "/admin/users/{user_id}",
        "/admin/events/{event_id}",
        "/admin/webhooks?status=all",
        "/admin/webhooks?status=nonsense&before=x",
        "/admin/deliveries?status=all",
        "/admin/deliveries",
    ],
)
def test_each_page_is_shown_and_nothing_that_was_typed_is_a_part_of_it(admin: Browser, sold: Sold, path: str):
    for language in ("id", "en"):
        asked = address(path, **sold.ids)
        answer = admin.get(f"{asked}{'&' if '?' in asked else '?'}lang={language}")
        assert answer.status_code == 200
        assert f'<html lang="{language}">' in answer.text
        assert MARKUP not in answer.text
        assert "<b>Rembulan" not in answer.text


@pytest.mark.parametrize(
    ("path", "subject", "about"),
    [
        ("/admin", "overview", None),
        ("/admin/search?q=konser", "search", None),
        ("/admin/orders/{order_id}", "order", "order_id"),
        ("/admin/payments/{payment_id}", "payment", "payment_id"),
        ("/admin/users/{user_id}", "user", "user_id"),
        ("/admin/events/{event_id}", "event", "event_id"),
        ("/admin/webhooks", "webhook_event", None),
        ("/admin/deliveries", "email", None),
    ],
)
def test_a_look_is_audited_once_with_its_subject(
    admin: Browser, sold: Sold, stack: Stack, path: str, subject: str, about: str | None
):
    assert looks(stack, address(path, **sold.ids), admin) == [(subject, sold.ids[about] if about else None)]


def test_a_va_number_leads_to_the_payment_and_to_its_order(admin: Browser, sold: Sold):
    found = admin.get(f"/admin/search?q={sold.payment['va_number']}").text
    assert f'href="/admin/payments/{sold.ids["payment_id"]}"' in found
    assert f'href="/admin/orders/{sold.ids["order_id"]}"' in admin.get(f"/admin/payments/{sold.ids['payment_id']}").text


def test_what_is_not_there_is_not_found(admin: Browser):
    for kind in ("orders", "payments", "users", "events"):
        assert admin.get(f"/admin/{kind}/{uuid4()}").status_code == 404
        assert admin.get(f"/admin/{kind}/x").status_code == 404


def test_a_draft_has_no_page_of_buyers_to_lead_to(world: World, admin: Browser):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    link = f'href="/id/events/{event["slug"]}"'
    assert link in admin.get(f"/admin/events/{event['id']}").text
    organizer.api.call("PUT", f"events/{event['id']}", json={"status": "draft"}, status=200)
    assert link not in admin.get(f"/admin/events/{event['id']}").text
