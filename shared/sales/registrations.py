"""Participants with an identity number: one active registration per category and number (REG-1).

A tier asks for the number where its kind is `registration` or it `requires_identity`. The number is sealed at
rest, found again by its blind index, shown by its last four characters, and never logged. The partial unique
index `one_registration` decides who was first. A registration is active as long as its order is live or paid.
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

ONE_REGISTRATION = {"one_registration", "one_registration_per_event"}
"""The constraints that let a number be registered once."""
_SHOWN = 4
"""How many characters of an identity number people see."""

ASKS_IDENTITY = "(t.kind = 'registration' OR t.requires_identity)"
"""A condition on ticket_tiers `t`."""

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
        identity_ending = excluded.identity_ending
""")
_ONCE_AT = text("""
    SELECT e.id FROM orders o JOIN events e ON e.id = o.event_id WHERE o.id = :order_id AND e.one_purchase_per_person
""")
_MISSING = text(f"""
    SELECT i.id FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
    WHERE i.order_id = :order_id AND {ASKS_IDENTITY}
        AND NOT EXISTS (SELECT 1 FROM registrations r WHERE r.item_id = i.id)
    ORDER BY i.position
""")
_END = text("UPDATE registrations SET is_active = false WHERE order_id = ANY(:order_ids) AND is_active")
_END_ITEMS = text("UPDATE registrations SET is_active = false WHERE item_id = ANY(:item_ids) AND is_active")
_ACTIVATE_AGAIN = text("UPDATE registrations SET is_active = true WHERE order_id = :order_id AND NOT is_active")


def masked(number: str | None) -> str | None:
    """An identity number, given whole or by its end, as people see it."""
    return f"{'*' * 12}{number[-_SHOWN:]}" if number else None


def row(
    item_id: UUID, order_id: UUID, tier_id: UUID, number: str, *, once_at: UUID | None = None
) -> dict[str, str | None]:
    """The row of registrations for a normalised number, sealed for this item alone.

    `once_at`: the event at which a number may be registered once only.
    """
    return {
        "item_id": str(item_id),
        "order_id": str(order_id),
        "tier_id": str(tier_id),
        "identity_index": field_encryption.fingerprint(number, purpose=f"identity:{tier_id}"),
        "event_identity_index": field_encryption.fingerprint(number, purpose=f"identity:{once_at}")
        if once_at
        else None,
        "identity_sealed": field_encryption.encrypt(number, about=f"identity_number:{item_id}"),
        "identity_ending": number[-_SHOWN:],
    }


def register(tx: Transaction, order_id: UUID, numbers: Mapping[UUID, tuple[UUID, str]]) -> None:
    """Name the participants of a locked, live order: item to tier and normalised number. A second time corrects.

    Raises AlreadyRegistered: the transaction is then good for nothing but its end.
    """
    if not numbers:
        return
    once_at = tx.execute(_ONCE_AT, {"order_id": order_id}).scalar()
    rows = [row(item_id, order_id, tier_id, number, once_at=once_at) for item_id, (tier_id, number) in numbers.items()]
    try:
        for each in sorted(rows, key=_in_one_order):
            tx.execute(_REGISTER, each)
    except DBAPIError as error:
        _refuse_second(error)


def missing(tx: Transaction, order_id: UUID) -> Sequence[UUID]:
    """The items of an order whose identity number is still asked for."""
    return tx.execute(_MISSING, {"order_id": order_id}).scalars().all()


def end(tx: Transaction, order_ids: Sequence[UUID]) -> None:
    """These orders have ended: their participants may be registered anew. A second time changes nothing."""
    tx.execute(_END, {"order_ids": list(order_ids)})


def end_items(tx: Transaction, item_ids: Sequence[UUID]) -> None:
    """The same for items that are given back, of an order that may stay paid. Lock the order first."""
    tx.execute(_END_ITEMS, {"item_ids": list(item_ids)})


def reactivate(tx: Transaction, order_id: UUID) -> None:
    """A revived order's participants run after all. Raises AlreadyRegistered; call it within a savepoint."""
    try:
        tx.execute(_ACTIVATE_AGAIN, {"order_id": order_id})
    except DBAPIError as error:
        _refuse_second(error)


def _in_one_order(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """The order in which registrations are inserted, so that two transactions never wait for each other."""
    return row["event_identity_index"] or "", row["tier_id"], row["identity_index"]


def _refuse_second(error: DBAPIError) -> None:
    if violated_constraint(error) in ONE_REGISTRATION:
        raise AlreadyRegistered from error
    raise error


def erase(tx: Transaction, user_id: UUID) -> None:
    """Delete the identity numbers in a person's past orders (UM-009)."""
    tx.execute(_ERASE, {"user_id": user_id})
