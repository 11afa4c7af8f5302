"""The state of what an event sells, in a word: sold out, all held, not yet, ended, cancelled."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.catalog.events import EventResponse
from shared.catalog.tiers import TierResponse
from shared.site import offers

NOW = datetime(2026, 12, 1, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(days=3), NOW - timedelta(days=3)


def tier(**facts: object) -> TierResponse:
    usual = {
        "id": uuid4(),
        "event_id": uuid4(),
        "name": "Festival",
        "code": "K7M2QP",
        "kind": "ticket",
        "description": "",
        "price": 150_000,
        "early_bird_price": None,
        "early_bird_start": None,
        "early_bird_end": None,
        "sale_start": None,
        "sale_end": None,
        "max_per_order": 5,
        "requires_identity": False,
        "refundable_after_reveal": False,
        "quota": 100,
        "current_price": 150_000,
        "reserved": 0,
        "sold": 0,
        "available": 100,
        "sold_out": False,
        "on_sale": True,
    }
    return TierResponse(**usual | facts)


def event(*tiers: TierResponse, **facts: object) -> EventResponse:
    usual = {
        "id": uuid4(),
        "slug": "konser",
        "status": "published",
        "organizer_id": uuid4(),
        "title": "Konser",
        "description": "",
        "category": "musik",
        "location": "Jakarta",
        "venue": None,
        "start_date": LATER,
        "end_date": LATER + timedelta(hours=4),
        "timezone": "Asia/Jakarta",
        "capacity": 100,
        "terms": "",
        "max_per_person": None,
        "one_purchase_per_person": False,
        "banner_url": None,
        "created_at": EARLIER,
        "tiers": list(tiers),
    }
    return EventResponse(**usual | facts)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "on_sale"),
        ({"available": 0, "sold": 100}, "sold_out"),
        ({"available": 0, "sold": 90, "reserved": 10}, "held"),
        ({"sale_start": LATER}, "not_yet"),
        ({"sale_end": EARLIER}, "ended"),
    ],
)
def test_a_tier_says_why_it_cannot_be_bought(facts, state):
    offer = offers.of_event(event(tier(**facts)), NOW)
    assert (offer.offers[0].state, offer.state) == (state, state)
    assert (offer.offers[0].max_quantity > 0) == (state == "on_sale")


def test_no_more_can_be_chosen_than_is_left_and_one_order_may_have():
    few, many = offers.of_event(event(tier(available=2), tier(available=50)), NOW).offers
    assert (few.max_quantity, few.low_stock) == (2, 2)
    assert (many.max_quantity, many.low_stock) == (5, None)


def test_an_event_sells_while_one_of_its_tiers_does():
    offer = offers.of_event(event(tier(available=0, sold=100), tier(current_price=50_000), tier(price=90_000)), NOW)
    assert (offer.state, offer.lowest_price, offer.highest_price) == ("on_sale", 50_000, 150_000)


def test_a_jersey_is_neither_the_price_of_a_race_nor_what_is_left_of_it():
    jersey = tier(kind="product", current_price=20_000)
    offer = offers.of_event(event(tier(current_price=50_000), jersey), NOW)
    assert (offer.lowest_price, offer.highest_price) == (50_000, 50_000)
    offer = offers.of_event(event(tier(available=0, sold=100), jersey), NOW)
    assert (offer.state, offer.can_be_bought, offer.lowest_price) == ("sold_out", True, 20_000)
    assert offers.of_event(event(jersey), NOW).state == "on_sale"


@pytest.mark.parametrize("gone", [{"available": 0, "sold": 100}, {"sale_end": EARLIER}])
def test_who_wants_a_jersey_waits_only_while_there_are_tickets_to_queue_for(gone):
    jersey, rush = tier(kind="product"), {"waiting_room_opens_at": EARLIER}
    offer = offers.of_event(event(tier(), jersey, **rush), NOW)
    assert (offer.has_queue, offer.can_be_bought) == (True, False)
    offer = offers.of_event(event(tier(**gone), jersey, **rush), NOW)
    assert (offer.has_queue, offer.can_be_bought) == (False, True)


@pytest.mark.parametrize(("facts", "state"), [({"status": "cancelled"}, "cancelled"), ({"end_date": EARLIER}, "ended")])
def test_what_is_cancelled_or_over_sells_nothing(facts, state):
    offer = offers.of_event(event(tier(), **facts), NOW)
    assert (offer.state, offer.lowest_price) == (state, None)


def test_an_early_bird_shows_that_its_price_rises():
    [offer] = offers.of_event(event(tier(current_price=100_000, early_bird_price=100_000)), NOW).offers
    assert offer.is_early_bird


def test_while_sales_are_paused_nothing_can_be_chosen_and_nothing_is_said_to_be_nearly_gone():
    few = tier(available=3)
    assert (offers.of_event(event(few), NOW).can_be_bought, offers.of_event(event(few), NOW).offers[0].low_stock) == (
        True,
        3,
    )
    paused = offers.of_event(event(few), NOW, is_paused=True)
    assert (paused.can_be_bought, paused.offers[0].low_stock, paused.state) == (False, None, "on_sale")
