"""Requests of organizers and visitors are checked."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from shared.catalog.events import EventChange, ListedTierChange, NewEvent
from shared.catalog.search import EventSearch
from shared.catalog.tiers import NewTier, TierChange

EVENT = (
    '{"title": "Konser", "category": "musik", "location": "Jakarta", "capacity": 100,'
    ' "start_date": "2027-01-01T19:00:00+07:00", "end_date": "2027-01-01T23:00:00+07:00"%s}'
)


def test_times_are_turned_to_utc():
    event = NewEvent.model_validate_json(EVENT % "")
    assert event.start_date == datetime(2027, 1, 1, 12, tzinfo=UTC)
    assert event.start_date.tzinfo is UTC
    assert event.timezone == "Asia/Jakarta"


@pytest.mark.parametrize(
    "extra",
    [
        ', "timezone": "Asia/Bandung"',
        ', "timezone": "../etc/passwd"',
        ', "capacity": 0',
        ', "capacity": 3000000000',
        ', "status": "published"',
        ', "start_date": "2027-01-01T19:00:00"',
        ', "tiers": [{"name": "A", "price": 1.5, "quota": 1}]',
        ', "tiers": [{"name": "A", "price": -1, "quota": 1}]',
        ', "tiers": [{"name": "A", "price": 1, "quota": 0}]',
        ', "tiers": [{"name": "A", "price": 1, "quota": 1, "sold": 0}]',
    ],
)
def test_an_event_that_can_not_be_is_refused(extra: str):
    with pytest.raises(ValidationError):
        NewEvent.model_validate_json(EVENT % extra)


@pytest.mark.parametrize(
    "zone",
    [
        "localtime",
        "posixrules",
        "Factory",
        "EST",
        "GMT+7",
        "Etc/GMT-7",
        "US/Pacific",
        "asia/jakarta",
        "ASIA/JAKARTA",
        "Asia",
        "posix/Asia/Jakarta",
        "right/Asia/Jakarta",
        "/usr/share/zoneinfo/Asia/Jakarta",
        "Asia/../Asia/Jakarta",
        "Asia/Jakarta/",
        "",
    ],
)
@pytest.mark.parametrize("model", [NewEvent, EventChange])
def test_a_zone_that_names_no_place_is_refused(model: type[NewEvent | EventChange], zone: str):
    with pytest.raises(ValidationError, match="IANA"):
        model.model_validate_json(EVENT % f', "timezone": "{zone}"')


EMPTIABLE = {"venue", "gates_open_at", "max_per_person", "name_change_deadline", "waiting_room_opens_at"}


@pytest.mark.parametrize("name", sorted(set(EventChange.model_fields) - EMPTIABLE))
def test_of_an_event_only_the_venue_three_moments_and_a_limit_can_be_emptied(name: str):
    with pytest.raises(ValidationError, match=name):
        EventChange.model_validate({name: None})
    for empty in EMPTIABLE:
        assert EventChange.model_validate({empty: None}).model_fields_set == {empty}


@pytest.mark.parametrize(
    "name", ["name", "price", "quota", "description", "kind", "max_per_order", "requires_identity"]
)
def test_of_a_tier_only_dates_and_the_early_bird_price_can_be_emptied(name: str):
    with pytest.raises(ValidationError, match="may not be null"):
        TierChange.model_validate({name: None})
    TierChange.model_validate({"sale_start": None, "sale_end": None, "early_bird_price": None})


def test_a_listed_tier_with_an_id_is_a_change_and_one_without_is_new():
    wanted = EventChange.model_validate_json(
        '{"tiers": [{"id": "7b2d1c5e-6f0a-4f6e-9a59-0d4f2b0c9e11", "quota": 5},'
        ' {"name": "VIP", "price": 500000, "quota": 5}]}'
    )
    assert [type(tier) for tier in wanted.tiers] == [ListedTierChange, NewTier]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"from": "2027-01-01"}, date(2027, 1, 1)),
        ({"from": "2027-01-01T00:00:00Z"}, datetime(2027, 1, 1, tzinfo=UTC)),
        ({"from": ""}, None),
        ({}, None),
    ],
)
def test_a_bare_date_is_a_day_and_anything_else_a_moment(given: dict[str, str], expected: date | None):
    assert EventSearch.model_validate_strings(given).from_ == expected


@pytest.mark.parametrize(
    "given",
    [
        {"page_size": "101"},
        {"page": "0"},
        {"sort": "name"},
        {"from": "yesterday"},
        {"from": "2027-02-30"},
        {"to": "0001-01-01"},
        {"price_min": "1.5"},
        {"x": "1"},
    ],
    ids=str,
)
def test_a_search_that_makes_no_sense_is_refused(given: dict[str, Any]):
    with pytest.raises(ValidationError):
        EventSearch.model_validate_strings(given)
