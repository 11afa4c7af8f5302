"""The last good copy of what public pages show, for when the database is away.

It is kept in this instance's memory, and in the shared cache for instances that begin meanwhile.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.cloud import clock
from shared.cloud.read_through_cache import CachedValue

KEPT = 500
KEPT_HOURS = 24

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
    except (DBAPIError, PoolTimeout, ConnectionError) as error:
        return _copy(key, error)
    with _lock:
        _copies[key] = (clock.now() - timedelta(seconds=found.age_seconds), found.value)
        _copies.move_to_end(key)
        while len(_copies) > KEPT:
            _copies.popitem(last=False)
    return PageContent(found.value, found.age_seconds)


def _copy(key: str, error: Exception) -> PageContent[M]:
    with _lock:
        kept = _copies.get(key)
    if kept is None or clock.now() - kept[0] > timedelta(hours=KEPT_HOURS):
        raise error
    log.warning("page.stale", extra={"error": type(error).__name__})
    value: M = kept[1]  # type: ignore[assignment]
    return PageContent(value, stale_since=kept[0])
