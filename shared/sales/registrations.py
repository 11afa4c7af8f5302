"""Participants with an identity number: one active registration per category and number (REG-1).

A tier asks for the number where its kind is `registration` or it `requires_identity`. The number is encrypted at
rest, found by its blind index, displayed by its last four characters, and never logged. The partial unique index
`one_registration` decides between concurrent registrations. A registration is active while its order is live or paid.
Where an event allows one purchase per person, `one_registration_per_event` does the same over all of its tiers.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud import field_encryption
from shared.cloud.database import Transaction
from shared.problems import Problem, violated_constraint

UNIQUE_CONSTRAINTS = {"one_registration", "one_registration_per_event"}
"""The constraints by which a number is registered once."""
_VISIBLE_CHARACTERS = 4
"""The number of characters of an identity number that are displayed."""

REQUIRES_IDENTITY = "(t.kind = 'registration' OR t.requires_identity)"
"""The condition on ticket_tiers `t`."""

_ERASE = text("DELETE FROM registrations r USING orders o WHERE o.id = r.order_id AND o.user_id = :user_id")


class AlreadyRegistered(Problem):
    """Somebody with this identity number is registered in this category. Check the number, or name another person."""

    status, slug = 409, "already-registered"


_REGISTER = text("""
    INSERT INTO registrations (item_id, order_id, tier_id, identity_index, event_identity_index, identity_sealed,
        identity_ending)
    VALUES (:item_id, :order_id, :tier_id, :identity_index, :event_identity_index, :identity_sealed,
        :identity_ending)
    ON CONFLICT (item_id) DO UPDATE SET identity_index = excluded.identity_index,
        event_identity_index = excluded.event_identity_index, identity_sealed = excluded.identity_sealed,
        identity_ending = excluded.identity_ending, is_active = true
""")
_MAKE_WAY = text("""
    UPDATE registrations SET is_active = false
    WHERE item_id = ANY(:item_ids) AND (identity_index = ANY(:indexes) OR event_identity_index = ANY(:event_indexes))
""")
_UNIQUE_EVENT = text("""
    SELECT e.id FROM orders o JOIN events e ON e.id = o.event_id WHERE o.id = :order_id AND e.one_purchase_per_person
""")
_MISSING = text(f"""
    SELECT i.id FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
    WHERE i.order_id = :order_id AND {REQUIRES_IDENTITY}
        AND NOT EXISTS (SELECT 1 FROM registrations r WHERE r.item_id = i.id)
    ORDER BY i.position
""")
_DEACTIVATE = text("UPDATE registrations SET is_active = false WHERE order_id = ANY(:order_ids) AND is_active")
_DEACTIVATE_ITEMS = text("UPDATE registrations SET is_active = false WHERE item_id = ANY(:item_ids) AND is_active")
_REACTIVATE = text("UPDATE registrations SET is_active = true WHERE order_id = :order_id AND NOT is_active")


def mask(number: str | None) -> str | None:
    """Mask an identity number, given whole or by its last characters, for display."""
    return f"{'*' * 12}{number[-_VISIBLE_CHARACTERS:]}" if number else None


def new_row(
    item_id: UUID, order_id: UUID, tier_id: UUID, number: str, *, unique_in_event: UUID | None = None
) -> dict[str, str | None]:
    """The row of registrations for a normalized number, encrypted for this item alone.

    `unique_in_event` is the event in which the number may be registered once only.
    """
    return {
        "item_id": str(item_id),
        "order_id": str(order_id),
        "tier_id": str(tier_id),
        "identity_index": field_encryption.fingerprint(number, purpose=f"identity:{tier_id}"),
        "event_identity_index": field_encryption.fingerprint(number, purpose=f"identity:{unique_in_event}")
        if unique_in_event
        else None,
        "identity_sealed": field_encryption.encrypt(number, about=f"identity_number:{item_id}"),
        "identity_ending": number[-_VISIBLE_CHARACTERS:],
    }


def register(tx: Transaction, order_id: UUID, numbers: Mapping[UUID, tuple[UUID, str]]) -> None:
    """Register or correct the participants of a locked, live order: item to tier and normalized number.

    Two of them may change places: a number that moves within the order makes way first.

    Raises AlreadyRegistered, after which the transaction can only be rolled back.
    """
    if not numbers:
        return
    unique_in_event = tx.execute(_UNIQUE_EVENT, {"order_id": order_id}).scalar()
    rows = [
        new_row(item_id, order_id, tier_id, number, unique_in_event=unique_in_event)
        for item_id, (tier_id, number) in numbers.items()
    ]
    moving = {
        "item_ids": list(numbers),
        "indexes": [row["identity_index"] for row in rows],
        "event_indexes": [row["event_identity_index"] for row in rows if row["event_identity_index"]],
    }
    try:
        tx.execute(_MAKE_WAY, moving)
        for each in sorted(rows, key=_lock_order):
            tx.execute(_REGISTER, each)
    except DBAPIError as error:
        _raise_already_registered(error)


def items_without_identity(tx: Transaction, order_id: UUID) -> Sequence[UUID]:
    """The items of an order whose identity number is still missing."""
    return tx.execute(_MISSING, {"order_id": order_id}).scalars().all()


def deactivate(tx: Transaction, order_ids: Sequence[UUID]) -> None:
    """Deactivate the registrations of ended orders, so that their participants may register anew; idempotent."""
    tx.execute(_DEACTIVATE, {"order_ids": list(order_ids)})


def deactivate_items(tx: Transaction, item_ids: Sequence[UUID]) -> None:
    """Deactivate the registrations of returned items of a locked order."""
    tx.execute(_DEACTIVATE_ITEMS, {"item_ids": list(item_ids)})


def reactivate(tx: Transaction, order_id: UUID) -> None:
    """Reactivate the registrations of a revived order. Raises AlreadyRegistered; call it within a savepoint."""
    try:
        tx.execute(_REACTIVATE, {"order_id": order_id})
    except DBAPIError as error:
        _raise_already_registered(error)


def _lock_order(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """The order in which registrations are inserted, so that two transactions never deadlock."""
    return row["event_identity_index"] or "", row["tier_id"], row["identity_index"]


def _raise_already_registered(error: DBAPIError) -> None:
    if violated_constraint(error) in UNIQUE_CONSTRAINTS:
        raise AlreadyRegistered from error
    raise error


def erase(tx: Transaction, user_id: UUID) -> None:
    """Delete the identity numbers in a person's past orders (UM-009)."""
    tx.execute(_ERASE, {"user_id": user_id})
