"""The catalogue as visitors see it, from a cache that all instances share (CACHE-001, CACHE-002, CACHE-005).

Who may just have changed what they ask for reads the database: organizers, their staff and admins always, and
everybody who is signed in where an event's availability is shown, as a buyer wants to see what they have done.
"""

import hashlib
from functools import lru_cache
from uuid import UUID

from sqlalchemy import text

from shared.catalog import events, search, slugs
from shared.catalog.events import EventResponse
from shared.catalog.search import EventSearch
from shared.cloud import cache
from shared.cloud.database import Transaction, after_commit, snapshot, transaction
from shared.cloud.read_through_cache import CachedValue, read_through
from shared.identity.tokens import Principal
from shared.models import Listing
from shared.problems import NotFound
from shared.sales import inventory

KEPT_SECONDS = 15
"""How old what is kept may be. With what the CDN adds (shared/web/caching.py) 30 seconds, since lists show
what is left as well."""

_LISTS = "changed:lists"
_BROWSED_BY = {"category", "location", "sort", "page", "page_size"}
_ID_OF_SLUG = text("SELECT id FROM events WHERE slug = :slug")


def browse(viewer: Principal | None, wanted: EventSearch) -> CachedValue[Listing[EventResponse]]:
    """One page of the upcoming events. What many look through is kept; what somebody searches for is not."""

    def read() -> Listing[EventResponse]:
        with snapshot() as tx:
            return search.upcoming(tx, wanted)

    is_customer = viewer is None or viewer.role == "customer"
    if not is_customer or not wanted.model_fields_set <= _BROWSED_BY:
        return CachedValue(read())
    query = hashlib.sha256(wanted.model_dump_json().encode()).hexdigest()[:40]
    return read_through(f"list:{query}", _LISTS, seconds=KEPT_SECONDS, model=Listing[EventResponse], read=read)


def show(viewer: Principal | None, key: str) -> CachedValue[EventResponse]:
    """The event with this id or slug. Raises NotFound; a draft is there for its organizer and admins only."""
    event_id = events.as_uuid(key)
    if event_id is None and not slugs.is_slug(key):
        raise NotFound
    if viewer is not None:
        return CachedValue(_read(viewer, key))
    event_id = event_id or _id_of_slug(key)
    return read_through(
        f"event:{event_id}",
        inventory.cache_mark(event_id),
        seconds=KEPT_SECONDS,
        model=EventResponse,
        read=lambda: _read(None, str(event_id)),
    )


def changed_with(tx: Transaction, event_id: UUID) -> None:
    """Show visitors nothing of the time before, once `tx` has committed a change of what they see of this event."""
    after_commit(tx, lambda: cache.invalidate(inventory.cache_mark(event_id), _LISTS))


@lru_cache(maxsize=10_000)
def _id_of_slug(slug: str) -> UUID:
    """The event of a slug. A slug never changes, and its random end never comes again."""
    with transaction() as tx:
        found: UUID | None = tx.execute(_ID_OF_SLUG, {"slug": slug}).scalar()
    if found is None:
        raise NotFound
    return found


def _read(viewer: Principal | None, key: str) -> EventResponse:
    with snapshot() as tx:
        return events.read(tx, viewer, key)
