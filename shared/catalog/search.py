"""Search for upcoming published events: filters, full text, sorting, pages (EM-013..016)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from sqlalchemy import text

from shared.catalog import search_normalization, tiers
from shared.catalog.events import COLUMNS, EventResponse
from shared.catalog.tiers import TierResponse, excerpts
from shared.cloud.database import Transaction
from shared.field_types import DayOrMoment, Rupiah, line
from shared.models import Listing, PageQuery, without_empty_fields

_EASTERNMOST, _WESTERNMOST = timedelta(hours=14), timedelta(hours=12)
"""The hours by which a day somewhere on earth begins before, and ends after, the same day in UTC."""


class EventSearch(PageQuery):
    """A search for events that overlap `from` ... `to`; a date without time is a day in the event's time zone.

    Case, accents, apostrophes and hyphens are ignored. `location` is any part of place and venue, `city` a whole
    location. `q` searches title, place, category and description, with "..."
    for phrases and - to exclude words; the last word may be a prefix. Prices are rupiah and compared with the lowest
    current price of the event's tickets that are on sale; of those to come, or over, only where none is.
    """

    q: Annotated[str, line(200)] | None = None
    category: Annotated[str, line(50)] | None = None
    location: Annotated[str, line(255)] | None = None
    city: Annotated[str, line(255)] | None = None
    from_: Annotated[DayOrMoment, Field(alias="from")] = None
    to: DayOrMoment = None
    price_min: Rupiah | None = None
    price_max: Rupiah | None = None
    sort: Literal["date", "-date", "price"] = "date"

    _without_empty_fields = model_validator(mode="before")(without_empty_fields)


# The row of event_prices (trigger price_events) whose span contains this moment is the event's lowest price now.
PRICE_JOIN = "JOIN event_prices p ON p.event_id = e.id AND p.starts_at <= now() AND p.ends_at > now()"

IS_UPCOMING = "e.status = 'published' AND e.end_date > now()"
MATCHING_WORDS = """(websearch_to_tsquery('indonesian', :q)
    || (websearch_to_tsquery('indonesian', :before) && to_tsquery('simple', :beginning)))"""
"""The words of a search as full text: for `search_folded`, with the values of `word_values`."""
_FILTERS = {
    # Uses index: events_search_folded
    "q": f"e.search_folded @@ {MATCHING_WORDS}",
    # Uses index: events_category_compact
    "category": "e.category_compact = :category",
    # Uses index: events_place_compact
    "location": "e.place_compact LIKE :location",
    # Uses index: events_location_compact
    "city": "e.location_compact = :city",
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
_BY_RELEVANCE = f"ts_rank(e.search_folded, {MATCHING_WORDS}) DESC, {_BY_DATE}"
MAX_RANKED = 1_000
# The best plan depends on how many events contain a word, so the statement is planned for each search.
_CUSTOM_PLAN = text("SET LOCAL plan_cache_mode = force_custom_plan")
_LAST_WORD = re.compile(r"""(?P<before>.*(?:^|\s))(?P<word>[^\W_]{3,})""", re.DOTALL)


@dataclass(frozen=True)
class SearchQuery:
    """The two statements of a search and their values."""

    count: str
    page: str
    values: dict[str, Any]


def search_upcoming(tx: Transaction, wanted: EventSearch) -> Listing[EventResponse]:
    """One page of the matching published events that have not ended yet.

    A search for words is sorted by relevance, unless another order is requested. Only the `MAX_RANKED` soonest matches
    are ranked, as a word that more events contain says little. Long texts are excerpts.
    """
    statements = build_query(wanted)
    if wanted.q is not None:
        tx.execute(_CUSTOM_PLAN)
    total = tx.execute(text(statements.count), statements.values).scalar_one()
    rows = tx.execute(text(statements.page), statements.values).all()
    offered = tiers.by_event(tx, [row.id for row in rows], with_excerpts=True)
    return Listing[EventResponse].of(wanted, [_listed(row, offered[row.id]) for row in rows], total)


def _listed(row: Any, offered: list[TierResponse]) -> EventResponse:
    """The list item for a row of `COLUMNS`."""
    return EventResponse(**{**row._mapping, **excerpts(row, "description", "terms")}, tiers=offered)


def build_query(wanted: EventSearch) -> SearchQuery:
    """The statements of a search."""
    given = [name for name in _FILTERS if getattr(wanted, name) is not None]
    where = " AND ".join([IS_UPCOMING, *(_FILTERS[name] for name in given)])
    is_priced = wanted.price_min is not None or wanted.price_max is not None
    counted = f"events e {PRICE_JOIN} WHERE {where}" if is_priced else f"events e WHERE {where}"
    listed = f"events e {PRICE_JOIN} WHERE {where}" if wanted.sort == "price" else counted
    is_ranked = wanted.q is not None and "sort" not in wanted.model_fields_set
    if is_ranked:
        listed = f"(SELECT e.* FROM {counted} ORDER BY {_BY_DATE} LIMIT :ranked) AS e"
    order = _BY_RELEVANCE if is_ranked else _ORDERS[wanted.sort]
    return SearchQuery(
        count=f"SELECT count(*) FROM {counted}",
        page=f"SELECT {COLUMNS} FROM {listed} ORDER BY {order} LIMIT :limit OFFSET :offset",
        values={
            **{name: getattr(wanted, name) for name in given},
            **word_values(wanted.q),
            **{name: _compact(getattr(wanted, name)) for name in ("category", "city") if name in given},
            **_place(wanted.location),
            **_from(wanted.from_),
            **_to(wanted.to),
            "ranked": max(MAX_RANKED, wanted.offset + wanted.page_size),
            "limit": wanted.page_size,
            "offset": wanted.offset,
        },
    )


def word_values(q: str | None) -> dict[str, str]:
    """The search words, and the last one as a prefix, if it has at least three letters."""
    if q is None:
        return {}
    q = search_normalization.join_compounds(q)
    last = _LAST_WORD.fullmatch(q)
    if last is None or q.count('"') % 2:
        return {"q": q, "before": "", "beginning": ""}
    return {"q": q, "before": last["before"], "beginning": f"{last['word']}:*"}


def _place(location: str | None) -> dict[str, str]:
    """A pattern for any part of location and venue, with LIKE's wildcards escaped."""
    if location is None:
        return {}
    escaped = re.sub(r"([%_\\])", r"\\\1", _compact(location))
    return {"location": f"%{escaped}%"}


def _compact(name: str) -> str:
    """A name as the columns of that kind hold it; one of which nothing would be left as it is."""
    return search_normalization.remove_gaps(name) or name


def _from(given: date | None) -> dict[str, Any]:
    """The earliest moment; for a day, its first moment anywhere on earth and the day to compare in the event's zone."""
    if given is None or isinstance(given, datetime):
        return {"from_": given, "from_day": None}
    return {"from_": _midnight(given) - _EASTERNMOST, "from_day": given}


def _to(given: date | None) -> dict[str, Any]:
    if given is None or isinstance(given, datetime):
        return {"to": given, "to_day": None}
    return {"to": _midnight(given) + timedelta(days=1) + _WESTERNMOST, "to_day": given}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)
