"""Repair of tier counters that differ from the orders behind them."""

from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import transaction
from shared.sales import inventory

_COUNTED = """
    SELECT t.id, t.reserved, t.sold,
        count(i.id) FILTER (WHERE o.status IN ('reserved', 'pending_payment')) AS held,
        count(i.id) FILTER (WHERE o.status = 'paid' AND i.returned_at IS NULL) AS bought
    FROM ticket_tiers t
    LEFT JOIN order_items i ON i.tier_id = t.id
    LEFT JOIN orders o ON o.id = i.order_id
"""
_SUSPECTS = text(f"""
    SELECT id FROM (
        {_COUNTED} WHERE t.event_ends_at > now() - interval '7 days' GROUP BY t.id) AS counted
    WHERE reserved <> held OR sold <> bought
""")
_LOCK = text("SELECT id FROM ticket_tiers WHERE id = :id FOR NO KEY UPDATE")
_ONE = text(f"{_COUNTED} WHERE t.id = :id GROUP BY t.id")
_CORRECT = text("UPDATE ticket_tiers SET reserved = :held, sold = :bought WHERE id = :id RETURNING event_id")


def correct_counters() -> int:
    """Set every counter that differs from the orders behind it; return how many tiers were wrong.

    Events that ended more than a week ago are left out: their sales no longer change.

    A suspect is counted again under its lock. Counters and orders change in one transaction, so while the tier
    is locked both stand still.
    """
    with transaction() as tx:
        suspects = tx.execute(_SUSPECTS).scalars().all()
    return sum(_correct(tier_id) for tier_id in suspects)


def _correct(tier_id: UUID) -> bool:
    with transaction() as tx:
        tx.execute(_LOCK, {"id": tier_id})
        row = tx.execute(_ONE, {"id": tier_id}).one()
        if (row.reserved, row.sold) == (row.held, row.bought):
            return False
        corrected = tx.execute(_CORRECT, {"id": tier_id, "held": row.held, "bought": row.bought})
        inventory.invalidate_views(tx, corrected.scalars())
        audit.record(
            tx,
            "reconcile_fix_counter",
            subject="tier",
            subject_id=tier_id,
            reserved=[row.reserved, row.held],
            sold=[row.sold, row.bought],
        )
    return True
