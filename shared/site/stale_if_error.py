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

M = TypeVar("M", bound=BaseModel)
log = logging.getLogger(__name__)

_lock = threading.Lock()
_copies: "OrderedDict[str, tuple[datetime, BaseModel]]" = OrderedDict()


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
    with _lock:
        _copies[key] = (clock.now() - timedelta(seconds=found.age_seconds), found.value)
        _copies.move_to_end(key)
        while len(_copies) > KEPT:
            _copies.popitem(last=False)
    return PageContent(found.value, found.age_seconds)


def _copy(key: str, error: Exception) -> PageContent[M]:
    with _lock:
        kept = _copies.get(key)
    if kept is None or clock.now() - kept[0] > timedelta(seconds=cache.TTL_SECONDS):
        raise error
    log.warning("page.stale", extra={"error": type(error).__name__})
    value: M = kept[1]  # type: ignore[assignment]
    return PageContent(value, stale_since=kept[0])
