"""The categories and cities that visitors choose from, each with how many events are coming (EM-014)."""

from typing import Any

from sqlalchemy import text

from shared.catalog.search import IS_UPCOMING
from shared.cloud.database import Transaction
from shared.models import ResponseModel

MAX_CATEGORIES = 50
MAX_CITIES = 100
NAMED_BY = 9

# Spellings that a search takes for the same are one option, which is named as most of its soonest events have it.
# Counted in the index of the compact column alone.
_OPTIONS = f"""
    SELECT name, counted.events
    FROM (SELECT {{column}}_compact AS compact, count(*) AS events FROM events e
            WHERE {IS_UPCOMING} AND {{column}}_compact <> '' GROUP BY compact
            ORDER BY events DESC, compact LIMIT :most) AS counted
        CROSS JOIN LATERAL (
            SELECT mode() WITHIN GROUP (ORDER BY {{column}}) AS name FROM (
                SELECT {{column}} FROM events e WHERE {{column}}_compact = counted.compact AND {IS_UPCOMING}
                ORDER BY start_date, id LIMIT {NAMED_BY}) AS soonest) AS named
    ORDER BY counted.events DESC, name
"""
# Uses indexes: events_category_compact, events_location_compact
_CATEGORIES = text(_OPTIONS.format(column="category"))
_CITIES = text(_OPTIONS.format(column="location"))


class FilterOption(ResponseModel):
    """A value of a filter, and how many upcoming events it finds."""

    name: str
    events: int


class EventFilters(ResponseModel):
    """The most frequent categories and cities of the upcoming events, for `category` and `city` of a search."""

    categories: list[FilterOption]
    cities: list[FilterOption]


def read(tx: Transaction) -> EventFilters:
    """The filters as they are now."""
    return EventFilters(
        categories=_options(tx.execute(_CATEGORIES, {"most": MAX_CATEGORIES})),
        cities=_options(tx.execute(_CITIES, {"most": MAX_CITIES})),
    )


def _options(rows: Any) -> list[FilterOption]:
    return [FilterOption(name=row.name, events=row.events) for row in rows]
