"""While the database is away visitors see the last good copy of a public page, and when it is from (R-009)."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from shared.catalog.search_filters import EventFilters, FilterOption
from shared.cloud import clock
from shared.cloud.read_through_cache import CachedValue
from shared.site import stale_if_error

FILTERS = EventFilters(categories=[FilterOption(name="musik", events=3)], cities=[])
AWAY = OperationalError("SELECT 1", None, Exception("connection refused"))


def away() -> CachedValue[EventFilters]:
    raise AWAY


def test_what_is_there_is_current():
    shown = stale_if_error.read("current", lambda: CachedValue(FILTERS, 4.0))
    assert (shown.value, shown.age_seconds, shown.is_current) == (FILTERS, 4.0, True)


def test_the_copy_says_of_when_it_is(monkeypatch: pytest.MonkeyPatch):
    asked_at = datetime(2026, 12, 1, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: asked_at)
    stale_if_error.read("copied", lambda: CachedValue(FILTERS))
    shown = stale_if_error.read("copied", away)
    assert (shown.value, shown.stale_since, shown.is_current) == (FILTERS, asked_at, False)


def test_a_copy_of_another_instance_says_of_when_it_is_too(monkeypatch: pytest.MonkeyPatch):
    now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    shown = stale_if_error.read("shared", lambda: CachedValue(FILTERS, 90.0, is_stale=True))
    assert (shown.value, shown.stale_since, shown.is_current) == (FILTERS, now - timedelta(seconds=90), False)
    with pytest.raises(OperationalError):
        stale_if_error.read("shared", away)


def test_without_a_copy_the_error_is_told():
    with pytest.raises(OperationalError):
        stale_if_error.read("never seen", away)


def test_a_refusal_is_not_covered_up():
    stale_if_error.read("refused", lambda: CachedValue(FILTERS))
    with pytest.raises(KeyError):
        stale_if_error.read("refused", lambda: CachedValue({}["gone"]))


def test_the_oldest_copies_are_forgotten():
    for number in range(stale_if_error.KEPT + 1):
        stale_if_error.read(f"many {number}", lambda: CachedValue(FILTERS))
    with pytest.raises(OperationalError):
        stale_if_error.read("many 0", away)


def test_copies_take_no_more_memory_than_they_may(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stale_if_error, "MAX_BYTES", 3_000)
    for number in range(4):
        options = [FilterOption(name="x" * 1_000, events=number)]
        stale_if_error.read(
            f"large {number}", lambda made=options: CachedValue(EventFilters(categories=made, cities=[]))
        )
    for number, is_kept in enumerate((False, False, True, True)):
        with nullcontext() if is_kept else pytest.raises(OperationalError):
            stale_if_error.read(f"large {number}", away)
