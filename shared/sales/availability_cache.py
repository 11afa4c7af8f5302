"""Invalidation of an event's cached availability (CACHE-002, CACHE-005).

The cache serves visitors only. A reservation reads the database.
"""

from collections.abc import Iterable
from uuid import UUID

from shared.cloud import cache
from shared.cloud.database import Transaction, after_commit


def cache_mark(event_id: UUID) -> str:
    """The mark in the shared cache under which an event's views are invalidated."""
    return f"changed:event:{event_id}"


def invalidate(*event_ids: UUID) -> None:
    """Invalidate the cached views of these events; call it after the commit."""
    cache.invalidate(*map(cache_mark, event_ids))


def invalidate_after_commit(tx: Transaction, event_ids: Iterable[UUID]) -> None:
    """Like `invalidate`, once `tx` has committed."""
    moved = set(event_ids)
    after_commit(tx, lambda: invalidate(*moved))
