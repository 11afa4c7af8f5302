"""Titles, places and tiers are names: nothing in them leads anywhere, for we print and mail them to others."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.catalog.events import EventChange, NewEvent
from shared.catalog.tiers import NewTier, TierChange

LINKS = ["Hadiah di evil.example", "https://karcis-bantuan.com", "tulis ke admin@example.com", "karcis．com/masuk"]
DESCRIBED = {
    "title": "Konser Senja",
    "category": "music",
    "location": "Bandung",
    "start_date": datetime(2027, 1, 1, tzinfo=UTC),
    "end_date": datetime(2027, 1, 2, tzinfo=UTC),
    "capacity": 10,
}


@pytest.mark.parametrize("words", LINKS)
@pytest.mark.parametrize("field", ["title", "venue", "location"])
def test_no_event_is_named_with_a_link(field: str, words: str):
    for body, facts in ((NewEvent, DESCRIBED), (EventChange, {})):
        with pytest.raises(ValidationError, match="without links"):
            body(**{**facts, field: words})


@pytest.mark.parametrize("words", LINKS)
def test_no_tier_is_named_with_a_link(words: str):
    for body, facts in ((NewTier, {"price": 0, "quota": 1}), (TierChange, {})):
        with pytest.raises(ValidationError, match="without links"):
            body(**{**facts, "name": words})


def test_an_old_name_with_a_link_keeps_nobody_from_changing_the_rest():
    assert EventChange(capacity=20).capacity == 20


@pytest.mark.parametrize("words", ["Jazz @ GBK, 12/11/2026", "Gd.Sate, Jl.Asia Afrika No.8/9", "Pre-Sale 1 / VIP"])
def test_names_of_events_and_places_are_names(words: str):
    assert NewEvent(**{**DESCRIBED, "title": words, "venue": words}).title == words
