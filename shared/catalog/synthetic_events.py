"""The synthetic events, from which synthetic purchases buy (shared/monitoring/synthetic_purchases.py).

They stay drafts for ever (a CHECK of the schema), so that no list, search, page, report or reminder shows them. Their
tiers are on sale all the same, each to its organizer alone: a synthetic buyer (`shared/sales/order_pricing.py`). There
are several, as one buyer may write only so often in a minute (`shared/web/rate_limits.py`).
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity import synthetic_buyers

COUNT = 4
PRICE = 10_000
"""The price of the tier whose payments are opened and never paid, in rupiah: the least that every method takes."""
QUOTA = 10_000
"""Far more than purchases could be left unreturned while nobody looks."""

_FIND = text("""
    SELECT e.id, u.id AS buyer_id, u.email AS buyer_email,
        (SELECT id FROM ticket_tiers WHERE event_id = e.id AND price = 0) AS free_tier_id,
        (SELECT id FROM ticket_tiers WHERE event_id = e.id AND price > 0) AS priced_tier_id
    FROM events e JOIN users u ON u.id = e.organizer_id
    WHERE e.slug = :slug AND e.is_synthetic  -- Uses index: events_slug
""")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('synthetic_events', 0))")
_ADD = text("""
    INSERT INTO events (organizer_id, slug, title, category, location, start_date, end_date, capacity, is_synthetic)
    VALUES (:organizer_id, :slug, 'Synthetic purchases', 'Synthetic', 'Nowhere', '2100-01-01T00:00Z',
        '2100-01-02T00:00Z', :quota, true)
    RETURNING id
""")
_ADD_TIER = text("""
    INSERT INTO ticket_tiers (event_id, organizer_id, name, price, quota, max_per_order, event_ends_at, is_on_sale)
    SELECT id, organizer_id, :name, :price, :quota, 100, end_date, true FROM events WHERE id = :event_id
""")


@dataclass(frozen=True)
class SyntheticEvent:
    """The event, the account that may buy from it, and its tiers."""

    id: UUID
    buyer_id: UUID
    buyer_email: str
    free_tier_id: UUID
    priced_tier_id: UUID


def find_or_add(tx: Transaction, number: int) -> SyntheticEvent:
    """The event of a number below COUNT, which the first call adds with its buyer. Concurrent calls add one."""
    slug = f"synthetic--{number}"  # no title becomes a slug with two hyphens
    found = _find(tx, slug)
    if found is None:
        tx.execute(_LOCK)
        found = _find(tx, slug) or _add(tx, slug)
    return found


def _find(tx: Transaction, slug: str) -> SyntheticEvent | None:
    row = tx.execute(_FIND, {"slug": slug}).first()
    return SyntheticEvent(*row) if row else None


def _add(tx: Transaction, slug: str) -> SyntheticEvent:
    values = {"organizer_id": synthetic_buyers.add(tx), "slug": slug, "quota": QUOTA}
    event_id = tx.execute(_ADD, values).scalar_one()
    for name, price in (("Free", 0), ("Priced", PRICE)):
        tx.execute(_ADD_TIER, {"event_id": event_id, "name": name, "price": price, "quota": QUOTA})
    return SyntheticEvent(*tx.execute(_FIND, {"slug": slug}).one())
