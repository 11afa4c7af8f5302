"""Moves what an account has bought to another one, which is the same person's."""

from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.sales import orders

_MOVE_USES = text("""
    WITH locked_promos AS (
        SELECT p.id FROM promos p
        WHERE p.id IN (SELECT promo_id FROM orders WHERE user_id = :to_user)  -- Uses index: orders_user
        ORDER BY p.id FOR NO KEY UPDATE),
    moved AS (
        DELETE FROM promo_users u USING locked_promos
        WHERE u.promo_id = locked_promos.id AND u.user_id = :from_user
        RETURNING u.promo_id, u.uses, u.late_uses)
    INSERT INTO promo_users AS u (promo_id, user_id, uses, late_uses)
    SELECT promo_id, CAST(:to_user AS uuid), uses, late_uses FROM moved
    ON CONFLICT (promo_id, user_id) DO UPDATE
    SET uses = u.uses + excluded.uses, late_uses = u.late_uses + excluded.late_uses, most = NULL
""")


def move_purchases(tx: Transaction, from_user: UUID, to_user: UUID) -> None:
    """Move the orders of an account that have ended or are paid, and its uses of promo codes.

    Together the uses may be more than one person may have: the next one is refused then.
    """
    orders.move(tx, from_user, to_user)
    tx.execute(_MOVE_USES, {"from_user": from_user, "to_user": to_user})
