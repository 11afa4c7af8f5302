"""This instance's memory of the last second: what many want is fetched once."""

import threading
import time

import pytest

from shared.cloud.read_through_cache import MEMORY_SECONDS, CachedValue, InstanceCache
from tests.threads import at_the_same_time
from tests.waiting import PATIENCE_SECONDS, until


def test_many_threads_that_want_the_same_fetch_it_once():
    memory, fetched, begun = InstanceCache(), [], time.monotonic()

    def fetch() -> CachedValue[int]:
        fetched.append(threading.get_ident())
        until(lambda: len(memory._fetches) == 1)
        return CachedValue(7, 2.0)

    found = at_the_same_time([lambda: memory.get("event", fetch)] * 16)
    assert {each.value for each in found} == {7}
    assert len(fetched) == 1
    assert all(2.0 <= each.age_seconds <= 2.0 + time.monotonic() - begun for each in found)


def test_after_a_second_it_is_fetched_again_and_everything_else_of_then_is_forgotten():
    memory = InstanceCache()
    memory.get("other", lambda: CachedValue(0))
    begun = time.monotonic()
    memory.get("event", lambda: CachedValue(1))
    until(lambda: memory.get("event", lambda: CachedValue(2)).value == 2)
    assert time.monotonic() - begun >= MEMORY_SECONDS
    assert list(memory._fetches) == ["event"]


def test_things_of_different_names_do_not_wait_for_each_other():
    memory, go_on = InstanceCache(), threading.Event()

    def slow() -> CachedValue[str]:
        assert go_on.wait(PATIENCE_SECONDS)
        return CachedValue("slow")

    def quick() -> CachedValue[str]:
        found = memory.get("quick", lambda: CachedValue("quick"))
        go_on.set()
        return found

    results = at_the_same_time([lambda: memory.get("slow", slow), quick])
    assert [each.value for each in results] == ["slow", "quick"]


def test_an_error_reaches_everybody_who_waits_and_is_not_remembered():
    memory = InstanceCache()
    fetching, go_on = threading.Event(), threading.Event()

    def broken() -> CachedValue[int]:
        fetching.set()
        assert go_on.wait(PATIENCE_SECONDS)
        raise LookupError("the database is away")

    def joins() -> None:
        assert fetching.wait(PATIENCE_SECONDS)
        outcome = memory._fetches["event"].outcome
        wait = outcome.result
        outcome.result = lambda: (go_on.set(), wait())[1]  # the one who fetches goes on once the other waits
        with pytest.raises(LookupError):
            memory.get("event", lambda: CachedValue(1))

    def leads() -> None:
        with pytest.raises(LookupError):
            memory.get("event", broken)

    at_the_same_time([leads, joins])
    assert memory.get("event", lambda: CachedValue(2)).value == 2
