"""Attendees: the names and addresses on an order's items (TS-004)."""

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
# A printed ticket needs a name, not an address.
_ANONYMISE = text("""
    UPDATE order_items i
    SET attendee_name = CASE WHEN attendee_name IS NULL THEN NULL ELSE :name END, attendee_email = NULL
    FROM orders o WHERE o.id = i.order_id AND o.user_id = :user_id
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


def set_attendee(tx: Transaction, order_id: UUID, item_id: UUID, *, name: str, email: str) -> NamedItem | None:
    """Set the attendee of an item of a locked order; None where the order has no such item."""
    row = tx.execute(_NAME, {"order_id": order_id, "item_id": item_id, "name": name, "email": email}).first()
    return NamedItem(row.tier_id, row.asks_identity) if row else None


def anonymise(tx: Transaction, user_id: UUID, name: str) -> None:
    """Replace the attendees of a person's past orders by `name`, and delete their addresses (UM-009)."""
    tx.execute(_ANONYMISE, {"user_id": user_id, "name": name})
