"""Goods of a paid order: one pickup code for its products, and one unit for each digital item (PROD-1, PROD-2).

Webhook, sync and reconcile all come here through issuing. Only what is missing is given, so that doing it
again changes nothing.
"""

import secrets
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.sales import digital_units

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's Base32: no letter that is read as a digit. Eight of them are 40 bits, guessed at a counter only."""

_MISREAD = str.maketrans("OIL", "011")

_ADD_PICKUP = text("""
    INSERT INTO pickups (order_id, event_id, code)
    SELECT o.id, o.event_id, :code FROM orders o
    WHERE o.id = :order_id AND EXISTS (
        SELECT 1 FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
        WHERE i.order_id = o.id AND t.kind = 'product' AND i.returned_at IS NULL)
    ON CONFLICT (order_id) DO NOTHING
""")
_WITHOUT_UNIT = text("""
    SELECT i.id, i.tier_id FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
    WHERE i.order_id = :order_id AND t.kind = 'digital' AND i.returned_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM digital_units u WHERE u.item_id = i.id)
    ORDER BY i.position
""")


class NoUnitLeft(Exception):
    """A unit that was sold can't be given now: others hold those that are free. Try again."""


def assign_missing(tx: Transaction, order_id: UUID) -> None:
    """Give a locked, paid order its pickup code and its units. Raises NoUnitLeft."""
    tx.execute(_ADD_PICKUP, {"order_id": order_id, "code": _new_code()})
    for item in tx.execute(_WITHOUT_UNIT, {"order_id": order_id}).all():
        if not digital_units.assign(tx, item.id, item.tier_id):
            raise NoUnitLeft(f"for item {item.id}")


def read_code(typed: str) -> str:
    """A pickup code as it is stored, however it was typed."""
    letters = "".join(letter for letter in typed.upper() if letter.isalnum()).translate(_MISREAD)
    return _written(letters)


def _new_code() -> str:
    return _written("".join(secrets.choice(ALPHABET) for _ in range(8)))


def _written(letters: str) -> str:
    return f"{letters[:4]}-{letters[4:]}"
