"""While the database is away visitors see the last good copy of a public page, and when it is from (R-009)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import OperationalError

from shared.catalog.search_filters import EventFilters, FilterOption
from shared.cloud import clock
from shared.cloud.read_through_cache import CachedValue
from shared.site import last_good

FILTERS = EventFilters(categories=[FilterOption(name="musik", events=3)], cities=[])
AWAY = OperationalError("SELECT 1", None, Exception("connection refused"))


def away() -> CachedValue[EventFilters]:
    raise AWAY


def test_what_is_there_is_current():
    shown = last_good.read("current", lambda: CachedValue(FILTERS, 4.0))
    assert (shown.value, shown.age_seconds, shown.is_current) == (FILTERS, 4.0, True)


def test_the_copy_says_of_when_it_is(monkeypatch: pytest.MonkeyPatch):
    asked_at = datetime(2026, 12, 1, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: asked_at)
    last_good.read("copied", lambda: CachedValue(FILTERS))
    shown = last_good.read("copied", away)
    assert (shown.value, shown.stale_since, shown.is_current) == (FILTERS, asked_at, False)


def test_without_a_copy_the_error_is_told():
    with pytest.raises(OperationalError):
        last_good.read("never seen", away)


def test_a_refusal_is_not_covered_up():
    last_good.read("refused", lambda: CachedValue(FILTERS))
    with pytest.raises(KeyError):
        last_good.read("refused", lambda: CachedValue({}["gone"]))


def test_the_oldest_copies_are_forgotten():
    for number in range(last_good.KEPT + 1):
        last_good.read(f"many {number}", lambda: CachedValue(FILTERS))
    with pytest.raises(OperationalError):
        last_good.read("many 0", away)
