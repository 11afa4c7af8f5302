"""BIB numbers: 1, 2, 3, ... in each category, without gaps, never given twice (REG-2).

The counter moves in the transaction that writes the numbers. A process that dies in between has moved nothing;
one that comes at the same time waits for the counter's row. A refunded participant's number stays theirs.
"""

from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction

# The counters are locked in the order of their tiers.
_ASSIGN_MISSING = text("""
    WITH missing AS (
        SELECT i.id AS item_id, i.tier_id, row_number() OVER (PARTITION BY i.tier_id ORDER BY i.position) AS place
        FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
        WHERE i.order_id = :order_id AND t.kind = 'registration' AND i.returned_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM bib_numbers b WHERE b.item_id = i.id)),
    wanted AS (SELECT tier_id, count(*)::int AS quantity FROM missing GROUP BY tier_id),
    counted AS (
        INSERT INTO bib_counters AS c (tier_id, given) SELECT tier_id, quantity FROM wanted ORDER BY tier_id
        ON CONFLICT (tier_id) DO UPDATE SET given = c.given + excluded.given
        RETURNING tier_id, given)
    INSERT INTO bib_numbers (tier_id, number, item_id)
    SELECT missing.tier_id, counted.given - wanted.quantity + missing.place, missing.item_id
    FROM missing JOIN wanted USING (tier_id) JOIN counted USING (tier_id)
""")


def assign_missing(tx: Transaction, order_id: UUID) -> int:
    """Give each participant of a locked, paid order the next number of their category. Returns how many had none."""
    return tx.execute(_ASSIGN_MISSING, {"order_id": order_id}).rowcount
