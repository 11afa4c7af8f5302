"""The events endpoints as callers meet them: addresses, status codes, field names, who may (docs/reference/api.md)."""

from typing import Any
from uuid import uuid4

import pytest

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from tests.endpoints import call, problem
from tests.factories import a_user
from tests.integration.catalog.steps import an_organizer

pytestmark = pytest.mark.usefixtures("database")

NEW_EVENT: dict[str, Any] = {
    "title": "Konser Senja",
    "description": "Malam musik",
    "category": "musik",
    "location": "Jakarta",
    "venue": "Istora",
    "start_date": "2099-01-01T19:00:00+07:00",
    "end_date": "2099-01-01T23:00:00+07:00",
    "timezone": "Asia/Jakarta",
    "capacity": 100,
    "terms": "Tanpa pengembalian",
    "tiers": [{"name": "VIP", "price": 500_000, "quota": 10, "max_per_order": 2}],
}
EVENT_FIELDS = {*NEW_EVENT, "id", "slug", "status", "organizer_id", "banner_url"}
TIER_FIELDS = {
    "id",
    "name",
    "price",
    "quota",
    "description",
    "kind",
    "max_per_order",
    "sale_start",
    "sale_end",
    "early_bird_price",
    "early_bird_start",
    "early_bird_end",
    "requires_identity",
    "current_price",
    "reserved",
    "sold",
    "available",
    "sold_out",
}


def a_published_event(organizer: Principal) -> dict[str, Any]:
    """Create and publish through the endpoint."""
    created = call("POST", "/events", by=organizer, json=NEW_EVENT)
    assert created.status_code == 201, created.get_data(as_text=True)
    path = f"/events/{created.get_json()['id']}"
    published = call("PUT", path, by=organizer, json={"status": "published"})
    assert published.status_code == 200, published.get_data(as_text=True)
    event: dict[str, Any] = published.get_json()
    return event


def test_an_event_is_answered_with_everything_the_contract_names():
    event = a_published_event(an_organizer())
    assert set(event) >= EVENT_FIELDS
    assert set(event["tiers"][0]) >= TIER_FIELDS
    assert event["start_date"] == "2099-01-01T12:00:00Z"
    assert (event["tiers"][0]["current_price"], event["tiers"][0]["available"]) == (500_000, 10)


def test_anybody_may_look():
    event = a_published_event(an_organizer())
    listed = call("GET", "/events", query_string={"category": "musik", "page_size": 1, "sort": "-date"})
    assert listed.status_code == 200
    assert set(listed.get_json()) == {"items", "page", "page_size", "total"}
    for key in (event["id"], event["slug"]):
        assert call("GET", f"/events/{key}").get_json() == event
        tickets = call("GET", f"/events/{key}/tickets").get_json()
        assert tickets == {"event_id": event["id"], "status": "published", "tiers": event["tiers"]}
    assert problem(call("GET", "/events/there-is-none")) == (404, "not-found")
    assert problem(call("GET", "/events", query_string={"page_size": 101})) == (422, "invalid")


def test_tiers_are_added_and_changed():
    organizer = an_organizer()
    event = a_published_event(organizer)
    path = f"/events/{event['id']}/tiers"
    added = call("POST", path, by=organizer, json={"name": "Reguler", "price": 100_000, "quota": 90})
    assert (added.status_code, added.get_json()["available"]) == (201, 90)
    changed = call("PUT", f"{path}/{added.get_json()['id']}", by=organizer, json={"price": 120_000})
    assert (changed.status_code, changed.get_json()["price"]) == (200, 120_000)
    over = call("POST", path, by=organizer, json={"name": "Lagi", "price": 0, "quota": 1})
    assert problem(over) == (422, "capacity-exceeded")
    unknown = call("PUT", f"{path}/{uuid4()}", by=organizer, json={"price": 1})
    assert problem(unknown) == (404, "not-found")


def test_only_organizers_create_and_only_their_own_events_are_changed():
    event = a_published_event(an_organizer())
    with transaction() as tx:
        customer = a_user(tx)
    assert problem(call("POST", "/events", json=NEW_EVENT)) == (401, "not-signed-in")
    assert problem(call("POST", "/events", by=customer, json=NEW_EVENT)) == (403, "forbidden")
    for method, path in (("PUT", f"/events/{event['id']}"), ("DELETE", f"/events/{event['id']}")):
        answer = call(method, path, by=an_organizer(), json={"title": "Milikku"})
        assert problem(answer) == (404, "not-found")


def test_a_draft_is_deleted():
    organizer = an_organizer()
    created = call("POST", "/events", by=organizer, json=NEW_EVENT).get_json()
    assert problem(call("GET", f"/events/{created['slug']}")) == (404, "not-found")
    assert call("DELETE", f"/events/{created['id']}", by=organizer).status_code == 204
    assert problem(call("GET", f"/events/{created['id']}", by=organizer)) == (404, "not-found")


def test_wrong_fields_are_named_where_they_stand():
    wrong = {**NEW_EVENT, "timezone": "Asia/Bandung", "tiers": [{"name": "VIP", "price": 1.5, "quota": 1}]}
    answer = call("POST", "/events", by=an_organizer(), json=wrong)
    assert problem(answer) == (422, "invalid")
    assert {error["field"] for error in answer.get_json()["errors"]} == {"timezone", "tiers.0.price"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "Konser Fajar"),
        ("description", "Pagi musik"),
        ("category", "teater"),
        ("location", "Bandung"),
        ("venue", "Gedung Sate"),
        ("start_date", "2099-02-01T12:00:00Z"),
        ("end_date", "2099-02-01T16:00:00Z"),
        ("timezone", "Asia/Makassar"),
        ("capacity", 500),
        ("terms", "Bawa identitas"),
    ],
)
def test_each_field_of_an_event_can_be_changed_by_itself(field: str, value: Any):
    organizer = an_organizer()
    event = call("POST", "/events", by=organizer, json={**NEW_EVENT, "end_date": "2099-03-01T16:00:00Z"}).get_json()
    changed = call("PUT", f"/events/{event['id']}", by=organizer, json={field: value})
    assert changed.status_code == 200, changed.get_data(as_text=True)
    assert changed.get_json()[field] == value


@pytest.mark.parametrize("field", ["title", "start_date", "end_date", "capacity", "status"])
def test_a_field_that_every_event_has_can_not_be_emptied(field: str):
    event = a_published_event(organizer := an_organizer())
    assert problem(call("PUT", f"/events/{event['id']}", by=organizer, json={field: None}))[0] == 422


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Platinum"),
        ("price", 600_000),
        ("quota", 12),
        ("description", "Dekat panggung"),
        ("max_per_order", 3),
        ("sale_start", "2098-01-01T00:00:00Z"),
        ("sale_end", "2098-12-01T00:00:00Z"),
        ("requires_identity", True),
    ],
)
def test_each_field_of_a_tier_can_be_changed_by_itself(field: str, value: Any):
    organizer = an_organizer()
    event = call("POST", "/events", by=organizer, json=NEW_EVENT).get_json()
    path = f"/events/{event['id']}/tiers/{event['tiers'][0]['id']}"
    changed = call("PUT", path, by=organizer, json={field: value})
    assert changed.status_code == 200, changed.get_data(as_text=True)
    [tier] = call("GET", f"/events/{event['id']}", by=organizer).get_json()["tiers"]
    assert tier[field] == value
