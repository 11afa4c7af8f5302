"""Digital goods as stock: every unit is a secret of its own and is sold to one buyer only (PROD-2).

    uploaded -> assigned to an item of a paid order -> revealed to its buyer -> burned, if that item is refunded

A refunded buyer has seen the secret, so the unit is not sold again: the item returns to free stock as every
item does, and in the same transaction the tier has one unit less to sell. A unit that was not assigned when
its order was refunded is still a secret, and stays for sale.
"""

import json
from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud import field_encryption
from shared.cloud.database import Transaction

# The tier is locked last, for as short as possible.
_ADD = text("""
    INSERT INTO digital_units (id, tier_id, secret_index, secret_sealed)
    SELECT id, :tier_id, secret_index, secret_sealed
    FROM jsonb_to_recordset(CAST(:units AS jsonb)) AS u (id uuid, secret_index text, secret_sealed text)
    ORDER BY secret_index  -- so that two uploads of the same secrets don't wait for each other in a circle
    ON CONFLICT (secret_index) DO NOTHING
""")
_INCREASE_UNITS = text("UPDATE ticket_tiers SET units = units + :added WHERE id = :tier_id RETURNING units")
_ASSIGN = text("""
    UPDATE digital_units SET item_id = :item_id, given_at = now()
    WHERE id = (
        SELECT id FROM digital_units  -- Uses index: digital_units_free
        WHERE tier_id = :tier_id AND item_id IS NULL
        ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id
""")
_BURN = text("""
    WITH burned AS (
        UPDATE digital_units SET burned_at = now() WHERE item_id = ANY(:item_ids) AND burned_at IS NULL
        RETURNING tier_id),
    by_tier AS (SELECT tier_id, count(*)::int AS quantity FROM burned GROUP BY tier_id),
    locked AS (
        SELECT t.id FROM ticket_tiers t JOIN by_tier ON by_tier.tier_id = t.id ORDER BY t.id FOR NO KEY UPDATE OF t)
    UPDATE ticket_tiers t SET units = t.units - by_tier.quantity
    FROM by_tier JOIN locked ON locked.id = by_tier.tier_id WHERE t.id = by_tier.tier_id
""")
_REVEALED = text("""
    SELECT u.id, u.item_id, u.secret_sealed FROM digital_units u JOIN order_items i ON i.id = u.item_id
    WHERE i.order_id = :order_id AND u.burned_at IS NULL AND u.revealed_at IS NOT NULL
""")
_UNREVEALED = """
    FROM digital_units u JOIN order_items i ON i.id = u.item_id JOIN orders o ON o.id = i.order_id
    WHERE o.status = 'paid' AND u.burned_at IS NULL AND u.revealed_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM refund_items n WHERE n.order_item_id = i.id AND NOT n.is_rejected)
"""
_HAS_UNREVEALED = text(f"SELECT EXISTS (SELECT 1 {_UNREVEALED} AND o.id = :order_id)")
_ORDERS_WITH_UNREVEALED = text(f"SELECT DISTINCT o.id {_UNREVEALED} AND o.user_id = :user_id")
_REVEAL = text(f"""
    UPDATE digital_units SET revealed_at = now() WHERE id IN (SELECT u.id {_UNREVEALED} AND o.id = :order_id)
""")


def add(tx: Transaction, tier_id: UUID, organizer_id: UUID, secrets: Sequence[str]) -> tuple[int, int]:
    """Put secrets up for sale; return how many were new, and how many units the tier has now.

    Secrets that the organizer has offered before, at any event, are left out.
    """
    rows = [_row(organizer_id, secret) for secret in dict.fromkeys(secrets)]
    added = tx.execute(_ADD, {"tier_id": tier_id, "units": json.dumps(rows)}).rowcount
    return added, tx.execute(_INCREASE_UNITS, {"tier_id": tier_id, "added": added}).scalar_one()


def assign(tx: Transaction, item_id: UUID, tier_id: UUID) -> bool:
    """Assign the oldest free unit of a tier to an item of a locked, paid order; False where none is left."""
    return tx.execute(_ASSIGN, {"item_id": item_id, "tier_id": tier_id}).first() is not None


def burn(tx: Transaction, item_ids: Sequence[UUID]) -> None:
    """Withdraw the units of these refunded items from sale for good. Idempotent; restore the stock first."""
    tx.execute(_BURN, {"item_ids": list(item_ids)})


def revealed_secrets(tx: Transaction, order_id: UUID) -> dict[UUID, str]:
    """The revealed secrets of an order by item, for its buyer only."""
    return {
        row.item_id: field_encryption.decrypt(row.secret_sealed, about=_about(row.id))
        for row in tx.execute(_REVEALED, {"order_id": order_id})
    }


def has_unrevealed(tx: Transaction, order_id: UUID) -> bool:
    """True if a paid order has units that can be revealed to its buyer."""
    found: bool = tx.execute(_HAS_UNREVEALED, {"order_id": order_id}).scalar_one()
    return found


def orders_with_unrevealed(tx: Transaction, user_id: UUID) -> Sequence[UUID]:
    """The paid orders of a buyer that have units to reveal."""
    return tx.execute(_ORDERS_WITH_UNREVEALED, {"user_id": user_id}).scalars().all()


def mark_revealed(tx: Transaction, order_id: UUID) -> None:
    """Record that the units of a locked order are about to be shown to its buyer."""
    tx.execute(_REVEAL, {"order_id": order_id})


def _row(organizer_id: UUID, secret: str) -> dict[str, str]:
    unit_id = uuid4()
    return {
        "id": str(unit_id),
        "secret_index": field_encryption.fingerprint(secret, purpose=f"digital_unit:{organizer_id}"),
        "secret_sealed": field_encryption.encrypt(secret, about=_about(unit_id)),
    }


def _about(unit_id: UUID) -> str:
    return f"digital_unit:{unit_id}"
