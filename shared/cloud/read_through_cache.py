"""A read-through cache in three levels: this instance's memory of the last second, the shared cache, the database.

Of concurrent threads that read the same key, one fetches it and the others wait for it. So even in a rush each instance
reads a key from Firestore once a second, and from the database only on a miss.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from shared.cloud import cache
from shared.cloud.cache import CacheEntry, CacheUnavailable
from shared.cloud.database import DATABASE_AWAY
from shared.cloud.settings import settings

MEMORY_SECONDS = 1.0

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class CachedValue(Generic[T]):
    """A value, and its maximum age in seconds."""

    value: T
    age_seconds: float = 0.0
    is_stale: bool = False
    """True if it is outdated, and the database can't be reached for a newer one."""


@dataclass(frozen=True)
class _Fetch:
    """A fetch that is running or has just finished."""

    begun: float
    outcome: "Future[CachedValue[Any]]"

    def result(self) -> CachedValue[Any]:
        """The value with its current age, or the error of the fetch."""
        fetched = self.outcome.result()
        return replace(fetched, age_seconds=fetched.age_seconds + time.monotonic() - self.begun)


class InstanceCache:
    """The in-memory cache of this instance: whatever was fetched within the last `MEMORY_SECONDS`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fetches: OrderedDict[str, _Fetch] = OrderedDict()

    def get(self, key: str, fetch: Callable[[], CachedValue[Any]]) -> CachedValue[Any]:
        """The value under `key`, or else the result of `fetch`. Raises what `fetch` raises, and keeps nothing then."""
        with self._lock:
            self._forget_old()
            found = self._fetches.get(key)
            if found is None:
                mine = self._fetches[key] = _Fetch(time.monotonic(), Future())
        if found is not None:
            return found.result()
        self._fulfil(key, mine, fetch)
        return mine.result()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._fetches.clear()

    def _fulfil(self, key: str, mine: _Fetch, fetch: Callable[[], CachedValue[Any]]) -> None:
        try:
            mine.outcome.set_result(fetch())
        except BaseException as error:  # noqa: BLE001 - whatever happened, everybody who waits must hear of it
            with self._lock:
                if self._fetches.get(key) is mine:
                    del self._fetches[key]
            mine.outcome.set_exception(error)

    def _forget_old(self) -> None:
        oldest_kept = time.monotonic() - MEMORY_SECONDS
        while self._fetches and next(iter(self._fetches.values())).begun <= oldest_kept:
            self._fetches.popitem(last=False)


instance_cache = InstanceCache()


def read_through(
    key: str, mark: str, *, seconds: float, model: type[M], read: Callable[[], M], stale_if_error: bool = False
) -> CachedValue[M]:
    """The result of `read`, or one at most `seconds` old of any instance, unless `mark` was invalidated since.

    A change is visible after about two seconds at the latest, and at once where the cache can't be reached. Call it
    outside of a transaction; `read` opens one. Raises what `read` raises; with `stale_if_error`, while the database
    is away, the last content of at most cache.TTL_SECONDS is returned instead, where there is one.
    """
    if settings().shared_cache != "on":
        return CachedValue(read())
    known_as = f"{key}, or stale" if stale_if_error else key
    fetch = partial(_fetch, key, mark, seconds - MEMORY_SECONDS, model, read, stale_if_error=stale_if_error)
    return instance_cache.get(known_as, fetch)


def _fetch(
    key: str, mark: str, seconds: float, model: type[M], read: Callable[[], M], *, stale_if_error: bool
) -> CachedValue[M]:
    try:
        seen = cache.lookup(key, mark)
    except CacheUnavailable:
        return CachedValue(read())
    kept = _parsed(seen, model)
    if kept is not None and seen.is_fresh(seconds):
        return CachedValue(kept, seen.age_seconds)
    try:
        value = read()
    except DATABASE_AWAY:
        if kept is None or not stale_if_error:
            raise
        return CachedValue(kept, seen.age_seconds, is_stale=True)
    cache.put(seen, value.model_dump_json())
    return CachedValue(value)


def _parsed(seen: CacheEntry, model: type[M]) -> M | None:
    """Parse the content; None without one, or where another version of the product has written another format."""
    try:
        return model.model_validate_json(seen.content)
    except ValidationError:
        return None
