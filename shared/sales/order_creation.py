"""The statement that opens orders: it writes them and their items, and holds their stock, all or nothing.

It is a transaction of its own, and one round trip. Its parts run in the order of their needs, which is that of
the locks: orders, registrations, persons, promo codes, then the tiers by id. What must not be breaks a constraint
and ends the whole statement: a hold over the quota, a code or a person over their limit, a participant who is
registered; a tier that went off sale since its facts were read makes `reserved` NULL.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import TextClause, text

from shared.cloud.database import autocommit
from shared.cloud.settings import settings
from shared.sales import promos, purchase_limits, registrations
from shared.sales.pricing import UnitPrice
from shared.sales.promos import Promo


class Participant(Protocol):
    """Who will use a unit."""

    @property
    def name(self) -> str:
        """As on an identity card."""

    @property
    def email(self) -> str:
        """Where their ticket goes."""

    @property
    def identity_number(self) -> str | None:
        """Normalised."""


@dataclass(frozen=True)
class NewItem:
    """One line of the order to be. `tier` is a row of ticket_tiers."""

    id: UUID
    tier: Any
    price: UnitPrice
    attendee: Participant | None

    @property
    def identity_number(self) -> str | None:
        """Whose registration this is; None where the tier doesn't ask, or nobody has been named yet."""
        return self.attendee.identity_number if self.attendee and self.tier.asks_identity else None


@dataclass(frozen=True)
class NewOrder:
    """An order that would be right, if the stock is there. Amounts in rupiah."""

    id: UUID
    buyer_id: UUID
    event_id: UUID
    organizer_id: UUID
    idempotency_key: str | None
    units: tuple[NewItem, ...]
    promo: Promo | None = None
    promo_uses: int = 1

    @property
    def subtotal(self) -> int:
        """The prices, without discounts and fees."""
        return sum(unit.price.price for unit in self.units)

    @property
    def discount_amount(self) -> int:
        """What the promo code takes off."""
        return sum(unit.price.discount for unit in self.units)

    @property
    def promo_spent(self) -> int:
        """What the promo code costs whoever issued it: what it takes off, and the fees it waives."""
        return sum(unit.price.promo_spent for unit in self.units)

    @property
    def platform_fee(self) -> int:
        """The fees of all units, but for those that a promo code waives."""
        return sum(unit.price.platform_fee for unit in self.units)

    @property
    def total_amount(self) -> int:
        """What the customer pays."""
        return self.subtotal - self.discount_amount + self.platform_fee


_STATEMENT = """
    WITH asked AS (
        SELECT * FROM jsonb_to_recordset(CAST(:orders AS jsonb)) AS o (
            id uuid, user_id uuid, event_id uuid, organizer_id uuid, subtotal bigint, discount_amount bigint,
            platform_fee bigint, promo_id uuid, promo_code text, idempotency_key text, quantity int, max_units int,
            max_orders int, promo_uses int, promo_spent bigint)),
    units AS (
        SELECT * FROM jsonb_to_recordset(CAST(:units AS jsonb)) AS u (
            id uuid, order_id uuid, tier_id uuid, position int, unit_price bigint, discount bigint,
            platform_discount bigint, platform_fee bigint, waived_fee bigint, platform_waived_fee bigint,
            commission bigint, attendee_name text, attendee_email text, max_units int)),
    opened AS (
        INSERT INTO orders (id, user_id, person_id, event_id, organizer_id, subtotal, discount_amount, platform_fee,
            total_amount, promo_id, promo_code, promo_counted, promo_uses, promo_spent, idempotency_key,
            reservation_expires_at)
        SELECT asked.id, user_id, u.person_id, event_id, asked.organizer_id, subtotal, discount_amount, platform_fee,
            subtotal - discount_amount + platform_fee, promo_id, promo_code, promo_id IS NOT NULL, promo_uses,
            promo_spent, idempotency_key, now() + make_interval(secs => :reservation_seconds)
        FROM asked LEFT JOIN users u ON u.id = user_id ORDER BY user_id, event_id
        ON CONFLICT DO NOTHING
        RETURNING id, user_id, person_id, event_id, promo_id, promo_uses, promo_spent, created_at,
            reservation_expires_at),
    listed AS (
        INSERT INTO order_items (id, order_id, tier_id, position, unit_price, discount, platform_discount,
            platform_fee, waived_fee, platform_waived_fee, commission, attendee_name, attendee_email)
        SELECT units.id, order_id, tier_id, position, unit_price, discount, platform_discount, platform_fee,
            waived_fee, platform_waived_fee, commission, attendee_name, attendee_email
        FROM units JOIN opened ON opened.id = units.order_id),
    {registrations}
    {persons}
    {promos}
    wanted AS (
        SELECT tier_id, count(*) AS quantity FROM units JOIN opened ON opened.id = units.order_id
        WHERE {before_tiers}
        GROUP BY tier_id),
    locked AS (
        SELECT t.id FROM ticket_tiers t JOIN wanted ON wanted.tier_id = t.id
        ORDER BY t.id FOR NO KEY UPDATE OF t),
    held AS (
        UPDATE ticket_tiers t
        SET reserved = CASE WHEN t.is_on_sale THEN t.reserved + wanted.quantity END
        FROM wanted JOIN locked ON locked.id = wanted.tier_id
        WHERE t.id = wanted.tier_id)
    SELECT id, created_at, reservation_expires_at FROM opened
"""
_REGISTRATIONS = """
    registered AS (
        INSERT INTO registrations (item_id, order_id, tier_id, identity_index, event_identity_index, identity_sealed,
            identity_ending)
        SELECT item_id, order_id, tier_id, identity_index, event_identity_index, identity_sealed, identity_ending
        FROM jsonb_to_recordset(CAST(:participants AS jsonb)) AS p (
            item_id uuid, order_id uuid, tier_id uuid, identity_index text, event_identity_index text,
            identity_sealed text, identity_ending text)
            JOIN opened ON opened.id = p.order_id
        ORDER BY event_identity_index NULLS FIRST, tier_id, identity_index
        RETURNING item_id),
"""
_PROMOS = f"""
    taking AS (
        SELECT promo_id, user_id, sum(promo_uses)::int AS quantity, sum(promo_spent)::bigint AS spent
        FROM opened WHERE promo_id IS NOT NULL
            AND {{before_promos}}
        GROUP BY promo_id, user_id),
    {promos.TAKING},
"""
_AFTER = "(SELECT count(*) FROM {part}) >= 0"  # makes a part of the statement wait for another


def create_orders(drafts: Sequence[NewOrder]) -> dict[UUID, tuple[datetime, datetime]]:
    """Open these orders; when each that could be opened was made, and when its reservation ends.

    Left out are those whose buyer has a live reservation for the event, or has sent the same idempotency key
    before. Raises the driver's error of the constraint that one of the others breaks: then none is open.
    """
    values = {
        "orders": json.dumps([_order_row(draft) for draft in drafts]),
        "units": json.dumps([row for draft in drafts for row in _unit_rows(draft)]),
        "reservation_seconds": settings().reservation_seconds,
    }
    participants = [row for draft in drafts for row in _participants(draft)]
    if participants:
        values["participants"] = json.dumps(participants)
    statement = _statement(
        with_registrations=bool(participants), with_promos=any(draft.promo is not None for draft in drafts)
    )
    with autocommit() as connection:
        rows = connection.execute(statement, values).all()
    return {row.id: (row.created_at, row.reservation_expires_at) for row in rows}


@lru_cache(maxsize=4)
def _statement(*, with_registrations: bool, with_promos: bool) -> TextClause:
    """The statement with the parts that are needed: most orders need neither."""
    after_registrations = f"AND {_AFTER.format(part='registered')}" if with_registrations else ""
    after_persons = _AFTER.format(part="counted_by_tier")
    return text(
        _STATEMENT.format(
            registrations=_REGISTRATIONS if with_registrations else "",
            persons=purchase_limits.TAKING.format(before=after_registrations),
            promos=_PROMOS.format(before_promos=after_persons) if with_promos else "",
            before_tiers=_AFTER.format(part="codes_used_by") if with_promos else after_persons,
        )
    )


def _participants(draft: NewOrder) -> list[dict[str, str | None]]:
    return [
        registrations.row(
            unit.id,
            draft.id,
            unit.tier.id,
            unit.identity_number,
            once_at=draft.event_id if unit.tier.one_purchase_per_person else None,
        )
        for unit in draft.units
        if unit.identity_number
    ]


def _order_row(draft: NewOrder) -> dict[str, Any]:
    return {
        "id": str(draft.id),
        "user_id": str(draft.buyer_id),
        "event_id": str(draft.event_id),
        "organizer_id": str(draft.organizer_id),
        "subtotal": draft.subtotal,
        "discount_amount": draft.discount_amount,
        "platform_fee": draft.platform_fee,
        "promo_id": str(draft.promo.id) if draft.promo else None,
        "promo_code": draft.promo.code if draft.promo else None,
        "promo_uses": draft.promo_uses,
        "promo_spent": draft.promo_spent,
        "idempotency_key": draft.idempotency_key,
        "quantity": len(draft.units),
        "max_units": draft.units[0].tier.max_per_person,
        "max_orders": 1 if draft.units[0].tier.one_purchase_per_person else None,
    }


def _unit_rows(draft: NewOrder) -> list[dict[str, Any]]:
    return [
        {
            "id": str(unit.id),
            "order_id": str(draft.id),
            "tier_id": str(unit.tier.id),
            "position": position,
            "unit_price": unit.price.price,
            "discount": unit.price.discount,
            "platform_discount": unit.price.platform_discount,
            "platform_fee": unit.price.platform_fee,
            "waived_fee": unit.price.waived_fee,
            "platform_waived_fee": unit.price.platform_waived_fee,
            "commission": unit.price.commission,
            "attendee_name": unit.attendee.name if unit.attendee else None,
            "attendee_email": unit.attendee.email if unit.attendee else None,
            "max_units": purchase_limits.of_tier(unit.tier),
        }
        for position, unit in enumerate(draft.units, start=1)
    ]
