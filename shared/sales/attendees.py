"""Attendees: the names and addresses on an order's items (TS-004)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.sales import registrations

_NAME = text(f"""
    UPDATE order_items i SET attendee_name = :name, attendee_email = :email
    FROM ticket_tiers t
    WHERE t.id = i.tier_id AND i.id = :item_id AND i.order_id = :order_id
    RETURNING i.tier_id, {registrations.REQUIRES_IDENTITY} AS asks_identity
""")
_UNNAMED = text("""
    SELECT i.id FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
    WHERE i.order_id = :order_id AND t.kind IN ('ticket', 'registration') AND i.attendee_name IS NULL
    ORDER BY i.position
""")
# A printed ticket needs a name, not an address.
_ANONYMISE = text("""
    UPDATE order_items i
    SET attendee_name = CASE WHEN attendee_name IS NULL THEN NULL ELSE :name END, attendee_email = NULL
    FROM orders o WHERE o.id = i.order_id AND o.user_id = :user_id
""")
# In the order of their ids, so that two who forget wait for each other once.
_FORGET_ADDRESSES = text("""
    UPDATE order_items SET attendee_email = NULL WHERE id IN (
        SELECT id FROM order_items WHERE id = ANY(:item_ids) ORDER BY id FOR NO KEY UPDATE)
""")


@dataclass(frozen=True)
class NamedItem:
    """An item whose attendee was named, with its tier."""

    tier_id: UUID
    asks_identity: bool


@dataclass(frozen=True)
class HolderChanged:
    """A change of a ticket's holder: its item as it was, whether its QR code is new, and who made the change."""

    ticket_id: UUID
    item_id: UUID
    order_id: UUID
    old_email: str | None
    is_renewed: bool
    is_by_buyer: bool


def set_attendee(tx: Transaction, order_id: UUID, item_id: UUID, *, name: str, email: str | None) -> NamedItem | None:
    """Set the attendee of an item of a locked order; None where the order has no such item."""
    row = tx.execute(_NAME, {"order_id": order_id, "item_id": item_id, "name": name, "email": email}).first()
    return NamedItem(row.tier_id, row.asks_identity) if row else None


def name_unnamed(tx: Transaction, order_id: UUID, names: Sequence[str]) -> None:
    """Name the tickets of a locked order that have no name, for a buyer without addresses, if there are as many."""
    item_ids = tx.execute(_UNNAMED, {"order_id": order_id}).scalars().all()
    if len(item_ids) == len(names):
        for item_id, name in zip(item_ids, names, strict=True):
            set_attendee(tx, order_id, item_id, name=name, email=None)


def anonymise(tx: Transaction, user_id: UUID, name: str) -> None:
    """Replace the attendees of a person's past orders by `name`, and delete their addresses (UM-009)."""
    tx.execute(_ANONYMISE, {"user_id": user_id, "name": name})


def forget_addresses(tx: Transaction, item_ids: Sequence[UUID]) -> None:
    """Delete the attendees' addresses of items that others bought for a person who leaves (UM-009)."""
    tx.execute(_FORGET_ADDRESSES, {"item_ids": list(item_ids)})
