"""EM-013..016 at scale: among thousands of events every kind of search goes through the index made for it."""

import pytest
from sqlalchemy import text

from shared.catalog import events, search
from shared.catalog.search import EventSearch
from shared.cloud.clients import make_engine
from shared.cloud.database import transaction
from tests.benchmarks.search_data import fill
from tests.factories import a_user, an_event

EVENTS = 6_000


@pytest.fixture(scope="module", autouse=True)
def many_events(own_database: str) -> None:
    """A catalogue of some size, analysed as autovacuum does it."""
    with transaction() as tx:
        fill(tx, EVENTS)
    analyse()


def analyse() -> None:
    owner = make_engine()
    with owner.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
    owner.dispose()


def plans(**wanted: str) -> tuple[str, str]:
    """The query plans of the count and of the page."""
    asked = search.build_query(EventSearch.model_validate_strings(wanted))
    with transaction() as tx:
        counting, reading = (
            "\n".join(tx.execute(text(f"EXPLAIN {statement}"), asked.values).scalars())
            for statement in (asked.count, asked.page)
        )
    return counting, reading


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, "events_upcoming"),
        ({"sort": "-date"}, "events_upcoming"),
        ({"page": "20"}, "events_upcoming"),
        ({"from": "2099-01-01"}, "events_ending"),
        ({"from": "2099-01-01T00:00:00Z"}, "events_ending"),
        ({"to": "2026-01-01"}, "events_upcoming"),
        ({"category": "musik"}, "events_category_compact"),
        ({"category": "musik", "sort": "-date"}, "events_category_compact"),
        ({"location": "gedung kopi 12"}, "events_place_compact"),
        ({"city": "Jakarta"}, "events_location_compact"),
        ({"q": "gamelan bandung"}, "events_search_folded"),
        ({"q": "gamelan band"}, "events_search_folded"),
        ({"sort": "price"}, "event_prices_price"),
        ({"sort": "price", "price_min": "500000"}, "event_prices_price"),
    ],
    ids=str,
)
def test_a_page_is_read_through_its_index(wanted: dict[str, str], index: str):
    _, reading = plans(**wanted)
    assert index in reading, reading
    assert "Seq Scan" not in reading, reading


@pytest.mark.parametrize(
    "wanted", [{}, {"category": "musik"}, {"city": "solo"}, {"sort": "-date"}, {"sort": "price"}], ids=str
)
def test_how_many_there_are_is_counted_in_the_index_alone(wanted: dict[str, str]):
    counting, _ = plans(**wanted)
    assert "Index Only Scan" in counting, counting
    assert "event_prices" not in counting, counting


@pytest.mark.parametrize("sort", ["date", "-date", "price"])
def test_a_page_in_order_is_read_without_sorting(sort: str):
    _, reading = plans(sort=sort)
    assert "Sort" not in reading, reading


def test_where_many_events_are_the_next_twenty_are_read_and_not_all():
    _, reading = plans(location="jakarta")
    assert "events_upcoming" in reading, reading


def test_how_to_look_for_a_word_is_planned_for_that_word():
    with transaction() as tx:
        for word in ["gamelan", "wayang", "kopi", "batik"] * 4:
            search.search_upcoming(tx, EventSearch(q=word))
        for_any = tx.execute(
            text("SELECT sum(generic_plans) FROM pg_prepared_statements WHERE statement LIKE '%tsquery%'")
        )
        assert for_any.scalar_one() == 0


ADD_CODES = text("""
    INSERT INTO promos (code, organizer_id, percent, created_by)
    SELECT 'KODE' || each, :organizer_id, 10, :organizer_id FROM generate_series(1, 1000) each
""")


def test_whether_an_event_takes_codes_is_known_without_reading_those_of_others():
    with transaction() as tx:
        event = an_event(tx)
        for _ in range(20):
            tx.execute(ADD_CODES, {"organizer_id": a_user(tx, role="organizer").id})
    analyse()
    with transaction() as tx:
        lines = tx.execute(text(f"EXPLAIN {events._READ.text}"), {"key": None, "id": event.id}).scalars()
        reading = "\n".join(lines)
    assert "Seq Scan on promos" not in reading, reading
