"""The shared cache with Google's client: what it keeps, what it no longer shows, and how seldom it writes."""

import itertools
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from shared.cloud import cache, clients
from shared.cloud.settings import settings
from tests.conformance.local_cloud import LocalCloud
from tests.threads import at_the_same_time
from tests.waiting import until


@pytest.fixture
def new_instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The cache as a new instance has it; patient, for the machine may be busy."""
    monkeypatch.setenv("SHARED_CACHE", "on")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "karcis-conformance")
    monkeypatch.setattr(cache, "TIMEOUT_SECONDS", 5)
    monkeypatch.setattr(cache, "FIRST_TIMEOUT_SECONDS", 30)  # Google's emulator warms up with its first call
    settings.cache_clear()
    clients.firestore.provide(None)
    cache.reset()
    yield
    clients.firestore.provide(None)
    settings.cache_clear()


@pytest.fixture
def firestore(firestore_host: str, new_instance: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each implementation in turn."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)


@pytest.fixture
def local(local_cloud: LocalCloud, new_instance: None, monkeypatch: pytest.MonkeyPatch) -> LocalCloud:
    """Our own, which can be stopped."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", local_cloud.grpc_address)
    return local_cloud


@pytest.fixture
def key() -> str:
    return f"event:{uuid4()}"


def mark(key: str) -> str:
    return f"changed:{key}"


def look(key: str) -> cache.CacheEntry:
    return cache.lookup(key, mark(key))


def keep(key: str, content: str) -> None:
    """Look, read the database, and keep what it says."""
    cache.put(look(key), content)


def stored(key: str) -> Any:
    return clients.firestore().collection(cache.COLLECTION).document(key).get()


def may_be_written(seen: cache.CacheEntry) -> bool:
    """Whether the last write is long enough ago for another."""
    return seen.written_at is not None and (seen.at - seen.written_at).total_seconds() >= cache.WRITE_INTERVAL_SECONDS


def assert_a_second_apart(moments: Iterable[datetime]) -> None:
    ordered = sorted(moments)
    assert len(ordered) >= 2
    assert all(
        (later - earlier).total_seconds() >= cache.WRITE_INTERVAL_SECONDS
        for earlier, later in itertools.pairwise(ordered)
    )


def invalidate_elsewhere(key: str) -> None:
    """Mark a change as another instance does, which remembers nothing of ours."""
    cache.reset()
    cache.invalidate(mark(key))


@pytest.mark.usefixtures("firestore")
class TestEachFirestore:
    def test_a_content_comes_back_and_grows_old(self, key: str) -> None:
        assert not look(key).is_fresh(60)
        keep(key, '{"title": "Konser Senja – malam"}')
        seen = look(key)
        assert (seen.content, seen.is_fresh(60)) == ('{"title": "Konser Senja – malam"}', True)
        assert 0 <= seen.age_seconds < 60
        until(lambda: not look(key).is_fresh(0.3))
        assert look(key).is_fresh(60)

    def test_a_change_ends_what_was_read_before_it_within_a_second(self, key: str) -> None:
        keep(key, "before")
        invalidate_elsewhere(key)

        def is_over() -> bool:
            seen = look(key)
            assert seen.age_seconds < cache.WRITE_INTERVAL_SECONDS or not seen.is_fresh(60)
            return not seen.is_fresh(60)

        until(is_over)

    def test_what_was_read_before_a_change_and_kept_after_it_is_not_shown_for_longer(self, key: str) -> None:
        seen = look(key)
        invalidate_elsewhere(key)
        cache.put(seen, "before")
        until(lambda: not look(key).is_fresh(60))

    def test_what_is_read_when_a_change_has_settled_is_kept_its_full_time(self, key: str) -> None:
        invalidate_elsewhere(key)
        changed_at = look(key).changed_at
        assert changed_at is not None
        until(lambda: (look(key).at - changed_at).total_seconds() > cache.MARK_COVERS_SECONDS)
        keep(key, "after")
        until(lambda: look(key).age_seconds > cache.WRITE_INTERVAL_SECONDS)
        assert look(key).is_fresh(60)

    def test_the_older_never_replaces_the_newer(self, key: str) -> None:
        keep(key, "first")
        until(lambda: may_be_written(look(key)))
        slow = look(key)
        keep(key, "newer")
        cache.put(slow, "older")
        assert look(key).content == "newer"

    def test_of_many_that_find_nothing_one_keeps_what_it_read(self, key: str) -> None:
        seen = at_the_same_time([lambda: look(key)] * 6)
        at_the_same_time([lambda n=n: cache.put(seen[n], str(n)) for n in range(6)])
        assert look(key).content in {str(n) for n in range(6)}
        assert stored(key).create_time == stored(key).update_time

    def test_a_content_is_written_once_a_second_at_most(self, key: str) -> None:
        written = set()

        def is_written_thrice() -> bool:
            keep(key, "again")
            written.add(stored(key).update_time)
            return len(written) == 3

        until(is_written_thrice)
        assert_a_second_apart(written)

    def test_a_change_is_marked_once_a_second_at_most_whoever_marks_it(self, key: str) -> None:
        written = set()

        def is_marked_thrice() -> bool:
            at_the_same_time([lambda: invalidate_elsewhere(key)] * 4)
            written.add(stored(mark(key)).update_time)
            return len(written) == 3

        until(is_marked_thrice)
        assert_a_second_apart(written)

    def test_many_changes_are_marked_together(self) -> None:
        keys = [f"event:{uuid4()}" for _ in range(200)]
        cache.invalidate(*map(mark, keys[:5]))
        invalidate_elsewhere(keys[0])
        cache.reset()
        cache.invalidate(*map(mark, keys))
        assert all(stored(mark(key)).exists for key in (keys[0], keys[4], keys[5], keys[-1]))

    def test_what_is_too_large_is_not_kept(self, key: str) -> None:
        keep(key, "x" * (cache.MAX_BYTES + 1))
        assert not stored(key).exists

    def test_every_document_says_when_it_may_go(self, key: str) -> None:
        keep(key, "content")
        cache.invalidate(mark(key))
        for document in (stored(key), stored(mark(key))):
            left = (document.to_dict()["expires_at"] - document.update_time).total_seconds()
            assert left == pytest.approx(cache.TTL_SECONDS, abs=60)


def test_an_instance_that_has_marked_a_change_is_silent_for_a_second(
    local: LocalCloud, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    real = clients.firestore().get_all
    monkeypatch.setattr(
        clients.firestore(), "get_all", lambda *args, **named: (asked.append(time.monotonic()), real(*args, **named))[1]
    )
    begun = time.monotonic()

    def is_asked_thrice() -> bool:
        at_the_same_time([lambda: cache.invalidate(mark(key))] * 8)
        return len(asked) >= 3

    until(is_asked_thrice)
    assert len(asked) <= (time.monotonic() - begun) / cache.WRITE_INTERVAL_SECONDS + 1


def test_without_firestore_it_says_so_once_and_how_often_it_did_without(
    local: LocalCloud, key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keep(key, "kept")
    monkeypatch.setattr(cache, "TIMEOUT_SECONDS", 0.15)
    monkeypatch.setattr(cache, "OPEN_SECONDS", 5.0)
    local.stop(kill=True)
    begun = time.monotonic()
    for _ in range(50):
        with pytest.raises(cache.CacheUnavailable):
            look(key)
        cache.invalidate(mark(key))
    told = [record.count for record in caplog.records if record.message == "cache.fallback"]
    assert told[0] == 1
    assert len(told) <= 1 + (time.monotonic() - begun) / cache.OPEN_SECONDS
    local.start()
    monkeypatch.setattr(cache, "TIMEOUT_SECONDS", 5)
    until(lambda: answers(key))
    told = [record.count for record in caplog.records if record.message == "cache.fallback"]
    assert sum(told) >= 100
    assert look(key).content == "kept"


def answers(key: str) -> bool:
    """Whether the cache can be asked again."""
    try:
        look(key)
    except cache.CacheUnavailable:
        return False
    return True
