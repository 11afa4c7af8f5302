"""EM-013..017: browsing, filtering, searching, and the page of one event."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.catalog import events, search
from shared.catalog.events import EventAnswer
from shared.catalog.search import LOWEST_PRICE, EventSearch
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound
from tests.factories import a_tier, an_event
from tests.integration.catalog.steps import END, START, an_organizer, change, create, organizer_of, publish, tier

pytestmark = pytest.mark.usefixtures("database")

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def nothing_else(database: str) -> Iterator[None]:
    """Only the events of the test itself are found."""
    with transaction() as tx:
        tx.execute(text("UPDATE events SET status = 'draft' WHERE status = 'published'"))
    return


def found(**wanted: str) -> list[str]:
    """The titles on the page, in order; `from_` is the query's `from`."""
    query = {name.rstrip("_"): value for name, value in wanted.items()}
    with transaction() as tx:
        return [event.title for event in search.upcoming(tx, EventSearch.model_validate_strings(query)).items]


def offer(title: str, **fields: object) -> EventAnswer:
    """A published event."""
    return publish(create(title=title, **fields))


def test_only_what_is_published_and_not_over_is_listed_soonest_first():
    offer("Kedua", start_date=START + DAY, end_date=END + DAY)
    offer("Pertama")
    create(title="Draf")
    change(offer("Batal"), status="cancelled")
    with transaction() as tx:
        an_event(tx, title="Lewat", starts_at=datetime.now(UTC) - DAY)
        an_event(tx, title="Berlangsung", starts_at=datetime.now(UTC) - timedelta(hours=1))
    assert found() == ["Berlangsung", "Pertama", "Kedua"]
    assert found(sort="-date") == ["Kedua", "Pertama", "Berlangsung"]


def test_a_listed_event_is_told_in_full():
    event = offer("Konser", tiers=[tier(name="VIP"), tier(name="Reguler")])
    with transaction() as tx:
        listed = search.upcoming(tx, EventSearch())
    assert listed.items == [event]
    assert (listed.page, listed.page_size, listed.total) == (1, 20, 1)


def test_pages_are_cut_from_one_stable_order():
    titles = [offer(f"Acara {number}").title for number in range(5)]
    with transaction() as tx:
        pages = [search.upcoming(tx, EventSearch(page=number, page_size=2)) for number in (1, 2, 3, 4)]
    assert [page.total for page in pages] == [5, 5, 5, 5]
    assert [len(page.items) for page in pages] == [2, 2, 1, 0]
    assert sorted(event.title for page in pages for event in page.items) == titles


def test_filters_by_category_place_and_date_hold_together():
    offer("Jazz", category="musik", location="Jakarta Selatan")
    offer("Lari", category="olahraga", location="Jakarta")
    offer("Rock", category="musik", location="Bandung", venue="Sabuga", start_date=START + DAY, end_date=END + DAY)
    assert found(category="musik") == ["Jazz", "Rock"]
    assert sorted(found(location="jakarta")) == ["Jazz", "Lari"]
    assert found(location="sabuga") == ["Rock"]
    assert found(location="100%") == []
    assert found(category="musik", location="jakarta") == ["Jazz"]
    assert found(from_=(START + timedelta(hours=1)).isoformat()) == ["Rock"]
    assert sorted(found(to=START.isoformat())) == ["Jazz", "Lari"]
    assert found(category="", q="", location="") == found()


def test_words_are_searched_in_title_and_description_in_their_indonesian_stems():
    offer("Festival Makanan", description="Permainan dan pertunjukan Nusantara")
    offer("Konser Senja", description="Malam musik di tepi kota")
    assert found(q="makan") == ["Festival Makanan"]
    assert found(q="bermain nusantara") == ["Festival Makanan"]
    assert found(q="konser -kota") == []
    assert found(q='"malam musik"') == ["Konser Senja"]
    assert sorted(found(q="festival or konser")) == ["Festival Makanan", "Konser Senja"]
    assert found(q="' ) :* & | !") == []


def test_among_many_events_the_search_uses_its_index():
    event = offer("Konser")
    with transaction() as tx:
        tx.execute(
            text("""
                INSERT INTO events (organizer_id, title, slug, category, location, start_date, end_date, capacity,
                    status)
                SELECT organizer_id, 'Pameran ' || n, 'pameran-' || n, category, location, start_date, end_date,
                    capacity, status
                FROM events, generate_series(1, 2000) n WHERE id = :id
            """),
            {"id": event.id},
        )
        tx.execute(text("ANALYZE events"))
        query = f"SELECT 1 FROM events e WHERE {search._IS_UPCOMING} AND {search._FILTERS['q']}"
        plan = tx.execute(text(f"EXPLAIN {query}"), {"q": "konser"}).scalars().all()
    assert "events_search" in " ".join(plan)
    assert found(q="konser") == ["Konser"]


def test_prices_are_filtered_and_sorted_by_the_lowest_of_this_moment():
    offer("Mahal", tiers=[tier(price=900_000), tier(price=500_000)])
    offer("Murah", tiers=[tier(price=300_000, early_bird_price=50_000, early_bird_end=START)])
    offer("Tanpa tiket", tiers=[])
    offer("Gratis", tiers=[tier(price=0)])
    assert found(sort="price") == ["Gratis", "Murah", "Mahal", "Tanpa tiket"]
    assert found(price_min="1", sort="price") == ["Murah", "Mahal"]
    assert found(price_max="50000", sort="price") == ["Gratis", "Murah"]
    assert found(price_min="50001", price_max="500000") == ["Mahal"]


@pytest.mark.parametrize("start", [None, -DAY, DAY])
@pytest.mark.parametrize("end", [-timedelta(hours=1), timedelta(hours=30)])
@pytest.mark.parametrize("early", [None, 70_000])
def test_the_price_in_sql_is_the_price_in_python(early: int | None, start: timedelta | None, end: timedelta):
    now = datetime.now(UTC)
    with transaction() as tx:
        event = an_event(
            tx,
            tiers=[
                a_tier(
                    early_bird_price=early,
                    early_bird_start=start if start is None else now + start,
                    early_bird_end=now + end,
                )
            ],
        )
        lowest = tx.execute(text(f"SELECT {LOWEST_PRICE} FROM events e WHERE e.id = :id"), {"id": event.id}).scalar()
        [shown] = events.read(tx, None, str(event.id)).tiers
    assert lowest == shown.current_price


def test_an_event_is_found_by_id_and_by_slug():
    event = offer("Konser")
    with transaction() as tx:
        assert events.read(tx, None, str(event.id)) == event
        assert events.read(tx, None, event.slug) == event
        for key in (str(uuid4()), "no-such-event", "%"):
            with pytest.raises(NotFound):
                events.read(tx, None, key)


VIEWERS: dict[str, Callable[[EventAnswer], Principal | None]] = {
    "nobody": lambda event: None,
    "a customer": lambda event: Principal(uuid4(), "customer", None),
    "another organizer": lambda event: an_organizer(),
    "its organizer": organizer_of,
    "an admin": lambda event: Principal(uuid4(), "admin", None),
}


@pytest.mark.parametrize("viewer", VIEWERS)
def test_a_draft_is_there_for_its_organizer_and_admins_only(viewer: str):
    draft = create()
    who = VIEWERS[viewer](draft)
    with transaction() as tx:
        if viewer in {"its organizer", "an admin"}:
            assert events.read(tx, who, draft.slug) == draft
        else:
            with pytest.raises(NotFound):
                events.read(tx, who, draft.slug)


def test_a_cancelled_event_can_still_be_looked_at():
    event = change(publish(create()), status="cancelled")
    with transaction() as tx:
        assert events.read(tx, None, event.slug).status == "cancelled"
