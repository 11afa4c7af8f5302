"""Finding events: what is published and not over, filtered, searched, sorted, page by page (EM-013..016)."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from sqlalchemy import text

from shared.catalog import tiers
from shared.catalog.events import COLUMNS, EventAnswer
from shared.catalog.tiers import TierAnswer, beginnings
from shared.cloud.database import Transaction
from shared.models import Listing, Page, Rupiah, Utc, line


def _day_begins(given: Any) -> Any:
    return f"{given}T00:00:00+07:00" if _is_day(given) else given


def _day_ends(given: Any) -> Any:
    return f"{given}T23:59:59.999999+07:00" if _is_day(given) else given


def _is_day(given: Any) -> bool:
    return isinstance(given, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", given) is not None


class EventSearch(Page):
    """What somebody looks for. `from` and `to` bound the start; a bare date is a whole day in Jakarta.

    `q` are words of title, place, category and description, with "..." and - as search engines take them;
    of the last word the beginning is enough. Prices are rupiah and compared with the lowest price of an
    event at this moment.
    """

    q: Annotated[str, line(200)] | None = None
    category: Annotated[str, line(50)] | None = None
    location: Annotated[str, line(255)] | None = None
    from_: Annotated[Utc | None, BeforeValidator(_day_begins), Field(alias="from")] = None
    to: Annotated[Utc | None, BeforeValidator(_day_ends)] = None
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
    # Uses index: events_search
    "q": f"e.search @@ {_WORDS}",
    # Uses index: events_category
    "category": "e.category = :category",
    # Uses index: events_place
    "location": "e.place LIKE :location",
    # Uses index: events_upcoming
    "from_": "e.start_date >= :from_",
    "to": "e.start_date <= :to",
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
_BEST_FIRST = f"ts_rank(e.search, {_WORDS}) DESC, {_BY_DATE}"
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


def upcoming(tx: Transaction, wanted: EventSearch) -> Listing[EventAnswer]:
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
    return Listing[EventAnswer].of(wanted, [_listed(row, offered[row.id]) for row in rows], total)


def _listed(row: Any, offered: list[TierAnswer]) -> EventAnswer:
    """A row of `COLUMNS` as an item of a list."""
    return EventAnswer(**{**row._mapping, **beginnings(row, "description", "terms")}, tiers=offered)


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
            **_place(wanted.location),
            "ranked": max(RANKED, wanted.offset + wanted.page_size),
            "limit": wanted.page_size,
            "offset": wanted.offset,
        },
    )


def _words(q: str | None) -> dict[str, str]:
    """The words, and apart from them the last one, of which the beginning is enough (three letters at least)."""
    if q is None:
        return {}
    last = _LAST_WORD.fullmatch(q)
    if last is None or q.count('"') % 2:
        return {"q": q, "before": "", "beginning": ""}
    return {"q": q, "before": last["before"], "beginning": f"{last['word'].lower()}:*"}


def _place(location: str | None) -> dict[str, str]:
    """Any part of location and venue. What LIKE takes for signs are letters here."""
    if location is None:
        return {}
    escaped = re.sub(r"([%_\\])", r"\\\1", location.lower())
    return {"location": f"%{escaped}%"}
