"""A cache in Firestore that all instances share: contents under keys, and marks that invalidate them.

Content is valid while it is young and was read from the database after the last change. All times come from Firestore's
clock: the time of the lookup before the database was read, and the time at which the mark was written. So clocks of
different machines are never compared, and no version numbers are needed: content replaces only what its writer has
seen, never anything newer.

Firestore takes about one write a second to a document (cloud.google.com/firestore/docs/best-practices). Therefore
content younger than `WRITE_INTERVAL_SECONDS` is valid whatever has changed since, and is not replaced. A change is
marked only if the last mark is older than that: one mark covers all changes within `MARK_COVERS_SECONDS` after it.

Documents may be missing, and Firestore may be slow or down: callers then work without the cache. After a failed call
this instance makes no call for `OPEN_SECONDS`; the log event `cache.fallback` counts the calls that were skipped. A
time-to-live policy on `expires_at` deletes the documents.
"""

import logging
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.cloud import clients, clock, permissions
from shared.cloud.circuit_breaker import CircuitBreaker
from shared.cloud.settings import settings

COLLECTION = "cache"
TIMEOUT_SECONDS = 0.15
FIRST_TIMEOUT_SECONDS = 0.5  # until Firestore has answered once: the channel and its credentials come first
OPEN_SECONDS = 5.0
WRITE_INTERVAL_SECONDS = 1.0
MARK_COVERS_SECONDS = 2 * WRITE_INTERVAL_SECONDS
"""An instance that finds a mark younger than `WRITE_INTERVAL_SECONDS` writes none for as long again."""
TTL_SECONDS = 12 * 3600
"""Content is kept for longer than it is fresh, because it is served while the database is unreachable."""
MAX_BYTES = 900_000
"""A document may have 1 MiB, with its name and times."""
_MAX_LEASES = 10_000
_TRIES = 3

log = logging.getLogger(__name__)


class CacheUnavailable(Exception):
    """Firestore is slow or down, so the cache can't be read."""


@dataclass(frozen=True)
class CacheEntry:
    """The content found under a key, at a moment of Firestore's clock."""

    key: str
    at: datetime
    content: str = ""
    content_at: datetime | None = None
    """The time at which the content was current: every change committed before is in it. None without content."""
    written_at: datetime | None = None
    changed_at: datetime | None = None
    """The time at which the last change was marked."""

    @property
    def age_seconds(self) -> float:
        """The age of the content."""
        return (self.at - self.content_at).total_seconds() if self.content_at else float("inf")

    def is_fresh(self, seconds: float) -> bool:
        """True if the content may be served: no older than `seconds`, and no older than the last change."""
        if self.content_at is None or self.age_seconds > seconds:
            return False
        if self.age_seconds < WRITE_INTERVAL_SECONDS or self.changed_at is None:
            return True
        return self.content_at >= self.changed_at + timedelta(seconds=MARK_COVERS_SECONDS)


class _MarkLeases:
    """Leases on marks that this instance has written within the last `WRITE_INTERVAL_SECONDS`, or is writing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def take(self, marks: Collection[str]) -> list[str]:
        """Lease the marks that are due; return those that the caller has to write."""
        now = time.monotonic()
        with self._lock:
            if len(self._until) > _MAX_LEASES:
                self._until = {mark: until for mark, until in self._until.items() if until > now}
            due = [mark for mark in dict.fromkeys(marks) if self._until.get(mark, 0.0) <= now]
            self._until.update(dict.fromkeys(due, now + WRITE_INTERVAL_SECONDS))
        return due

    def release(self, marks: Collection[str]) -> None:
        """Release the leases of marks that were not written."""
        with self._lock:
            for mark in marks:
                self._until.pop(mark, None)


_breaker = CircuitBreaker()


@contextmanager
def _firestore_call(operation: str) -> Iterator[float]:
    """Run a block that calls Firestore, with the time-out for it. Raises CacheUnavailable."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError

    permissions.check("cache", "shared")
    if not _breaker.allows_call(OPEN_SECONDS):
        raise CacheUnavailable("it has just failed")
    try:
        yield (TIMEOUT_SECONDS if _breaker.has_succeeded else FIRST_TIMEOUT_SECONDS) * settings().timeout_factor
    except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
        count = _breaker.record_failure(OPEN_SECONDS)
        log.warning("cache.fallback", extra={"operation": operation, "error": type(error).__name__, "count": count})
        raise CacheUnavailable(type(error).__name__) from error
    if skipped := _breaker.record_success():
        log.warning("cache.fallback", extra={"operation": "recovered", "error": None, "count": skipped})


_mark_leases = _MarkLeases()


def reset() -> None:
    """Forget all state, as in a new instance (for tests and forked workers)."""
    global _mark_leases
    _breaker.reset()
    _mark_leases = _MarkLeases()


def lookup(key: str, mark: str) -> CacheEntry:
    """Read the content of `key` and the time of `mark`. Raises CacheUnavailable."""
    with _firestore_call("lookup") as timeout:
        content, changed = _snapshots([key, mark], timeout)
    at = min(content.read_time, changed.read_time)
    changed_at = changed.update_time if changed.exists else None
    if not content.exists:
        return CacheEntry(key, at, changed_at=changed_at)
    fields = content.to_dict()
    return CacheEntry(key, at, fields.get("content", ""), fields.get("content_at"), content.update_time, changed_at)


def put(seen: CacheEntry, content: str) -> None:
    """Store what was read from the database after the lookup `seen`, unless another instance has stored since.

    Nothing is stored if the content is too large, within `WRITE_INTERVAL_SECONDS` of the last write, or if Firestore
    fails.
    """
    from google.api_core.exceptions import Conflict, FailedPrecondition, NotFound

    if len(content.encode()) > MAX_BYTES or _is_recent(seen.written_at, seen.at):
        return
    fields = {"content": content, "content_at": seen.at, "expires_at": _expires_at()}
    client = clients.firestore()
    document = client.collection(COLLECTION).document(seen.key)
    try:
        with _firestore_call("put") as timeout:
            try:
                if seen.written_at is None:
                    document.create(fields, retry=None, timeout=timeout)
                else:
                    seen_only = client.write_option(last_update_time=seen.written_at)
                    document.update(fields, option=seen_only, retry=None, timeout=timeout)
            except (Conflict, FailedPrecondition, NotFound):
                log.debug("cache.outrun")
    except CacheUnavailable:
        return


def invalidate(*marks: str) -> None:
    """Invalidate the contents of these marks; call it after the commit.

    Calls Firestore, and waits for it, at most once in `WRITE_INTERVAL_SECONDS` for each mark. Where that fails, the
    change becomes visible when the contents expire.
    """
    due = _mark_leases.take(marks) if settings().shared_cache == "on" else []
    if not due:
        return
    try:
        with _firestore_call("invalidate") as timeout:
            is_told = any(_write_marks(due, timeout) for _ in range(_TRIES))
    except CacheUnavailable:
        is_told = False
    if not is_told:
        _mark_leases.release(due)


def _write_marks(marks: Collection[str], timeout: float) -> bool:
    """Write the marks that are not recent; False, with none written, where another instance wrote one meanwhile."""
    from google.api_core.exceptions import Conflict, FailedPrecondition, NotFound

    client = clients.firestore()
    batch = client.batch()
    fields = {"expires_at": _expires_at()}
    for found in _snapshots(marks, timeout):
        if not found.exists:
            batch.create(found.reference, fields)
        elif not _is_recent(found.update_time, found.read_time):
            batch.update(found.reference, fields, client.write_option(last_update_time=found.update_time))
    if not len(batch):
        return True
    try:
        batch.commit(retry=None, timeout=timeout)
    except (Conflict, FailedPrecondition, NotFound):
        return False
    return True


def _snapshots(keys: Collection[str], timeout: float) -> list[Any]:
    """The documents of these keys, in the same order."""
    client = clients.firestore()
    references = [client.collection(COLLECTION).document(key) for key in keys]
    found = {each.id: each for each in client.get_all(references, retry=None, timeout=timeout)}
    return [found[key] for key in keys]


def _is_recent(moment: datetime | None, at: datetime) -> bool:
    return moment is not None and at - moment < timedelta(seconds=WRITE_INTERVAL_SECONDS)


def _expires_at() -> datetime:
    return clock.now() + timedelta(seconds=TTL_SECONDS)
