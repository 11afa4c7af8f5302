"""Voiding what a refunded order had bought: its tickets let nobody in, and its products are handed over to nobody.

All takes an open transaction with the order locked. A gate or a counter that scans in this moment waits for it, or it
for them: one of the two comes first.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.problems import Problem

_VOID = text("UPDATE tickets SET status = 'void' WHERE order_id = :order_id AND status <> 'void'")
_VOID_PICKUP = text("UPDATE pickups SET status = 'void' WHERE order_id = :order_id AND status = 'waiting'")
_VOID_UNUSED = text("""
    UPDATE tickets SET status = 'void' WHERE order_item_id = ANY(:item_ids) AND status = 'issued'
""")
_USED = text("SELECT id FROM tickets WHERE order_item_id = ANY(:item_ids) AND status = 'used'")
_PICKED_UP = text("""
    SELECT EXISTS (
        SELECT 1 FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id JOIN pickups p ON p.order_id = i.order_id
        WHERE i.id = ANY(:item_ids) AND t.kind = 'product' AND p.status = 'picked_up')
""")
_VOID_EMPTY_PICKUP = text("""
    UPDATE pickups SET status = 'void'
    WHERE order_id = :order_id AND status = 'waiting' AND NOT EXISTS (
        SELECT 1 FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
        WHERE i.order_id = :order_id AND t.kind = 'product' AND i.returned_at IS NULL AND i.id <> ALL(:item_ids))
""")


class TicketUsed(Problem):
    """A ticket of these has let somebody in already, so it can't be given back. Leave it out."""

    status, slug = 409, "ticket-used"


class ProductsPickedUp(TicketUsed):
    """These products were handed over already, so they can't be given back. Leave them out."""

    slug = "products-picked-up"


def void(tx: Transaction, order_id: UUID) -> int:
    """Void all tickets of an order, and the pickup code of what was not handed over; return how many tickets."""
    tx.execute(_VOID_PICKUP, {"order_id": order_id})
    return tx.execute(_VOID, {"order_id": order_id}).rowcount


def void_items(tx: Transaction, order_id: UUID, item_ids: Sequence[UUID]) -> None:
    """Void the tickets of items that are about to go back, and the pickup code if no product is left.

    Raises TicketUsed, and ProductsPickedUp for a product that was handed over.
    """
    values = {"order_id": order_id, "item_ids": list(item_ids)}
    tx.execute(_VOID_UNUSED, values)
    if used := tx.execute(_USED, values).scalars().all():
        raise TicketUsed(ticket_ids=[str(ticket_id) for ticket_id in used])
    if tx.execute(_PICKED_UP, values).scalar_one():
        raise ProductsPickedUp
    tx.execute(_VOID_EMPTY_PICKUP, values)
