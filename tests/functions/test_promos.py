"""Promo codes by HTTP: who offers what, and a sale with one from end to end (TS-006)."""

from uuid import uuid4

import pytest

from tests.people import World
from tests.stack import Client


def code() -> str:
    return f"KODE-{uuid4().hex[:8].upper()}"


@pytest.fixture
def admin(world: World) -> Client:
    return world.somebody("admin").api


def test_a_sale_with_a_code(world: World):
    organizer, buyer = world.somebody("organizer"), world.somebody()
    event = organizer.publish({"name": "Festival", "price": 150_000, "quota": 100})
    name = code()
    offered = organizer.api.post(
        "promos", {"code": name.lower(), "event_id": event["id"], "percent": 20, "max_uses": 1}, status=201
    )
    assert (offered["code"], offered["funded_by"], offered["uses"]) == (name, "organizer", 0)

    order = buyer.reserve(event, [2], promo_code=name.lower())
    assert (order["promo_code"], order["discount_amount"], order["total_amount"]) == (name, 60_000, 260_000)
    payment = buyer.checkout(order)
    assert payment["amount"] == 260_000
    other = world.somebody()
    assert other.reserve(event, promo_code=name, status=409)["type"].endswith("/promo-exhausted")
    assert organizer.api.get(f"promos/{offered['id']}")["uses"] == 1

    world.gateway("xendit", payment["gateway_reference"], "pay")
    assert buyer.until_tickets(order, 2)["status"] == "paid"
    refused = other.reserve(event, promo_code="TIDAK-ADA", status=422)
    assert refused["type"].endswith("/promo-invalid")
    assert refused["errors"][0]["field"] == "promo_code"


def test_a_code_is_changed_taken_back_and_listed(world: World):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    name = code()
    body = {"code": name, "event_id": event["id"], "amount": 10_000, "tier_ids": [event["tiers"][0]["id"]]}
    promo = organizer.api.post("promos", body, status=201)
    assert organizer.api.post("promos", body, status=409)["type"].endswith("/promo-code-taken")

    address = f"promos/{promo['id']}"
    changed = organizer.api.call("PUT", address, json={"amount": 5_000, "max_uses": 1}, status=200).json()
    assert (changed["amount"], changed["max_uses"], changed["is_active"]) == (5_000, 1, True)
    world.somebody().reserve(event, promo_code=name)
    organizer.api.call("PUT", address, json={"percent": 5}, status=422)
    organizer.api.call("PUT", address, json={"amount": None, "percent": 5, "max_uses": 3}, status=200)
    world.somebody().reserve(event, promo_code=name)
    too_low = organizer.api.call("PUT", address, json={"max_uses": 1}, status=409).json()
    assert too_low["type"].endswith("/promo-used-more-often")

    organizer.api.call("PUT", address, json={"is_active": False}, status=200)
    assert "no longer" in world.somebody().reserve(event, promo_code=name, status=422)["detail"]
    assert [each["id"] for each in organizer.api.get(f"promos?event_id={event['id']}")["items"]] == [promo["id"]]


def test_a_code_that_waives_the_fee_makes_an_order_free(world: World):
    organizer, buyer = world.somebody("organizer"), world.somebody()
    event, name = organizer.publish({"name": "Festival", "price": 150_000, "quota": 100}), code()
    promo = organizer.api.post("promos", {"code": name, "event_id": event["id"], "percent": 100}, status=201)
    assert promo["waives_fee"] is False
    address = f"promos/{promo['id']}"
    assert organizer.api.call("PUT", address, json={"waives_fee": True}, status=200).json()["waives_fee"] is True
    assert organizer.api.call("PUT", address, json={"percent": 100}, status=200).json()["waives_fee"] is True
    organizer.api.call("PUT", address, json={"waives_fee": None}, status=422)
    order = buyer.reserve(event, [1], promo_code=name)
    assert (order["discount_amount"], order["platform_fee"], order["total_amount"]) == (150_000, 0, 0)
    assert [(item["platform_fee"], item["waived_fee"]) for item in order["items"]] == [(0, 10_000)]
    buyer.checkout(order)
    assert buyer.until_tickets(order, 1)["status"] == "paid"
    assert organizer.api.get(address)["spent"] == 160_000


def test_a_code_of_somebody_else_is_not_there(world: World):
    organizer, rival = world.somebody("organizer"), world.somebody("organizer")
    event, name = organizer.publish(), code()
    promo = organizer.api.post("promos", {"code": name, "percent": 5}, status=201)
    assert promo["event_id"] is None
    rival.api.call("GET", f"promos/{promo['id']}", status=404)
    rival.api.call("PUT", f"promos/{promo['id']}", json={"percent": 100}, status=404)
    rival.api.post("promos", {"code": name, "percent": 5}, status=201)  # not even that it is taken
    rival.api.post("promos", {"code": code(), "percent": 5, "event_id": event["id"]}, status=404)
    assert promo["id"] not in {each["id"] for each in rival.api.get("promos")["items"]}


def test_only_the_platform_offers_what_it_pays(world: World, admin: Client):
    organizer, buyer = world.somebody("organizer"), world.somebody()
    event, name = organizer.publish(), code()
    platform = {"code": name, "percent": 10, "funded_by": "platform"}
    organizer.api.post("promos", platform, status=403)
    promo = admin.post("promos", platform, status=201)
    assert (promo["organizer_id"], promo["event_id"], promo["funded_by"]) == (None, None, "platform")
    assert (promo["budget"], promo["max_discount"]) == (25_000_000, 500_000)  # ours, where none are given
    only = {**platform, "code": code(), "budget": 1_000_000, "max_discount": 20_000, "organizer_ids": [str(uuid4())]}
    made = admin.post("promos", only, status=201)
    assert made["organizer_ids"] == only["organizer_ids"]
    assert (made["budget"], made["max_discount"]) == (1_000_000, 20_000)
    cleared = {"budget": None, "max_discount": None}
    kept = admin.call("PUT", f"promos/{made['id']}", json=cleared, status=200).json()
    assert (kept["budget"], kept["max_discount"]) == (25_000_000, 500_000)
    refused = organizer.api.post("promos", {"code": code(), "percent": 5, "organizer_ids": [str(uuid4())]}, status=422)
    assert refused["errors"][0]["field"] == "organizer_ids"
    assert buyer.reserve(event, promo_code=name)["discount_amount"] == 15_000
    organizer.api.call("GET", f"promos/{promo['id']}", status=404)
    admin.post("promos", {"code": code(), "percent": 10}, status=422)
    theirs = admin.post("promos", {"code": code(), "percent": 10, "event_id": event["id"]}, status=201)
    assert organizer.api.get(f"promos/{theirs['id']}")["funded_by"] == "organizer"


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({}, "percent"),
        ({"percent": 10, "amount": 5_000}, "percent"),
        ({"amount": 5_000, "max_discount": 1_000}, "max_discount"),
        ({"percent": 10, "starts_at": "2031-05-02T00:00:00Z", "ends_at": "2031-05-01T00:00:00Z"}, "ends_at"),
        ({"percent": 10, "tier_ids": [str(uuid4())]}, "tier_ids"),
        ({"percent": 101}, "percent"),
    ],
)
def test_terms_that_contradict_themselves_are_refused(world: World, terms, field):
    organizer = world.somebody("organizer")
    refused = organizer.api.post("promos", {"code": code(), **terms}, status=422)
    assert refused["errors"][0]["field"] == field
