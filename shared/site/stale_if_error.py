"""The last good copy of what public pages show, for when the database is away.

It is kept in the shared cache, for every instance, and in this instance's memory for when that is away too.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from pydantic import BaseModel

from shared.cloud import cache, clock
from shared.cloud.database import DATABASE_AWAY
from shared.cloud.read_through_cache import CachedValue

KEPT = 500
MAX_BYTES = 32 * 2**20
"""The size of all copies together as JSON: an organizer's texts may be long, and a stranger may ask for many pages."""

M = TypeVar("M", bound=BaseModel)
log = logging.getLogger(__name__)

_lock = threading.Lock()
_copies: "OrderedDict[str, _Copy]" = OrderedDict()


@dataclass(frozen=True)
class _Copy:
    """The content of a page, when it was shown, and its size."""

    at: datetime
    value: BaseModel
    size: int


@dataclass(frozen=True)
class PageContent(Generic[M]):
    """A page's content; `stale_since` says of when it is where the database could not be asked."""

    value: M
    age_seconds: float = 0.0
    stale_since: datetime | None = None

    @property
    def is_current(self) -> bool:
        """True if the database said so just now."""
        return self.stale_since is None


def read(key: str, fetch: Callable[[], CachedValue[M]]) -> PageContent[M]:
    """The result of `fetch`; while the database is away, its last result. Raises its error where there is no copy."""
    try:
        found = fetch()
    except DATABASE_AWAY as error:
        return _copy(key, error)
    if found.is_stale:
        return PageContent(found.value, stale_since=clock.now() - timedelta(seconds=found.age_seconds))
    _keep(key, found)
    return PageContent(found.value, found.age_seconds)


def _keep(key: str, found: CachedValue[M]) -> None:
    kept = _copies.get(key)
    is_same = kept is not None and kept.value is found.value
    size = kept.size if kept is not None and is_same else len(found.value.model_dump_json().encode())
    with _lock:
        _copies[key] = _Copy(clock.now() - timedelta(seconds=found.age_seconds), found.value, size)
        _copies.move_to_end(key)
        while len(_copies) > KEPT or sum(each.size for each in _copies.values()) > MAX_BYTES:
            _copies.popitem(last=False)


def _copy(key: str, error: Exception) -> PageContent[M]:
    with _lock:
        kept = _copies.get(key)
    if kept is None or clock.now() - kept.at > timedelta(seconds=cache.TTL_SECONDS):
        raise error
    log.warning("page.stale", extra={"error": type(error).__name__})
    value: M = kept.value  # type: ignore[assignment]
    return PageContent(value, stale_since=kept.at)
