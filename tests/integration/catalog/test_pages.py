"""CACHE-001, 002, 005: pages come from the shared cache, follow every change, and don't need it."""

from typing import Any

import pytest
from sqlalchemy import text

from functions.events.main import main
from functions.reserve.main import main as reserve_main
from shared.catalog.events import EventAnswer
from shared.cloud import live
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.sales import orders
from tests.doors import call, problem
from tests.doubles import Documents
from tests.factories import a_user
from tests.integration.catalog.steps import add_tier, change, change_tier, create, organizer_of, publish, tier
from tests.stack import until

pytestmark = pytest.mark.usefixtures("database")


def shown(event: EventAnswer, *, by: Principal | None = None) -> dict[str, Any]:
    """The event as its page shows it."""
    document: dict[str, Any] = call(main, "GET", f"/events/{event.slug}", by=by).get_json()
    return document


def titles() -> list[str]:
    """The titles on the first page of events of this category."""
    listed = call(main, "GET", "/events", query_string={"category": "halaman", "sort": "-date"})
    return [event["title"] for event in listed.get_json()["items"]]


def behind_our_back(event: EventAnswer, **columns: str) -> None:
    """Change the row as nothing of ours does, so that only a new reading shows it."""
    with transaction() as tx:
        for name, value in columns.items():
            tx.execute(text(f"UPDATE events SET {name} = :value WHERE id = :id"), {"value": value, "id": event.id})


def buyer() -> Principal:
    """Somebody who may buy."""
    with transaction() as tx:
        return a_user(tx)


def hold(event: EventAnswer, quantity: int, who: Principal) -> dict[str, Any]:
    """Reserve through the door."""
    body = {"event_id": str(event.id), "items": [{"tier_id": str(event.tiers[0].id), "quantity": quantity}]}
    answer = call(reserve_main, "POST", "/orders/reserve", by=who, json=body)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    order: dict[str, Any] = answer.get_json()
    return order


def test_a_page_is_read_once_from_the_database_and_then_from_the_cache():
    event = publish(create())
    first = shown(event)
    behind_our_back(event, title="Lain")
    assert shown(event) == first
    assert shown(event, by=buyer()) == first
    assert call(main, "GET", f"/events/{event.slug}/tickets").get_json()["tiers"] == first["tiers"]
    assert shown(event, by=organizer_of(event))["title"] == "Lain"


def test_the_same_list_is_read_once_and_what_is_searched_for_every_time():
    event = publish(create(category="halaman"))
    assert titles() == [event.title]
    behind_our_back(event, title="Lain")
    assert titles() == [event.title]
    found = call(main, "GET", "/events", query_string={"category": "halaman", "q": "lain"}).get_json()
    assert [each["title"] for each in found["items"]] == ["Lain"]
    change(event, status="cancelled")
    assert titles() == []


def test_every_change_of_an_event_and_its_tiers_is_seen_at_once():
    event = publish(create())
    shown(event)
    change(event, title="Konser Fajar")
    assert shown(event)["title"] == "Konser Fajar"
    change_tier(event, event.tiers[0].id, price=120_000)
    assert shown(event)["tiers"][0]["price"] == 120_000
    add_tier(event, name="VIP")
    assert [each["name"] for each in shown(event)["tiers"]] == ["Reguler", "VIP"]
    change(event, status="draft")
    assert problem(call(main, "GET", f"/events/{event.slug}")) == (404, "not-found")


def test_a_page_of_the_time_before_a_change_is_not_shown_even_if_it_is_kept_after_it(documents: Documents):
    event = publish(create())
    shown(event)
    before = dict(documents.stored)
    change(event, title="Konser Fajar")
    documents.stored.update({key: page for key, page in before.items() if key.startswith("event:")})
    assert shown(event)["title"] == "Konser Fajar"


def test_the_stock_on_a_kept_page_follows_reservations_and_their_end():
    event = publish(create(tiers=[tier(quota=10)]))
    assert shown(event)["tiers"][0]["available"] == 10
    who = buyer()
    order = hold(event, 3, who)
    until(lambda: shown(event)["tiers"][0]["available"] == 7, seconds=10)
    with transaction() as tx:
        orders.cancel(tx, orders.lock_own(tx, order["id"], who.id))
    until(lambda: shown(event)["tiers"][0]["available"] == 10, seconds=10)
    for _ in range(2):
        hold(event, 5, buyer())
    until(lambda: shown(event)["tiers"][0]["sold_out"], seconds=10)


def test_without_the_cache_everything_comes_from_the_database(documents: Documents, caplog: pytest.LogCaptureFixture):
    event = publish(create(category="halaman"))
    documents.broken = True
    assert shown(event)["title"] == event.title
    assert caplog.messages.count("live.unavailable") == 1
    asked = documents.asked
    change(event, title="Konser Fajar")
    assert shown(event)["title"] == "Konser Fajar"
    assert titles() == ["Konser Fajar"]
    hold(event, 1, buyer())
    assert shown(event)["tiers"][0]["available"] == 9
    assert documents.asked == asked, "a cache that has just failed is left alone"


def test_a_key_that_no_event_can_have_never_reaches_the_cache(documents: Documents):
    for key in ("%2e%2e", "a" * 2_000, "__x__", "naïf"):
        assert problem(call(main, "GET", f"/events/{key}")) == (404, "not-found")
    assert documents.read == []


def test_what_is_too_large_for_a_document_is_not_kept(documents: Documents):
    live.put("large", "x" * live.LARGEST_BYTES, seconds=30)
    assert documents.stored == {}
