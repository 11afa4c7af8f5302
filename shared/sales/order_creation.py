"""The statement that creates orders and their items, and holds their stock: all or nothing.

It is a transaction of its own, in one round trip. Its parts run in lock order: orders, registrations, persons, promo
codes, then tiers by id. A hold over the quota, a promo code or a person over a limit, and a participant who is
registered already each violate a constraint, which aborts the whole statement. A tier that went off sale since it was
read aborts it too, as `reserved` becomes NULL.
"""

import json
from collections.abc import Mapping, Sequence
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
from shared.sales.promos import Discount
from shared.sales.schemas import OrderItemResponse, OrderResponse
from shared.states import OrderStatus


class Participant(Protocol):
    """The attendee of a unit."""

    @property
    def name(self) -> str:
        """A name as on an identity card."""

    @property
    def email(self) -> str:
        """The address to which the ticket is sent."""

    @property
    def identity_number(self) -> str | None:
        """Normalised."""


@dataclass(frozen=True, eq=False)
class SaleTier:
    """A tier and the settings of its event, as read at `at` (UTC). Prices in rupiah."""

    id: UUID
    event_id: UUID
    organizer_id: UUID
    name: str
    price: int
    early_bird_price: int | None
    early_bird_start: datetime | None
    early_bird_end: datetime | None
    max_per_order: int
    free: int
    at: datetime
    asks_identity: bool
    max_per_person: int | None
    one_purchase_per_person: bool
    is_open: bool
    is_synthetic: bool
    """True for a tier that only its organizer, a synthetic buyer, can order from."""
    needs_queue_pass: bool = False
    """True if ordering needs a pass from its event's waiting room."""


@dataclass(frozen=True)
class NewOrderItem:
    """One unit of an order to be created."""

    id: UUID
    tier: SaleTier
    price: UnitPrice
    attendee: Participant | None


@dataclass(frozen=True)
class Totals:
    """The price of some units together, in rupiah."""

    subtotal: int
    discount_amount: int
    platform_fee: int

    @classmethod
    def of(cls, items: Sequence[NewOrderItem]) -> "Totals":
        """The sums over these units."""
        return cls(
            sum(item.price.price for item in items),
            sum(item.price.discount for item in items),
            sum(item.price.platform_fee for item in items),
        )

    @property
    def total_amount(self) -> int:
        """The amount that the customer pays."""
        return self.subtotal - self.discount_amount + self.platform_fee


@dataclass(frozen=True)
class NewOrder:
    """A validated order to be created, if the stock is there."""

    id: UUID
    buyer_id: UUID
    event_id: UUID
    organizer_id: UUID
    idempotency_key: str | None
    items: tuple[NewOrderItem, ...]
    discount: Discount | None = None
    """The discount of its promo code; the items' prices are after it."""
    queue_pass_id: UUID | None = None
    """The queue pass that the order uses up."""


_CREATE = """
    WITH requested AS (
        SELECT * FROM jsonb_to_recordset(CAST(:orders AS jsonb)) AS o (
            id uuid, user_id uuid, event_id uuid, organizer_id uuid, subtotal bigint, discount_amount bigint,
            platform_fee bigint, promo_id uuid, promo_code text, idempotency_key text, quantity int, max_units int,
            max_orders int, promo_uses int, promo_spent bigint, queue_pass_id uuid)),
    units AS (
        SELECT * FROM jsonb_to_recordset(CAST(:units AS jsonb)) AS u (
            id uuid, order_id uuid, tier_id uuid, position int, unit_price bigint, discount bigint,
            platform_discount bigint, platform_fee bigint, waived_fee bigint, platform_waived_fee bigint,
            commission bigint, attendee_name text, attendee_email text, max_units int)),
    created AS (
        INSERT INTO orders (id, user_id, person_id, event_id, organizer_id, subtotal, discount_amount, platform_fee,
            total_amount, promo_id, promo_code, promo_counted, promo_uses, promo_spent, idempotency_key,
            reservation_expires_at)
        SELECT id, user_id, (SELECT person_id FROM users WHERE id = user_id), event_id, organizer_id, subtotal,
            discount_amount, platform_fee, subtotal - discount_amount + platform_fee, promo_id, promo_code,
            promo_id IS NOT NULL, promo_uses, promo_spent, idempotency_key,
            now() + make_interval(secs => :reservation_seconds)
        FROM requested ORDER BY user_id, event_id
        ON CONFLICT DO NOTHING
        RETURNING id, user_id, person_id, event_id, promo_id, promo_uses, promo_spent, created_at,
            reservation_expires_at),
    created_items AS (
        INSERT INTO order_items (id, order_id, tier_id, position, unit_price, discount, platform_discount,
            platform_fee, waived_fee, platform_waived_fee, commission, attendee_name, attendee_email)
        SELECT units.id, order_id, tier_id, position, unit_price, discount, platform_discount, platform_fee,
            waived_fee, platform_waived_fee, commission, attendee_name, attendee_email
        FROM units JOIN created ON created.id = units.order_id),
    {queue_passes}
    {registrations}
    {persons}
    {promos}
    requested_by_tier AS (
        SELECT tier_id, count(*) AS quantity FROM units JOIN created ON created.id = units.order_id
        WHERE {before_tiers}
        GROUP BY tier_id),
    locked AS (
        SELECT id FROM ticket_tiers WHERE id = ANY(ARRAY(SELECT tier_id FROM requested_by_tier))
        ORDER BY id FOR NO KEY UPDATE),
    held_stock AS (
        UPDATE ticket_tiers t
        SET reserved = CASE WHEN t.is_on_sale THEN t.reserved + requested_by_tier.quantity END
        FROM requested_by_tier
        WHERE t.id = requested_by_tier.tier_id AND t.id = ANY(ARRAY(SELECT id FROM locked)))
    SELECT id, created_at, reservation_expires_at FROM created
"""
_QUEUE_PASSES = """
    used_queue_passes AS (
        INSERT INTO queue_pass_orders (pass_id, order_id)
        SELECT queue_pass_id, id FROM created JOIN requested USING (id) WHERE queue_pass_id IS NOT NULL
        ORDER BY queue_pass_id),
"""
_REGISTRATIONS = """
    registered AS (
        INSERT INTO registrations (item_id, order_id, tier_id, identity_index, event_identity_index, identity_sealed,
            identity_ending)
        SELECT item_id, order_id, tier_id, identity_index, event_identity_index, identity_sealed, identity_ending
        FROM jsonb_to_recordset(CAST(:participants AS jsonb)) AS p (
            item_id uuid, order_id uuid, tier_id uuid, identity_index text, event_identity_index text,
            identity_sealed text, identity_ending text)
            JOIN created ON created.id = p.order_id
        ORDER BY event_identity_index NULLS FIRST, tier_id, identity_index
        RETURNING item_id),
"""
_PROMOS = f"""
    uses_by_user AS (
        SELECT promo_id, user_id, sum(promo_uses)::int AS quantity, sum(promo_spent)::bigint AS spent
        FROM created WHERE promo_id IS NOT NULL
            AND {{before_promos}}
        GROUP BY promo_id, user_id),
    {promos.COUNT_USES},
"""
_WAIT_FOR = "(SELECT count(*) FROM {part}) >= 0"  # makes one part of the statement run after another


def create_orders(orders: Sequence[NewOrder]) -> dict[UUID, OrderResponse]:
    """Create these orders and hold their stock; return the created ones by id.

    Orders whose buyer has a live reservation for the event, or has sent the same idempotency key before, are
    skipped. Raises the driver's error where one of the others violates a constraint: then none is created.
    """
    rows = {order.id: _order_row(order) for order in orders}
    values = {
        "orders": json.dumps(list(rows.values())),
        "units": json.dumps([row for order in orders for row in _item_rows(order)]),
        "reservation_seconds": settings().reservation_seconds,
    }
    participants = [row for order in orders for row in _participants(order)]
    if participants:
        values["participants"] = json.dumps(participants)
    statement = _statement(
        with_queue_passes=any(order.queue_pass_id for order in orders),
        with_registrations=bool(participants),
        with_promos=any(order.discount is not None for order in orders),
    )
    with autocommit() as connection:
        created = {row.id: row for row in connection.execute(statement, values)}
    return {order.id: _response(order, rows[order.id], created[order.id]) for order in orders if order.id in created}


@lru_cache(maxsize=8)
def _statement(*, with_queue_passes: bool, with_registrations: bool, with_promos: bool) -> TextClause:
    """The statement with its optional parts; most orders need neither."""
    after_registrations = f"AND {_WAIT_FOR.format(part='registered')}" if with_registrations else ""
    after_persons = _WAIT_FOR.format(part="counted_by_tier")
    return text(
        _CREATE.format(
            queue_passes=_QUEUE_PASSES if with_queue_passes else "",
            registrations=_REGISTRATIONS if with_registrations else "",
            persons=purchase_limits.COUNT_PURCHASES.format(before=after_registrations),
            promos=_PROMOS.format(before_promos=after_persons) if with_promos else "",
            before_tiers=_WAIT_FOR.format(part="counted_users") if with_promos else after_persons,
        )
    )


def _participants(order: NewOrder) -> list[dict[str, str | None]]:
    """The registrations of the attendees of tiers that ask for identity numbers."""
    return [
        registrations.new_row(
            item.id,
            order.id,
            item.tier.id,
            item.attendee.identity_number,
            unique_in_event=order.event_id if item.tier.one_purchase_per_person else None,
        )
        for item in order.items
        if item.attendee and item.tier.asks_identity and item.attendee.identity_number
    ]


def _order_row(order: NewOrder) -> dict[str, Any]:
    first = order.items[0].tier
    totals = Totals.of(order.items)
    return {
        "id": str(order.id),
        "user_id": str(order.buyer_id),
        "event_id": str(order.event_id),
        "organizer_id": str(order.organizer_id),
        "subtotal": totals.subtotal,
        "discount_amount": totals.discount_amount,
        "platform_fee": totals.platform_fee,
        "promo_id": str(order.discount.promo_id) if order.discount else None,
        "promo_code": order.discount.code if order.discount else None,
        "promo_uses": order.discount.uses if order.discount else 1,
        "promo_spent": order.discount.spent if order.discount else 0,
        "idempotency_key": order.idempotency_key,
        "queue_pass_id": str(order.queue_pass_id) if order.queue_pass_id else None,
        "quantity": len(order.items),
        "max_units": first.max_per_person,
        "max_orders": 1 if first.one_purchase_per_person else None,
    }


def _item_rows(order: NewOrder) -> list[dict[str, Any]]:
    return [
        {
            "id": str(item.id),
            "order_id": str(order.id),
            "tier_id": str(item.tier.id),
            "position": position,
            "unit_price": item.price.price,
            "discount": item.price.discount,
            "platform_discount": item.price.platform_discount,
            "platform_fee": item.price.platform_fee,
            "waived_fee": item.price.waived_fee,
            "platform_waived_fee": item.price.platform_waived_fee,
            "commission": item.price.commission,
            "attendee_name": item.attendee.name if item.attendee else None,
            "attendee_email": item.attendee.email if item.attendee else None,
            "max_units": purchase_limits.max_units_of_tier(item.tier),
        }
        for position, item in enumerate(order.items, start=1)
    ]


def _response(order: NewOrder, written: Mapping[str, Any], created: Any) -> OrderResponse:
    """The response for a new order, from the values written instead of reading it back."""
    total_amount = written["subtotal"] - written["discount_amount"] + written["platform_fee"]
    return OrderResponse(
        id=order.id,
        event_id=order.event_id,
        status=OrderStatus.RESERVED,
        items=[_item_response(item) for item in order.items],
        subtotal=written["subtotal"],
        discount_amount=written["discount_amount"],
        platform_fee=written["platform_fee"],
        total_amount=total_amount,
        amount_missing=total_amount,
        promo_code=written["promo_code"],
        reservation_expires_at=created.reservation_expires_at,
        created_at=created.created_at,
    )


def _item_response(item: NewOrderItem) -> OrderItemResponse:
    number = item.attendee.identity_number if item.attendee and item.tier.asks_identity else None
    return OrderItemResponse(
        id=item.id,
        tier_id=item.tier.id,
        tier_name=item.tier.name,
        unit_price=item.price.price,
        discount=item.price.discount,
        platform_fee=item.price.platform_fee,
        waived_fee=item.price.waived_fee,
        attendee_name=item.attendee.name if item.attendee else None,
        attendee_email=item.attendee.email if item.attendee else None,
        identity_number=registrations.mask(number) if number else None,
    )
