"""EM-014: visitors choose from categories and cities that there are, each of which finds what it promises."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from shared.catalog import search, search_filters
from shared.catalog.search import EventSearch
from shared.catalog.search_filters import FilterOption
from shared.cloud.database import transaction
from tests.endpoints import call
from tests.integration.catalog.steps import END, START, create, publish

pytestmark = pytest.mark.usefixtures("database")

PAST = {"start_date": datetime.now(UTC) - timedelta(days=2), "end_date": datetime.now(UTC) - timedelta(days=1)}


@pytest.fixture(autouse=True)
def nothing_else(database: str) -> Iterator[None]:
    """Only the events of the test itself are found."""
    with transaction() as tx:
        tx.execute(text("UPDATE events SET status = 'draft' WHERE status = 'published'"))
    return


def offer(category: str, location: str, **fields: object) -> None:
    """A published event."""
    publish(create(category=category, location=location, **fields))


def options(kind: str) -> list[tuple[str, int]]:
    """The categories or the cities, each with the number of its events."""
    return [(option["name"], option["events"]) for option in call("GET", "/events/filters").get_json()[kind]]


def total(**wanted: str) -> int:
    """The number of events that a search finds."""
    with transaction() as tx:
        return search.search_upcoming(tx, EventSearch.model_validate_strings(wanted)).total


def test_the_most_frequent_come_first_and_what_is_not_coming_is_not_counted():
    offer("musik", "Jakarta")
    offer("musik", "Bandung")
    offer("lari", "Bandung")
    offer("kelas", "Medan", **PAST)
    create(category="pameran", location="Padang")
    assert options("categories") == [("musik", 2), ("lari", 1)]
    assert options("cities") == [("Bandung", 2), ("Jakarta", 1)]


def test_spellings_of_one_name_are_one_option():
    for category, location in [("Musik", "DKI Jakarta"), ("musik", "DKI Jakarta"), ("musik", "dki-jakarta")]:
        offer(category, location)
    assert options("categories") == [("musik", 3)]
    assert options("cities") == [("DKI Jakarta", 3)]


def test_each_option_finds_as_many_as_it_says():
    offer("musik", "Bali", venue="Taman Tepi Sawah")
    offer("musik", "Balikpapan")
    offer("seni rupa", "Surabaya", venue="Galeri Bali")
    offer("seni-rupa", "100% Daring_")
    for name, events in options("cities"):
        assert total(city=name) == events == 1, name
    for name, events in options("categories"):
        assert total(category=name) == events, name
    assert total(location="bali") == 3
    assert total(city="bal") == total(city="-") == 0


def test_a_city_goes_with_the_other_filters():
    offer("musik", "Makassar", start_date=START, end_date=END)
    offer("lari", "Makassar", start_date=START, end_date=END)
    day = START.astimezone(ZoneInfo("Asia/Jakarta")).date().isoformat()
    assert total(city="makassar", category="lari", to=day, price_max="100000") == 1
    assert total(city="makassar", q="lari") == 1
    assert total(city="makassar", price_max="99999") == 0


def test_where_nothing_is_coming_there_is_nothing_to_choose():
    assert (options("categories"), options("cities")) == ([], [])


def test_there_are_no_more_options_than_a_page_can_show(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(search_filters, "MAX_CITIES", 2)
    for location in ("Kota C", "Kota A", "Kota B"):
        offer("musik", location)
    with transaction() as tx:
        assert search_filters.read(tx).cities == [
            FilterOption(name="Kota A", events=1),
            FilterOption(name="Kota B", events=1),
        ]
