"""Finding events: what is published and not over, filtered, searched, sorted, page by page (EM-013..016)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator, model_validator
from sqlalchemy import text

from shared.catalog import search_normalization, tiers
from shared.catalog.events import COLUMNS, EventResponse
from shared.catalog.tiers import TierResponse, beginnings
from shared.cloud.database import Transaction
from shared.models import Listing, PageQuery, Rupiah, Utc, in_reach, line

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_EASTERNMOST, _WESTERNMOST = timedelta(hours=14), timedelta(hours=12)
"""How long before and after a day in UTC that day begins and ends anywhere."""


def _day_or_moment(given: Any, moment: ValidatorFunctionWrapHandler) -> Any:
    if not (isinstance(given, str) and _DAY.fullmatch(given)):
        return moment(given)
    try:
        day = date.fromisoformat(given)
    except ValueError as error:
        raise ValueError("must be a date as 2026-08-17") from error
    return in_reach(day)


DayOrMoment = Annotated[Utc | None, WrapValidator(_day_or_moment)]
"""A moment, or a date without time: that day, wherever an event is."""


class EventSearch(PageQuery):
    """A search for events. An event that overlaps `from` ... `to` is found; a bare date is a day in the event's zone.

    Capitals, accents, apostrophes and hyphens make no difference. `q` are words of title, place, category and
    description, with "..." and - as search engines take them; of the last word the beginning is enough. Prices are
    rupiah and compared with the lowest price of an event at this moment.
    """

    q: Annotated[str, line(200)] | None = None
    category: Annotated[str, line(50)] | None = None
    location: Annotated[str, line(255)] | None = None
    from_: Annotated[DayOrMoment, Field(alias="from")] = None
    to: DayOrMoment = None
    price_min: Rupiah | None = None
    price_max: Rupiah | None = None
    sort: Literal["date", "-date", "price"] = "date"

    @model_validator(mode="before")
    @classmethod
    def _without_empty_fields(cls, given: Any) -> Any:
        """Leave out what a form sends for the fields nobody filled in."""
        return {name: value for name, value in given.items() if value != ""}


# The row of an event's spans (trigger price_events) that holds this moment is its lowest price now.
PRICED = "JOIN event_prices p ON p.event_id = e.id AND p.starts_at <= now() AND p.ends_at > now()"

_IS_UPCOMING = "e.status = 'published' AND e.end_date > now()"
_WORDS = """(websearch_to_tsquery('indonesian', :q)
    || (websearch_to_tsquery('indonesian', :before) && to_tsquery('simple', :beginning)))"""
_FILTERS = {
    # Uses index: events_search_folded
    "q": f"e.search_folded @@ {_WORDS}",
    # Uses index: events_category_compact
    "category": "e.category_compact = :category",
    # Uses index: events_place_compact
    "location": "e.place_compact LIKE :location",
    # Uses index: events_ending; the day itself decides, where one is given
    "from_": "e.end_date > :from_ AND e.last_day >= COALESCE(CAST(:from_day AS date), e.last_day)",
    # Uses index: events_upcoming
    "to": "e.start_date <= :to AND e.first_day <= COALESCE(CAST(:to_day AS date), e.first_day)",
    # Uses index: event_prices_price
    "price_min": "p.price >= :price_min",
    "price_max": "p.price <= :price_max",
}
_BY_DATE = "e.start_date, e.id"
_ORDERS = {
    "date": _BY_DATE,
    "-date": "e.start_date DESC, e.id DESC",
    "price": "p.price NULLS LAST, p.start_date, p.event_id",
}
_BEST_FIRST = f"ts_rank(e.search_folded, {_WORDS}) DESC, {_BY_DATE}"
RANKED = 1_000
# How to look for a word depends on how many events hold it, so the statement is planned for each word anew.
_PLAN_ANEW = text("SET LOCAL plan_cache_mode = force_custom_plan")
_LAST_WORD = re.compile(r"""(?P<before>.*(?:^|\s))(?P<word>[^\W_]{3,})""", re.DOTALL)


@dataclass(frozen=True)
class Query:
    """The two statements of a search and their values."""

    count: str
    page: str
    values: dict[str, Any]


def upcoming(tx: Transaction, wanted: EventSearch) -> Listing[EventResponse]:
    """One page of the published events that have not ended yet and fit.

    What is searched for in words comes best match first, unless an order is asked for. A word that so many
    events hold that it tells nothing is ranked among the `RANKED` soonest of them only. Of long texts there is
    the beginning.
    """
    asked = query(wanted)
    if wanted.q is not None:
        tx.execute(_PLAN_ANEW)
    total = tx.execute(text(asked.count), asked.values).scalar_one()
    rows = tx.execute(text(asked.page), asked.values).all()
    offered = tiers.of_events(tx, [row.id for row in rows], in_brief=True)
    return Listing[EventResponse].of(wanted, [_listed(row, offered[row.id]) for row in rows], total)


def _listed(row: Any, offered: list[TierResponse]) -> EventResponse:
    """A row of `COLUMNS` as an item of a list."""
    return EventResponse(**{**row._mapping, **beginnings(row, "description", "terms")}, tiers=offered)


def query(wanted: EventSearch) -> Query:
    """How the database is asked."""
    given = [name for name in _FILTERS if getattr(wanted, name) is not None]
    where = " AND ".join([_IS_UPCOMING, *(_FILTERS[name] for name in given)])
    is_priced = wanted.price_min is not None or wanted.price_max is not None
    counted = f"events e {PRICED} WHERE {where}" if is_priced else f"events e WHERE {where}"
    listed = f"events e {PRICED} WHERE {where}" if wanted.sort == "price" else counted
    is_ranked = wanted.q is not None and "sort" not in wanted.model_fields_set
    if is_ranked:
        listed = f"(SELECT e.* FROM {counted} ORDER BY {_BY_DATE} LIMIT :ranked) AS e"
    order = _BEST_FIRST if is_ranked else _ORDERS[wanted.sort]
    return Query(
        count=f"SELECT count(*) FROM {counted}",
        page=f"SELECT {COLUMNS} FROM {listed} ORDER BY {order} LIMIT :limit OFFSET :offset",
        values={
            **{name: getattr(wanted, name) for name in given},
            **_words(wanted.q),
            **_category(wanted.category),
            **_place(wanted.location),
            **_from(wanted.from_),
            **_to(wanted.to),
            "ranked": max(RANKED, wanted.offset + wanted.page_size),
            "limit": wanted.page_size,
            "offset": wanted.offset,
        },
    )


def _words(q: str | None) -> dict[str, str]:
    """The words, and apart from them the last one, of which the beginning is enough (three letters at least)."""
    if q is None:
        return {}
    q = search_normalization.joined(q)
    last = _LAST_WORD.fullmatch(q)
    if last is None or q.count('"') % 2:
        return {"q": q, "before": "", "beginning": ""}
    return {"q": q, "before": last["before"], "beginning": f"{last['word']}:*"}


def _category(category: str | None) -> dict[str, str]:
    return {} if category is None else {"category": search_normalization.compact(category) or category}


def _place(location: str | None) -> dict[str, str]:
    """Any part of location and venue. What LIKE takes for signs are letters here."""
    if location is None:
        return {}
    escaped = re.sub(r"([%_\\])", r"\\\1", search_normalization.compact(location) or location)
    return {"location": f"%{escaped}%"}


def _from(given: date | None) -> dict[str, Any]:
    """The first moment asked for; of a day the first anywhere, and the day for the event's own zone to decide."""
    if given is None or isinstance(given, datetime):
        return {"from_": given, "from_day": None}
    return {"from_": _midnight(given) - _EASTERNMOST, "from_day": given}


def _to(given: date | None) -> dict[str, Any]:
    if given is None or isinstance(given, datetime):
        return {"to": given, "to_day": None}
    return {"to": _midnight(given) + timedelta(days=1) + _WESTERNMOST, "to_day": given}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)
