"""EM-013..017: browsing, filtering, searching, and the page of one event."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared import local_time
from shared.catalog import events, search, search_normalization
from shared.catalog.events import EventResponse
from shared.catalog.search import EventSearch
from shared.catalog.tiers import EXCERPT_LENGTH, TierResponse
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound
from shared.sales.pricing import current_price
from tests.factories import a_tier, an_event
from tests.integration.catalog.steps import (
    END,
    START,
    add_tier,
    an_organizer,
    change,
    change_tier,
    create,
    organizer_of,
    publish,
    tier,
)

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
        return [event.title for event in search.search_upcoming(tx, EventSearch.model_validate_strings(query)).items]


def offer(title: str, **fields: object) -> EventResponse:
    """A published event."""
    return publish(create(title=title, **fields))


def test_of_long_texts_lists_show_the_beginning_and_the_events_page_all():
    short, long = "a" * EXCERPT_LENGTH, "b" * (EXCERPT_LENGTH + 1)
    event = offer("Panjang", description=long, terms=short, tiers=[tier(description=long), tier(description=short)])
    with transaction() as tx:
        (listed,) = search.search_upcoming(tx, EventSearch()).items
        whole = events.get(tx, event.id)
    brief = "b" * (EXCERPT_LENGTH - 1) + "…"
    assert (listed.description, listed.terms) == (brief, short)
    assert [each.description for each in listed.tiers] == [brief, short]
    assert (whole.description, [each.description for each in whole.tiers]) == (long, [long, short])
    whole_of_a_list = whole.model_copy(update={"takes_promo_codes": None})
    assert listed.model_copy(update={"description": long, "tiers": whole.tiers}) == whole_of_a_list


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
        listed = search.search_upcoming(tx, EventSearch())
    assert listed.items == [event.model_copy(update={"takes_promo_codes": None})]
    assert (listed.page, listed.page_size, listed.total) == (1, 20, 1)


def test_pages_are_cut_from_one_stable_order():
    titles = [offer(f"Acara {number}").title for number in range(5)]
    with transaction() as tx:
        pages = [search.search_upcoming(tx, EventSearch(page=number, page_size=2)) for number in (1, 2, 3, 4)]
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
    assert sorted(found(from_=(START + timedelta(hours=1)).isoformat())) == ["Jazz", "Lari", "Rock"]
    assert found(from_=END.isoformat()) == ["Rock"]
    assert sorted(found(to=START.isoformat())) == ["Jazz", "Lari"]
    assert found(category="", q="", location="") == found()


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("Beyoncé di Jakarta", "beyonce"),
        ("Beyonce di Jakarta", "Beyoncé"),
        ("Rosé", "ROSE"),
        ("Salat Jum'at", "jumat"),
        ("Salat Jumat", "jum'at"),
        ("Salat Jum’at", "jum'at"),
        ("Salat Jum'at", "jum‘at"),
        ("Lomba Qur'an", "quran"),
        ("MTQ Al-Quran", "quran"),
        ("MTQ Al-Qur’an", "al-quran"),
        ("MTQ Al–Quran", "al quran"),
        ("MTQ Alquran", "al-qur'an"),
        ("Lomba 17-an", "17an"),
        ("Lomba 17an", "17-an"),
        ("Lomba 17‐an", "17-an"),
        ("Café Ångström Øresund", "cafe angstrom ores"),
        ("Straße", "strasse"),
        ("Konser Malam Musik", "“malam musik”"),
        ("Ｆｕｌｌ　Ｗｉｄｔｈ", "full width"),
    ],
)
def test_accents_apostrophes_hyphens_and_capitals_make_no_difference(title: str, asked: str):
    offer(title, category="lain")
    assert found(q=asked) == [title]


def test_a_hyphen_before_a_word_still_excludes_it():
    offer("Jazz-Rock di Taman")
    assert found(q="jazz -rock") == []
    assert found(q="jazz-rock") == found(q="jazzrock") == found(q="rock") == ["Jazz-Rock di Taman"]
    assert found(q="konser – senja") == []


def test_filters_ignore_how_a_name_is_written():
    offer("A", category="Musik", location="Masjid Al-Azhar", venue="Aula Jum'at")
    for category in ("musik", "MUSIK", "Músik"):
        assert found(category=category) == ["A"], category
    for location in ("al azhar", "AL-AZHAR", "alazhar", "jum’at", "jumat", "azhar aula"):
        assert found(location=location) == ["A"], location
    assert found(location="-") == found(category="'") == []
    offer("B", category="Pop-Rock")
    assert found(category="pop rock") == ["B"]


def test_the_database_folds_as_we_do():
    samples = ["Beyoncé", "Jum'at Qur’an ‘xʼ", "17-an 17‐an a—b", "ØŁĐ æœßþ Ａ１", "Việt Nam", "한국 ไทย عربي"]
    with transaction() as tx:
        for sample in samples:
            both = tx.execute(text("SELECT search_fold(:s), search_compact(:s)"), {"s": sample}).one()
            assert tuple(both) == (search_normalization.normalize(sample), search_normalization.remove_gaps(sample))


def test_the_database_knows_every_zone_that_an_event_may_have():
    with transaction() as tx:
        known = set(tx.execute(text("SELECT name FROM pg_timezone_names")).scalars())
    assert local_time.zones() <= known


def moments(first: str, last: str) -> dict[str, datetime]:
    return {"start_date": datetime.fromisoformat(first), "end_date": datetime.fromisoformat(last)}


def test_an_event_fits_that_overlaps_the_days_asked_in_its_own_zone():
    year = datetime.now(UTC).year + 1
    new_year = moments(f"{year}-12-31T15:30:00Z", f"{year}-12-31T17:30:00Z")  # 00.30 to 02.30 in Jayapura
    offer("Jayapura", timezone="Asia/Jayapura", **new_year)
    offer("Jakarta", **new_year)  # 22.30 to 00.30
    offer("Honolulu", timezone="Pacific/Honolulu", **new_year)  # early on the 31st
    new_years_day, eve = f"{year + 1}-01-01", f"{year}-12-31"
    assert sorted(found(from_=new_years_day)) == ["Jakarta", "Jayapura"]
    assert sorted(found(from_=new_years_day, to=new_years_day)) == ["Jakarta", "Jayapura"]
    assert sorted(found(to=eve)) == ["Honolulu", "Jakarta"]
    assert found(from_=f"{year + 1}-01-02") == []
    assert found(to=f"{year}-12-30") == []


def test_a_fair_that_runs_for_weeks_fits_every_one_of_its_days():
    fair = offer("Pekan Raya", start_date=START, end_date=START + 20 * DAY)
    day = (START + 10 * DAY).date().isoformat()
    assert found(from_=day, to=day) == ["Pekan Raya"]
    moment = (START + 10 * DAY).isoformat()
    assert found(from_=moment, to=moment) == ["Pekan Raya"]
    change(fair, end_date=START + 5 * DAY)
    assert found(from_=day, to=day) == found(from_=moment, to=moment) == []


def test_an_event_that_ends_at_midnight_is_not_of_the_next_day():
    year = datetime.now(UTC).year + 1
    offer("Malam", **moments(f"{year}-06-01T12:00:00Z", f"{year}-06-01T17:00:00Z"))  # 19.00 to 24.00
    assert found(from_=f"{year}-06-01", to=f"{year}-06-01") == ["Malam"]
    assert found(from_=f"{year}-06-02") == []


def test_words_are_searched_in_title_and_description_in_their_indonesian_stems():
    offer("Festival Makanan", description="Permainan dan pertunjukan Nusantara")
    offer("Konser Senja", description="Malam musik di tepi kota")
    assert found(q="makan") == ["Festival Makanan"]
    assert found(q="bermain nusantara") == ["Festival Makanan"]
    assert found(q="konser -kota") == []
    assert found(q='"malam musik"') == ["Konser Senja"]
    assert sorted(found(q="festival or konser")) == ["Festival Makanan", "Konser Senja"]
    assert found(q="' ) :* & | !") == []


def test_places_are_searched_too_and_the_beginning_of_the_last_word_is_enough():
    offer("Konser Senja", location="Yogyakarta", venue="Gedung Societet")
    offer("Pameran Buku", location="Bandung")
    assert found(q="societet") == ["Konser Senja"]
    assert found(q="yogya") == ["Konser Senja"]
    assert found(q="konser yog") == ["Konser Senja"]
    assert found(q="KONS") == ["Konser Senja"]
    assert found(q="kons pameran") == [], "only of the last word"
    assert found(q="pameran -band") == ["Pameran Buku"], "what is excluded is excluded as a whole word"
    assert found(q='konser "yog') == []
    assert found(q="ko") == [], "two letters begin too many words"


def test_the_best_match_comes_first_unless_an_order_is_asked_for():
    offer("Pasar Malam", description="Dengan panggung jazz kecil")
    offer("Jazz di Taman", start_date=START + DAY, end_date=END + DAY)
    assert found(q="jazz") == ["Jazz di Taman", "Pasar Malam"]
    assert found(q="jazz", sort="date") == ["Pasar Malam", "Jazz di Taman"]


def test_prices_are_filtered_and_sorted_by_the_lowest_of_this_moment():
    offer("Mahal", tiers=[tier(price=900_000), tier(price=500_000)])
    offer("Murah", tiers=[tier(price=300_000, early_bird_price=50_000, early_bird_end=START)])
    offer("Tanpa tiket", tiers=[])
    offer("Gratis", tiers=[tier(price=0)])
    assert found(sort="price") == ["Gratis", "Murah", "Mahal", "Tanpa tiket"]
    assert found(price_min="1", sort="price") == ["Murah", "Mahal"]
    assert found(price_max="50000", sort="price") == ["Gratis", "Murah"]
    assert found(price_min="50001", price_max="500000") == ["Mahal"]


def test_an_event_is_not_found_by_the_price_of_a_presale_that_is_over_or_of_a_sale_to_come():
    now = datetime.now(UTC)
    event = offer("Konser", tiers=[tier(price=50_000, sale_end=now + DAY), tier(price=200_000)])
    offer("Teater", tiers=[tier(price=40_000, sale_start=now + DAY), tier(price=150_000)])
    offer("Lari", tiers=[tier(price=120_000, sale_start=now + DAY)])
    assert found(sort="price") == ["Konser", "Lari", "Teater"]
    presale = event.tiers[0]
    change(event, tiers=[{"id": presale.id, "sale_end": now - timedelta(hours=1)}])
    assert found(sort="price") == ["Lari", "Teater", "Konser"]
    assert found(price_max="100000") == []
    assert price_at(event.id, now - DAY) == 50_000


def test_the_price_of_a_race_is_not_that_of_its_jersey():
    offer("Lari", tiers=[tier(price=225_000, kind="registration"), tier(price=100_000, kind="product")])
    offer("Pasar", tiers=[tier(price=150_000, kind="product")])
    assert found(sort="price") == ["Pasar", "Lari"]
    assert found(price_max="200000") == ["Pasar"]
    with transaction() as tx:
        tx.execute(text("UPDATE ticket_tiers SET kind = 'ticket' WHERE price = 100000"))
    assert found(price_max="200000", sort="price") == ["Lari", "Pasar"]


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
        [shown] = events.read(tx, None, str(event.id)).tiers
    assert price_at(event.id, now) == shown.current_price


def price_at(event_id: UUID, moment: datetime) -> int | None:
    """The lowest price of an event at a moment, as the search knows it."""
    with transaction() as tx:
        spans = tx.execute(
            text("SELECT price FROM event_prices WHERE event_id = :id AND starts_at <= :at AND ends_at > :at"),
            {"id": event_id, "at": moment},
        )
        [price] = spans.scalars()
    return price


MOMENTS = [START + timedelta(hours=hours) for hours in range(-60, 61, 5)]
"""On, between and beside the limits of the early-bird windows below."""


@pytest.mark.parametrize("seed", range(12))
def test_the_lowest_price_is_right_at_every_moment_whatever_was_changed(seed: int):
    chance = random.Random(seed)
    event = create()

    def windows() -> dict[str, object]:
        begins, ends = sorted(chance.sample(MOMENTS[2:-2], 2))
        early = chance.choice([None, chance.randrange(0, 90) * 1000])
        return {
            "price": chance.randrange(90, 200) * 1000,
            "early_bird_price": early,
            "early_bird_start": chance.choice([None, begins]) if early is not None else None,
            "early_bird_end": ends if early is not None else None,
        }

    for _ in range(3):
        add_tier(event, **windows())
        change_tier(event, chance.choice(tiers_of(event)).id, **windows())
    tiers = tiers_of(event)
    for moment in MOMENTS:
        assert price_at(event.id, moment) == min(current_price(each, moment) for each in tiers)


def test_an_event_that_is_moved_keeps_its_place_among_the_equally_cheap():
    event = offer("Pindah")
    offer("Tetap", start_date=START + DAY, end_date=END + DAY)
    assert found(sort="price") == ["Pindah", "Tetap"]
    change(event, start_date=START + 2 * DAY, end_date=END + 2 * DAY)
    assert found(sort="price") == ["Tetap", "Pindah"]


def test_without_tiers_there_is_no_price_and_a_removed_one_counts_no_more():
    event = create(tiers=[])
    assert price_at(event.id, START) is None
    added = add_tier(event, price=50_000)
    assert price_at(event.id, START) == 50_000
    with transaction() as tx:
        tx.execute(text("DELETE FROM ticket_tiers WHERE id = :id"), {"id": added.id})
    assert price_at(event.id, START) is None


def tiers_of(event: EventResponse) -> list[TierResponse]:
    """Its tiers as they are now."""
    with transaction() as tx:
        return events.read(tx, organizer_of(event), str(event.id)).tiers


def test_an_event_is_found_by_id_and_by_slug():
    event = offer("Konser")
    with transaction() as tx:
        assert events.read(tx, None, str(event.id)) == event
        assert events.read(tx, None, event.slug) == event
        for key in (str(uuid4()), "no-such-event", "%"):
            with pytest.raises(NotFound):
                events.read(tx, None, key)


VIEWERS: dict[str, Callable[[EventResponse], Principal | None]] = {
    "nobody": lambda event: None,
    "a customer": lambda event: Principal(uuid4(), "customer", None),
    "another organizer": lambda event: an_organizer(),
    "its organizer": organizer_of,
    "its organizer's gate staff": lambda event: Principal(uuid4(), "staff", event.organizer_id),
    "a customer who was its organizer": lambda event: Principal(event.organizer_id, "customer", None),
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
