"""Reserving: the first second of a sale.

Many requests want the same row. They are taken together: one read of the tiers' facts, then one
statement that opens all the orders and holds all their stock. It is a transaction of its own and the
tier's row stays locked only while it runs. The database refuses what must not be, with its own
constraints: a hold over the quota, a second live reservation of a buyer. Then the requests of that
statement are tried one by one, so that a refused one does not spoil the others.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import EmailStr, Field, model_validator
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud.database import autocommit, transaction
from shared.cloud.settings import settings
from shared.models import Body, line
from shared.problems import (
    NOT_NULL,
    Invalid,
    NotFound,
    NotSignedIn,
    Problem,
    refused_by_schema,
    violated_constraint,
    violation,
)
from shared.sales import inventory, orders
from shared.sales.answers import ItemAnswer, OrderAnswer
from shared.sales.inventory import SoldOut
from shared.sales.pricing import UnitPrice, current_price, unit_price

Name = Annotated[str, line(255)]
Email = Annotated[EmailStr, Field(max_length=255)]


class Attendee(Body):
    """Who will use a ticket (TS-004)."""

    name: Name
    email: Email


class Item(Body):
    """Some units of one tier."""

    tier_id: UUID
    quantity: Annotated[int, Field(ge=1, le=100)]
    attendees: Annotated[list[Attendee], Field(max_length=100)] | None = None

    @model_validator(mode="after")
    def _one_attendee_each(self) -> "Item":
        if self.attendees is not None and len(self.attendees) != self.quantity:
            raise ValueError("give one attendee per ticket, or none and name them at checkout")
        return self


class Request(Body):
    """What a buyer wants to hold."""

    event_id: UUID
    items: Annotated[list[Item], Field(min_length=1, max_length=20)]
    promo_code: Annotated[str, line(50)] | None = None


class SaleClosed(Problem):
    """These tickets are not on sale now. Look at the event for when they are."""

    status, slug = 409, "sale-closed"


class AlreadyReserved(Problem):
    """You hold a reservation for this event already. Pay or cancel it first."""

    status, slug = 409, "already-reserved"


class TooManyTickets(Invalid):
    """That is more of one ticket than an order may have. Ask for fewer."""

    slug = "too-many-tickets"


class PromoInvalid(Invalid):
    """This promo code is not valid here. Leave it out or check its spelling."""

    slug = "promo-invalid"


@dataclass(frozen=True)
class Ask:
    """One request to reserve. `idempotency_key` finds the order again after a crash between commit and answer."""

    buyer_id: UUID
    request: Request
    idempotency_key: str | None = None


@dataclass(frozen=True)
class _Unit:
    """One line of the order to be."""

    id: UUID
    tier: Any
    price: UnitPrice
    attendee: Attendee | None


@dataclass(frozen=True)
class _Draft:
    """An order that would be right, if the stock is there."""

    id: UUID
    ask: Ask
    organizer_id: UUID
    units: tuple[_Unit, ...]

    @property
    def subtotal(self) -> int:
        return sum(unit.price.price for unit in self.units)

    @property
    def platform_fee(self) -> int:
        return sum(unit.price.platform_fee for unit in self.units)


Outcome = OrderAnswer | Problem

_FACTS = text("""
    SELECT id, event_id, organizer_id, name, price, early_bird_price, early_bird_start, early_bird_end,
        max_per_order, quota - reserved - sold AS free, now() AS at,
        is_on_sale AND event_ends_at > now() AND COALESCE(sale_start <= now(), true)
            AND COALESCE(sale_end > now(), true) AS is_open
    FROM ticket_tiers WHERE id = ANY(:tier_ids)
""")
# One statement, so one transaction and one round trip. Its parts run in the order of their needs: the
# orders, then the tiers by id. A tier that went off sale since its facts were read makes `reserved`
# NULL, one without room breaks no_overselling: either ends the whole statement.
_OPEN_AND_HOLD = text("""
    WITH asked AS (
        SELECT * FROM jsonb_to_recordset(CAST(:orders AS jsonb)) AS o (
            id uuid, user_id uuid, event_id uuid, organizer_id uuid, subtotal bigint, platform_fee bigint,
            idempotency_key text)),
    units AS (
        SELECT * FROM jsonb_to_recordset(CAST(:units AS jsonb)) AS u (
            id uuid, order_id uuid, tier_id uuid, position int, unit_price bigint, platform_fee bigint,
            commission bigint, attendee_name text, attendee_email text)),
    opened AS (
        INSERT INTO orders (id, user_id, event_id, organizer_id, subtotal, platform_fee, total_amount,
            idempotency_key, reservation_expires_at)
        SELECT id, user_id, event_id, organizer_id, subtotal, platform_fee, subtotal + platform_fee,
            idempotency_key, now() + make_interval(secs => :reservation_seconds)
        FROM asked ORDER BY user_id, event_id
        ON CONFLICT DO NOTHING
        RETURNING id, created_at, reservation_expires_at),
    listed AS (
        INSERT INTO order_items (id, order_id, tier_id, position, unit_price, platform_fee, commission,
            attendee_name, attendee_email)
        SELECT units.id, order_id, tier_id, position, unit_price, platform_fee, commission,
            attendee_name, attendee_email
        FROM units JOIN opened ON opened.id = units.order_id),
    wanted AS (
        SELECT tier_id, count(*) AS quantity FROM units JOIN opened ON opened.id = units.order_id
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
""")
_IN_THE_WAY = text("""
    SELECT id, COALESCE(idempotency_key = CAST(:key AS text), false) AS is_same_request
    FROM orders
    WHERE user_id = :user_id AND (
        (event_id = :event_id AND status IN ('reserved', 'pending_payment'))
        OR idempotency_key = CAST(:key AS text))
    ORDER BY is_same_request DESC LIMIT 1
""")


def reserve(asks: Sequence[Ask]) -> list[Outcome]:
    """Hold what each asks for, all of it or none, for 15 minutes (TS-002); an order or a refusal for each.

    Refusals: NotFound, SaleClosed, TooManyTickets, PromoInvalid, SoldOut (with `available`) and
    AlreadyReserved (with `order_id`). The requests are independent: they share only the statement.
    Before anybody is refused for want of stock, or for an older reservation of their own, orders whose
    time is over are ended and the request is tried again.
    """
    outcomes = _attempt(asks)
    stuck = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, SoldOut | AlreadyReserved)]
    if stuck and _end_overdue([asks[index].request.event_id for index in stuck]):
        for index in stuck:
            outcomes[index] = _attempt([asks[index]])[0]
    return outcomes


def _attempt(asks: Sequence[Ask]) -> list[Outcome]:
    tiers = _read_tiers(asks)
    checked = [_draft_or_refusal(ask, tiers) for ask in asks]
    drafts = [draft for draft in checked if isinstance(draft, _Draft)]
    opened = _open(drafts)
    return [opened[draft.id] if isinstance(draft, _Draft) else draft for draft in checked]


def _read_tiers(asks: Sequence[Ask]) -> dict[UUID, Any]:
    tier_ids = {item.tier_id for ask in asks for item in ask.request.items}
    with autocommit() as connection:
        return {row.id: row for row in connection.execute(_FACTS, {"tier_ids": list(tier_ids)})}


def _draft_or_refusal(ask: Ask, tiers: Mapping[UUID, Any]) -> _Draft | Problem:
    try:
        return _draft(ask, tiers)
    except Problem as refusal:
        return refusal


def _draft(ask: Ask, tiers: Mapping[UUID, Any]) -> _Draft:
    request = ask.request
    if request.promo_code is not None:
        raise PromoInvalid.field("promo_code", "is not known for this event")
    quantities: dict[UUID, int] = {}
    units: list[_Unit] = []
    for item in request.items:
        tier = tiers.get(item.tier_id)
        if tier is None or tier.event_id != request.event_id:
            raise NotFound("There is no such ticket for this event. Read the event again.")
        if not tier.is_open:
            raise SaleClosed(tier_id=str(tier.id))
        quantities[tier.id] = quantities.get(tier.id, 0) + item.quantity
        price = unit_price(current_price(tier, tier.at))
        attendees: Sequence[Attendee | None] = item.attendees or [None] * item.quantity
        units.extend(_Unit(uuid4(), tier, price, attendee) for attendee in attendees)
    for tier_id, quantity in quantities.items():
        tier = tiers[tier_id]
        if quantity > tier.max_per_order:
            raise TooManyTickets(
                errors=[{"field": "items", "message": f"at most {tier.max_per_order} of {tier.name} per order"}]
            )
        if quantity > tier.free:
            raise SoldOut(available=max(tier.free, 0), tier_id=str(tier_id))
    return _Draft(uuid4(), ask, units[0].tier.organizer_id, tuple(units))


def _open(drafts: Sequence[_Draft]) -> dict[UUID, Outcome]:
    """Open the drafts together; where the database refuses the statement, each by itself."""
    if not drafts:
        return {}
    try:
        opened = _open_and_hold(drafts)
    except DBAPIError as error:
        if not refused_by_schema(error):
            raise
        if len(drafts) == 1:
            return {drafts[0].id: _refusal(drafts[0], error)}
        return {order_id: outcome for draft in drafts for order_id, outcome in _open([draft]).items()}
    return {draft.id: _answer(draft, *opened[draft.id]) if draft.id in opened else _already(draft) for draft in drafts}


def _open_and_hold(drafts: Sequence[_Draft]) -> dict[UUID, tuple[datetime, datetime]]:
    """Run the statement; give when each order that could be opened was made and when it ends."""
    values = {
        "orders": json.dumps([_order_row(draft) for draft in drafts]),
        "units": json.dumps([row for draft in drafts for row in _unit_rows(draft)]),
        "reservation_seconds": settings().reservation_seconds,
    }
    with autocommit() as connection:
        rows = connection.execute(_OPEN_AND_HOLD, values).all()
    return {row.id: (row.created_at, row.reservation_expires_at) for row in rows}


def _order_row(draft: _Draft) -> dict[str, Any]:
    return {
        "id": str(draft.id),
        "user_id": str(draft.ask.buyer_id),
        "event_id": str(draft.ask.request.event_id),
        "organizer_id": str(draft.organizer_id),
        "subtotal": draft.subtotal,
        "platform_fee": draft.platform_fee,
        "idempotency_key": draft.ask.idempotency_key,
    }


def _unit_rows(draft: _Draft) -> list[dict[str, Any]]:
    return [
        {
            "id": str(unit.id),
            "order_id": str(draft.id),
            "tier_id": str(unit.tier.id),
            "position": position,
            "unit_price": unit.price.price,
            "platform_fee": unit.price.platform_fee,
            "commission": unit.price.commission,
            "attendee_name": unit.attendee.name if unit.attendee else None,
            "attendee_email": unit.attendee.email if unit.attendee else None,
        }
        for position, unit in enumerate(draft.units, start=1)
    ]


def _refusal(draft: _Draft, error: DBAPIError) -> Problem:
    """What the database's refusal of a single request means for its buyer."""
    constraint = violated_constraint(error)
    if constraint == inventory.NO_OVERSELLING:
        tiers = _read_tiers([draft.ask])
        refused = _draft_or_refusal(draft.ask, tiers)
        return refused if isinstance(refused, Problem) else SoldOut(available=_least_free(tiers))
    if constraint == "orders_user_id_fkey":
        return NotSignedIn("This account is no longer there. Sign in again.")
    if violation(error) == NOT_NULL:  # `reserved`, of a tier that has just gone off sale
        return SaleClosed()
    raise error


def _least_free(tiers: Mapping[UUID, Any]) -> int:
    return min(max(int(tier.free), 0) for tier in tiers.values())


def _already(draft: _Draft) -> Outcome:
    """The order that was in the way: the very same request's (answered again), or another one."""
    ask = draft.ask
    with transaction() as tx:
        row = tx.execute(
            _IN_THE_WAY,
            {"user_id": ask.buyer_id, "event_id": ask.request.event_id, "key": ask.idempotency_key},
        ).first()
        if row is None:  # it ended in this very moment
            return AlreadyReserved("Your older reservation has just ended. Try again.")
        if row.is_same_request:
            return OrderAnswer.read(tx, row.id)
    return AlreadyReserved(order_id=str(row.id))


def _end_overdue(event_ids: list[UUID]) -> int:
    with transaction() as tx:
        return orders.expire_due(tx, event_ids=event_ids)


def _answer(draft: _Draft, created_at: datetime, expires_at: datetime) -> OrderAnswer:
    """The new order as it was written, without reading it back."""
    return OrderAnswer(
        id=draft.id,
        event_id=draft.ask.request.event_id,
        status="reserved",
        items=[
            ItemAnswer(
                id=unit.id,
                tier_id=unit.tier.id,
                tier_name=unit.tier.name,
                unit_price=unit.price.price,
                platform_fee=unit.price.platform_fee,
                attendee_name=unit.attendee.name if unit.attendee else None,
                attendee_email=unit.attendee.email if unit.attendee else None,
            )
            for unit in draft.units
        ],
        subtotal=draft.subtotal,
        discount_amount=0,
        platform_fee=draft.platform_fee,
        total_amount=draft.subtotal + draft.platform_fee,
        promo_code=None,
        reservation_expires_at=expires_at,
        created_at=created_at,
    )
