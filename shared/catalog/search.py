"""Finding events: what is published and not over, filtered, searched, sorted, page by page (EM-013..016)."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from sqlalchemy import text

from shared.catalog.events import COLUMNS, EventAnswer, answers
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

    `q` are words of title and description, with "..." and - as search engines take them. Prices are
    rupiah and compared with the lowest price of an event at this moment.
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


# The rule of sales.pricing.current_price, in SQL; a test holds them together.
LOWEST_PRICE = """(
    SELECT min(CASE WHEN t.early_bird_price IS NOT NULL
                    AND COALESCE(t.early_bird_start <= now(), true) AND t.early_bird_end > now()
               THEN t.early_bird_price ELSE t.price END)
    FROM ticket_tiers t WHERE t.event_id = e.id)"""

_IS_UPCOMING = "e.status = 'published' AND e.end_date > now()"
_FILTERS = {
    # The very expression of the index events_search, or it isn't used.
    "q": "to_tsvector('indonesian', title || ' ' || description) @@ websearch_to_tsquery('indonesian', :q)",
    "category": "e.category = :category",
    "location": "position(lower(:location) in lower(e.location || ' ' || COALESCE(e.venue, ''))) > 0",
    "from_": "e.start_date >= :from_",
    "to": "e.start_date <= :to",
    "price_min": f"{LOWEST_PRICE} >= :price_min",
    "price_max": f"{LOWEST_PRICE} <= :price_max",
}
_ORDERS = {
    "date": "e.start_date, e.id",
    "-date": "e.start_date DESC, e.id",
    "price": f"{LOWEST_PRICE} NULLS LAST, e.start_date, e.id",
}


def upcoming(tx: Transaction, wanted: EventSearch) -> Listing[EventAnswer]:
    """One page of the published events that have not ended yet and fit."""
    given = {name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None}
    source = f"FROM events e WHERE {' AND '.join([_IS_UPCOMING, *(_FILTERS[name] for name in given)])}"
    total = tx.execute(text(f"SELECT count(*) {source}"), given).scalar_one()
    page = text(f"SELECT {COLUMNS} {source} ORDER BY {_ORDERS[wanted.sort]} LIMIT :limit OFFSET :offset")
    rows = tx.execute(page, {**given, "limit": wanted.page_size, "offset": wanted.offset}).all()
    return Listing[EventAnswer](items=answers(tx, rows), page=wanted.page, page_size=wanted.page_size, total=total)
