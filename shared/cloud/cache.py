"""A cache in Firestore that all instances share: contents under keys, and marks of what has changed.

A content is good while it is young and was read from the database after the last change. All moments are of
Firestore's own clock: of the look that came before the database was read, and of the mark's write. So nobody's
clock is compared with another's, and no version is needed: a content is written only over the one that its
writer has seen, hence never over a newer one.

Firestore takes about one write a second to a document (cloud.google.com/firestore/docs/best-practices).
Therefore a content younger than `EVERY_SECONDS` is good whatever has changed since, and nobody writes over it;
and a change is marked only where the last mark is older than that, so that one mark speaks for all changes
within `SETTLED_SECONDS` after it.

Every document may be missing, and Firestore slow or down: then whoever asks does without. After a failed call
this instance asks nothing for `PAUSE_SECONDS`, and the log event `cache.fallback` says how often it did without.
The documents forget themselves: a time-to-live policy on `expires_at` removes them.
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
from shared.cloud.availability_pause import AvailabilityPause
from shared.cloud.settings import settings

COLLECTION = "cache"
TIMEOUT_SECONDS = 0.15
FIRST_TIMEOUT_SECONDS = 0.5  # until Firestore has answered once: the channel and its credentials come first
PAUSE_SECONDS = 5.0
EVERY_SECONDS = 1.0
SETTLED_SECONDS = 2 * EVERY_SECONDS
"""An instance that finds a mark younger than `EVERY_SECONDS` writes none for as long again."""
FORGOTTEN_SECONDS = 3600  # longer than any content is good
LARGEST_BYTES = 900_000
"""Firestore takes documents of 1 MiB; the rest is their names and times."""
_MOST_CLAIMS = 10_000
_TRIES = 3

log = logging.getLogger(__name__)


class CacheUnavailable(Exception):
    """Firestore is slow or down; nothing is known about what it keeps."""


@dataclass(frozen=True)
class CacheEntry:
    """The content found under a key, at a moment of Firestore's clock."""

    key: str
    at: datetime
    content: str = ""
    content_at: datetime | None = None
    """The content holds every change that was committed before this. None: there is no content."""
    written_at: datetime | None = None
    changed_at: datetime | None = None
    """When the last change was marked."""

    @property
    def age_seconds(self) -> float:
        """How old the content is."""
        return (self.at - self.content_at).total_seconds() if self.content_at else float("inf")

    def is_good(self, seconds: float) -> bool:
        """Whether the content may be shown: not older than `seconds`, nor than a change."""
        if self.content_at is None or self.age_seconds > seconds:
            return False
        if self.age_seconds < EVERY_SECONDS or self.changed_at is None:
            return True
        return self.content_at >= self.changed_at + timedelta(seconds=SETTLED_SECONDS)


class _Claims:
    """The changes that this instance has marked within the last `EVERY_SECONDS`, or is marking."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def take(self, marks: Collection[str]) -> list[str]:
        """Those of `marks` that are the caller's to write."""
        now = time.monotonic()
        with self._lock:
            if len(self._until) > _MOST_CLAIMS:
                self._until = {mark: until for mark, until in self._until.items() if until > now}
            due = [mark for mark in dict.fromkeys(marks) if self._until.get(mark, 0.0) <= now]
            self._until.update(dict.fromkeys(due, now + EVERY_SECONDS))
        return due

    def give_back(self, marks: Collection[str]) -> None:
        """They were not written."""
        with self._lock:
            for mark in marks:
                self._until.pop(mark, None)


_pause = AvailabilityPause()


@contextmanager
def _calling(operation: str) -> Iterator[float]:
    """Call Firestore in this block, with the time-out it is given. Raises CacheUnavailable."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError

    permissions.check("cache", "shared")
    if not _pause.may_call(PAUSE_SECONDS):
        raise CacheUnavailable("it has just failed")
    try:
        yield (TIMEOUT_SECONDS if _pause.has_answered else FIRST_TIMEOUT_SECONDS) * settings().patience
    except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
        count = _pause.failed(PAUSE_SECONDS)
        log.warning("cache.fallback", extra={"operation": operation, "error": type(error).__name__, "count": count})
        raise CacheUnavailable(type(error).__name__) from error
    if skipped := _pause.answered():
        log.warning("cache.fallback", extra={"operation": "recovered", "error": None, "count": skipped})


_claims = _Claims()


def forget() -> None:
    """Know nothing, as a new instance does (tests, and a forked worker)."""
    global _claims
    _pause.reset()
    _claims = _Claims()


def lookup(key: str, mark: str) -> CacheEntry:
    """What is under `key`, and when `mark` was last written. Raises CacheUnavailable."""
    with _calling("look") as timeout:
        content, changed = _snapshots([key, mark], timeout)
    at = min(content.read_time, changed.read_time)
    changed_at = changed.update_time if changed.exists else None
    if not content.exists:
        return CacheEntry(key, at, changed_at=changed_at)
    fields = content.to_dict()
    return CacheEntry(key, at, fields.get("content", ""), fields.get("content_at"), content.update_time, changed_at)


def put(seen: CacheEntry, content: str) -> None:
    """Keep what was read from the database after the look `seen`, unless somebody else has kept something since.

    Nothing is kept of what is too large, within `EVERY_SECONDS` of the last time, and where Firestore fails.
    """
    from google.api_core.exceptions import Conflict, FailedPrecondition, NotFound

    if len(content.encode()) > LARGEST_BYTES or _is_recent(seen.written_at, seen.at):
        return
    fields = {"content": content, "content_at": seen.at, "expires_at": _forgotten_at()}
    client = clients.firestore()
    document = client.collection(COLLECTION).document(seen.key)
    try:
        with _calling("put") as timeout:
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
    """Say that what belongs to `marks` has changed; call it after the commit.

    At most once in `EVERY_SECONDS` for each mark this calls Firestore, and waits for it. A change that can't be
    told is seen when the contents have grown too old.
    """
    due = _claims.take(marks) if settings().shared_cache == "on" else []
    if not due:
        return
    try:
        with _calling("invalidate") as timeout:
            is_told = any(_write_marks(due, timeout) for _ in range(_TRIES))
    except CacheUnavailable:
        is_told = False
    if not is_told:
        _claims.give_back(due)


def _write_marks(marks: Collection[str], timeout: float) -> bool:
    """Whether all of `marks` are young now. Where somebody else writes one of them meanwhile, none is written."""
    from google.api_core.exceptions import Conflict, FailedPrecondition, NotFound

    client = clients.firestore()
    batch = client.batch()
    fields = {"expires_at": _forgotten_at()}
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
    """The documents of these keys, in their order."""
    client = clients.firestore()
    references = [client.collection(COLLECTION).document(key) for key in keys]
    found = {each.id: each for each in client.get_all(references, retry=None, timeout=timeout)}
    return [found[key] for key in keys]


def _is_recent(moment: datetime | None, at: datetime) -> bool:
    return moment is not None and at - moment < timedelta(seconds=EVERY_SECONDS)


def _forgotten_at() -> datetime:
    return clock.now() + timedelta(seconds=FORGOTTEN_SECONDS)
