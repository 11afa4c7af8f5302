"""The catalogue for visitors, from a cache that all instances share (CACHE-001, CACHE-002, CACHE-005).

Callers who may just have changed the data bypass the cache: organizers, their staff and admins always, and every
signed-in caller of an event's own page, so that buyers see the effect of their own orders.
"""

import hashlib
from functools import lru_cache
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import text

from shared.catalog import events, search, search_filters, slugs
from shared.catalog.events import EventResponse
from shared.catalog.search import EventSearch
from shared.catalog.search_filters import EventFilters
from shared.cloud import cache
from shared.cloud.database import Transaction, after_commit, snapshot, transaction
from shared.cloud.read_through_cache import CachedValue, read_through
from shared.field_types import as_uuid
from shared.identity.tokens import Principal
from shared.models import Listing
from shared.problems import NotFound
from shared.sales import inventory

CACHE_SECONDS = 15
"""The maximum age of a cached view: with the CDN's share (shared/web/caching.py) 30 seconds, also for lists, which
show availability too."""

_LISTS_MARK = "changed:lists"
_CACHED_FILTERS = {"category", "location", "city", "sort", "page", "page_size"}
_NEVER_CHANGED = "changed:slugs"
_ID_OF_SLUG = text("SELECT id FROM events WHERE slug = :slug")


class _EventOfSlug(BaseModel):
    """The event of a slug."""

    id: UUID


def list_events(
    viewer: Principal | None, wanted: EventSearch, *, stale_if_error: bool = False
) -> CachedValue[Listing[EventResponse]]:
    """One page of the upcoming events. Common filters are cached, searches are not."""

    def read() -> Listing[EventResponse]:
        with snapshot() as tx:
            return search.search_upcoming(tx, wanted)

    is_customer = viewer is None or viewer.role == "customer"
    if not is_customer or not wanted.model_fields_set <= _CACHED_FILTERS:
        return CachedValue(read())
    query = hashlib.sha256(wanted.model_dump_json().encode()).hexdigest()[:40]
    return read_through(
        f"list:{query}",
        _LISTS_MARK,
        seconds=CACHE_SECONDS,
        model=Listing[EventResponse],
        read=read,
        stale_if_error=stale_if_error,
    )


def list_filters(viewer: Principal | None, *, stale_if_error: bool = False) -> CachedValue[EventFilters]:
    """The categories and cities of the upcoming events."""

    def read() -> EventFilters:
        with snapshot() as tx:
            return search_filters.read(tx)

    if viewer is not None and viewer.role != "customer":
        return CachedValue(read())
    return read_through(
        "list:filters",
        _LISTS_MARK,
        seconds=CACHE_SECONDS,
        model=EventFilters,
        read=read,
        stale_if_error=stale_if_error,
    )


def get_event(viewer: Principal | None, key: str, *, stale_if_error: bool = False) -> CachedValue[EventResponse]:
    """The event with this id or slug. Raises NotFound, also for drafts of others."""
    event_id = as_uuid(key)
    if event_id is None and not slugs.is_slug(key):
        raise NotFound
    if viewer is not None:
        return CachedValue(_read(viewer, key))
    event_id = event_id or _id_of_slug(key)
    return read_through(
        f"event:{event_id}",
        inventory.cache_mark(event_id),
        seconds=CACHE_SECONDS,
        model=EventResponse,
        read=lambda: _read(None, str(event_id)),
        stale_if_error=stale_if_error,
    )


def invalidate_after_commit(tx: Transaction, event_id: UUID) -> None:
    """Invalidate the cached views of an event and the lists, once `tx` has committed."""
    after_commit(tx, lambda: cache.invalidate(inventory.cache_mark(event_id), _LISTS_MARK))


@lru_cache(maxsize=10_000)
def _id_of_slug(slug: str) -> UUID:
    """The event of a slug. Slugs never change and are never reused, so that one is known while the database is away."""

    def read() -> _EventOfSlug:
        with transaction() as tx:
            found: UUID | None = tx.execute(_ID_OF_SLUG, {"slug": slug}).scalar()
        if found is None:
            raise NotFound
        return _EventOfSlug(id=found)

    renewed_after = cache.TTL_SECONDS / 2
    return read_through(
        f"slug:{slug}", _NEVER_CHANGED, seconds=renewed_after, model=_EventOfSlug, read=read, stale_if_error=True
    ).value.id


def _read(viewer: Principal | None, key: str) -> EventResponse:
    with snapshot() as tx:
        return events.read(tx, viewer, key)
