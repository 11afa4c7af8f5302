"""The desk's wire: an organizer sees and changes their own events only, and what they type breaks nothing (ISO-1)."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.people import PASSWORD, Person, World
from tests.waiting import PATIENCE_SECONDS

PAGES = ("details", "tickets", "tickets/new", "promos", "goods", "staff", "publish", "preview")
FORMS = (
    "details",
    "duplicate",
    "publish",
    "unpublish",
    "delete",
    "promos",
    "staff",
    "tickets/new",
    "tickets/{tier}",
    "tickets/{tier}/move",
    "tickets/{tier}/delete",
    "goods/{tier}/units",
)
NASTY = ["", "\x00", "<script>alert(1)</script>", "9" * 40, "{0} %s %(x)s", "2026-99-99T99:99"]
FIELDS = [
    "title",
    "category",
    "location",
    "venue",
    "timezone",
    "start_date",
    "end_date",
    "capacity",
    "description",
    "terms",
    "gates_open_at",
    "max_per_person",
    "t0_id",
    "t0_name",
    "t0_price",
    "t0_quota",
    "t49_name",
    "kind",
    "name",
    "price",
    "quota",
    "max_per_order",
    "sale_start",
    "sale_end",
    "early_bird_price",
    "early_bird_start",
    "early_bird_end",
    "requires_identity",
    "code",
    "value",
    "unit",
    "minimum_spend",
    "max_uses",
    "max_uses_per_user",
    "starts_at",
    "ends_at",
    "tier_ids",
    "email",
    "full_name",
    "units",
    "new_start",
    "where",
    "active",
    "accept_organizer_terms",
]


def browser(world: World, person: Person | None = None) -> Callable[..., requests.Response]:
    """Somebody's browser, signed in or not: call it with a method and a path."""
    session = requests.Session()
    session.headers["Origin"] = world.url

    def ask(method: str, path: str, **more: Any) -> requests.Response:
        return session.request(method, world.url + path, timeout=PATIENCE_SECONDS, allow_redirects=False, **more)

    if person:
        assert ask("POST", "/login", data={"email": person.address, "password": PASSWORD}).status_code == 303
    return ask


@pytest.fixture
def organizer(world: World) -> Person:
    return world.somebody("organizer")


def addresses(event: dict[str, Any]) -> list[tuple[str, str]]:
    """Every address of an event at the desk."""
    here, tier = f"/organizer/events/{event['id']}", event["tiers"][0]["id"]
    shown = [("GET", f"{here}/{page}") for page in (*PAGES, f"tickets/{tier}")]
    return [*shown, *(("POST", f"{here}/{form.format(tier=tier)}") for form in FORMS)]


def test_another_organizers_event_is_not_there(world: World, organizer: Person):
    event = organizer.publish()
    ask = browser(world, world.somebody("organizer"))
    form = {"name": "X", "price": "1", "quota": "1", "title": "X", "units": "X", "code": "XXX", "value": "1"}
    more = {"email": "x@example.com", "full_name": "X", "new_start": "2030-01-01T10:00"}
    for method, path in addresses(event):
        answer = ask(method, path, data={**form, **more} if method == "POST" else None)
        assert (path, answer.status_code) == (path, 404)
    assert organizer.api.get(f"events/{event['id']}") == event


def test_a_guest_signs_in_first_and_a_customer_may_not(world: World, organizer: Person):
    event = organizer.publish()
    guest, customer = browser(world), browser(world, world.somebody())
    for method, path in addresses(event):
        answer = guest(method, path)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/login")
        assert customer(method, path).status_code == 403


def test_nothing_of_the_desk_is_kept_by_anybody(world: World, organizer: Person):
    event = organizer.publish()
    organizer.api.call("PUT", f"events/{event['id']}", json={"status": "draft"}, status=200)
    ask = browser(world, organizer)
    for method, path in addresses(event):
        if method == "GET":
            answer = ask("GET", path)
            assert (path, answer.status_code) == (path, 200)
            assert "no-store" in answer.headers["Cache-Control"]


def test_another_sites_form_publishes_nothing(world: World, organizer: Person):
    event = organizer.publish()
    ask = browser(world, organizer)
    path = f"/organizer/events/{event['id']}/unpublish"
    assert ask("POST", path, headers={"Origin": "https://evil.example"}).status_code == 403
    assert organizer.api.get(f"events/{event['id']}")["status"] == "published"


def test_a_tier_is_changed_under_its_own_event_only(world: World, organizer: Person):
    event, other = organizer.publish(), organizer.publish()
    path = f"/organizer/events/{event['id']}/tickets/{other['tiers'][0]['id']}"
    ask = browser(world, organizer)
    assert [ask("GET", path).status_code, ask("POST", f"{path}/delete").status_code] == [404, 404]


@pytest.mark.parametrize("text", NASTY, ids=lambda text: repr(text)[:20])
def test_whatever_is_typed_is_answered_with_words(world: World, organizer: Person, text: str):
    event = organizer.publish()
    ask = browser(world, organizer)
    new = [("POST", "/organizer"), ("POST", "/organizer/events/new"), ("GET", f"/organizer/events/{uuid4()}/details")]
    for method, path in [*new, *addresses(event)]:
        if path.endswith(("/delete", "/unpublish")):
            continue
        answer = ask(method, path, data=dict.fromkeys(FIELDS, text) if method == "POST" else None)
        assert answer.status_code < 500, f"{path}: {answer.text[:500]}"
        assert "alert(1)</script>" not in answer.text


def test_a_customer_becomes_an_organizer_in_the_session_that_they_have(world: World):
    ask = browser(world, world.somebody())
    assert "accept_organizer_terms" in ask("GET", "/organizer").text
    assert "accept_organizer_terms-error" in ask("POST", "/organizer", data={"full_name": "Senja"}).text
    form = {"full_name": "Senja Muda", "accept_organizer_terms": "true"}
    assert ask("POST", "/organizer", data=form).headers["Location"] == "/organizer"
    assert ask("GET", "/organizer/events/new").status_code == 200


def test_a_file_is_taken_or_told_on_the_page_that_it_came_from(world: World, organizer: Person):
    event = organizer.publish({"name": "Voucer", "price": 1000, "quota": 9, "kind": "digital"})
    here, ask = f"/organizer/events/{event['id']}", browser(world, organizer)
    told = ask("POST", f"{here}/banner", files={"file": ("a.jpg", b"no picture")})
    assert told.status_code == 200
    assert "Berkas ini bukan gambar" in told.text
    codes = {"units": ("codes.csv", b"A-1;x\r\nA-2;y\r\n")}
    taken = ask("POST", f"{here}/goods/{event['tiers'][0]['id']}/file", files=codes)
    assert taken.headers["Location"] == f"{here}/goods?added=2&duplicates=0"
