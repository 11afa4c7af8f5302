"""Telling everybody who shows what is left at an event that it has changed (CACHE-002, CACHE-005).

Only what visitors are shown is cached, never what decides: a reservation asks the database.
"""

from collections.abc import Iterable
from uuid import UUID

from shared.cloud import cache
from shared.cloud.database import Transaction, after_commit


def mark(event_id: UUID) -> str:
    """The shared cache's mark for what is shown of an event."""
    return f"changed:event:{event_id}"


def changed(*event_ids: UUID) -> None:
    """Say that stock of these events has moved; call it after the commit."""
    cache.invalidate(*map(mark, event_ids))


def changed_with(tx: Transaction, event_ids: Iterable[UUID]) -> None:
    """The same, once `tx` has committed."""
    moved = set(event_ids)
    after_commit(tx, lambda: changed(*moved))
