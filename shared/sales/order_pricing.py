"""Pricing of a request at this moment, for quotes and orders alike (TS-002, TS-006, FN-001).

One read of the tiers, and one of the promo codes where any is named; then pure functions of what was read.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from uuid import UUID

from sqlalchemy import column, text

from shared.cloud.database import autocommit
from shared.problems import Invalid, NotFound, Problem
from shared.sales import inventory, promos, purchase_limits
from shared.sales.inventory import SoldOut
from shared.sales.order_creation import NewOrderItem, SaleTier
from shared.sales.pricing import unit_price
from shared.sales.promos import Discount, Promo, PromoInvalid, PromoUse
from shared.sales.purchase_limits import PurchaseCount
from shared.sales.registrations import REQUIRES_IDENTITY
from shared.sales.reservation_requests import Attendee, PurchaseRequest, ReservationItem
from shared.sentences import Sentence


class SaleClosed(Problem):
    """These tickets are not on sale now. Look at the event for when they are."""

    status, slug = 409, "sale-closed"


class TooManyTickets(Invalid):
    """That is more of one ticket than an order may have. Ask for fewer."""

    slug = "too-many-tickets"


@dataclass(frozen=True)
class _SaleSnapshot:
    """The tiers, promo codes and purchase counts of some requests, as read just now."""

    tiers: Mapping[UUID, SaleTier]
    promos: Mapping[PromoUse, Promo]
    purchase_counts: Mapping[tuple[UUID, UUID], PurchaseCount]

    def purchase_count(self, request: PurchaseRequest) -> PurchaseCount:
        """The purchases of a request's buyer at its event; none where the buyer is unknown."""
        if request.buyer_id is None:
            return PurchaseCount()
        return self.purchase_counts.get((request.buyer_id, request.body.event_id), PurchaseCount())


@dataclass(frozen=True)
class PricedItems:
    """The units of a request with their prices, after the discount of its promo code, and an id for their order."""

    order_id: UUID
    items: tuple[NewOrderItem, ...]
    discount: Discount | None


_ID_BYTES = 16
_COLUMNS = (*(each.name for each in fields(SaleTier)), "purchase_counts")
"""The columns of _TIERS in order. Declared columns let SQLAlchemy work out once how to read them."""
# People queue for tickets, and for goods where nothing else is sold: what is left once those are gone needs no pass.
_NEEDS_QUEUE_PASS = f"""CASE WHEN e.waiting_room_opens_at IS NULL THEN false ELSE EXISTS (
    SELECT 1 FROM ticket_tiers  -- Uses index: ticket_tiers_event
    WHERE event_id = e.id AND COALESCE(sale_end > now(), true) AND sold < {inventory.SELLABLE_UNITS}
        AND ({inventory.IS_ENTRY} OR NOT EXISTS (
            SELECT 1 FROM ticket_tiers WHERE event_id = e.id AND {inventory.IS_ENTRY}))) END"""
_TIERS = text(f"""
    SELECT t.id, event_id, t.organizer_id, name, price, early_bird_price, early_bird_start, early_bird_end,
        max_per_order, {inventory.SELLABLE_UNITS} - reserved - sold AS free, now() AS at,
        {REQUIRES_IDENTITY} AS asks_identity,
        e.max_per_person, e.one_purchase_per_person,
        is_on_sale AND event_ends_at > now() AND COALESCE(sale_start <= now(), true)
            AND COALESCE(sale_end > now(), true) AS is_open,
        e.is_synthetic,
        {_NEEDS_QUEUE_PASS} AS needs_queue_pass,
        {purchase_limits.PURCHASE_COUNTS} AS purchase_counts
    FROM ticket_tiers t JOIN events e ON e.id = t.event_id WHERE t.id = {purchase_limits.ANY_OF_TIERS}
""").columns(*(column(name) for name in _COLUMNS))


def price(requests: Sequence[PurchaseRequest]) -> list[PricedItems | Problem]:
    """Price the units of each request after one read for all, or refuse it where that needs no lock."""
    snapshot = _read(requests)
    ids = _new_ids(sum(1 + sum(item.quantity for item in request.body.items) for request in requests))
    priced: list[PricedItems | Problem] = []
    for request in requests:
        try:
            priced.append(_price(request, snapshot, ids))
        except Problem as refusal:
            priced.append(refusal)
    return priced


def _new_ids(count: int) -> Iterator[UUID]:
    """Random ids, from one call of the kernel: each call lets other threads run first, in the middle of a batch."""
    drawn = os.urandom(_ID_BYTES * count)
    return (UUID(bytes=drawn[at : at + _ID_BYTES], version=4) for at in range(0, len(drawn), _ID_BYTES))


def _read(requests: Sequence[PurchaseRequest]) -> _SaleSnapshot:
    """Read the tiers and purchase counts of these requests, and the promo codes where any is given."""
    tier_ids = {item.tier_id for request in requests for item in request.body.items}
    buyers = [
        {"user_id": str(each.buyer_id), "event_id": str(each.body.event_id)} for each in requests if each.buyer_id
    ]
    with autocommit() as connection:
        values = {"tier_ids": list(tier_ids), "buyers": json.dumps(buyers)}
        rows = connection.execute(_TIERS, values).all()
        counts = rows[0].purchase_counts if rows else None
        tiers = {row.id: SaleTier(*row[:-1]) for row in rows}
        uses = [use for request in requests if (use := _promo_use(request, tiers))]
        return _SaleSnapshot(
            tiers,
            promos.find(connection, uses) if uses else {},
            purchase_limits.parse_counts(counts) if counts else {},
        )


def _price(request: PurchaseRequest, snapshot: _SaleSnapshot, ids: Iterator[UUID]) -> PricedItems:
    """Price the units of a request. Raises the refusals that need no lock.

    The limits of a person and of their use of a code are checked if the buyer is known.
    """
    items = [new for item in request.body.items for new in _new_items(item, request, snapshot.tiers, ids)]
    quantities = Counter(item.tier for item in items)
    _check_quantities(quantities)
    purchase_limits.check(snapshot.purchase_count(request), quantities)
    if request.body.promo_code is None:
        return PricedItems(next(ids), tuple(items), None)
    use = _promo_use(request, snapshot.tiers)
    promo = snapshot.promos.get(use) if use else None
    if promo is None:
        raise PromoInvalid.because("is not known for this event")
    discount = promo.apply([(item.tier.id, item.price) for item in items])
    discounted = (replace(item, price=price) for item, price in zip(items, discount.prices, strict=True))
    return PricedItems(next(ids), tuple(discounted), discount)


def _promo_use(request: PurchaseRequest, tiers: Mapping[UUID, SaleTier]) -> PromoUse | None:
    """The promo code of a request; None where it gives none, or its tickets do not exist."""
    body = request.body
    tier = tiers.get(body.items[0].tier_id)
    if body.promo_code is None or tier is None:
        return None
    return PromoUse(request.buyer_id, body.event_id, tier.organizer_id, body.promo_code)


def _new_items(
    item: ReservationItem, request: PurchaseRequest, tiers: Mapping[UUID, SaleTier], ids: Iterator[UUID]
) -> list[NewOrderItem]:
    tier = tiers.get(item.tier_id)
    is_hidden = tier is not None and tier.is_synthetic and request.buyer_id != tier.organizer_id
    if tier is None or tier.event_id != request.body.event_id or is_hidden:
        raise NotFound("There is no such ticket for this event. Read the event again.")
    if not tier.is_open:
        raise SaleClosed(tier_id=str(tier.id))
    price = unit_price(tier, tier.at)
    attendees: Sequence[Attendee | None] = item.attendees or [None] * item.quantity
    return [NewOrderItem(next(ids), tier, price, attendee) for attendee in attendees]


def _check_quantities(quantities: Mapping[SaleTier, int]) -> None:
    for tier, quantity in quantities.items():
        if quantity > tier.max_per_order:
            message = Sentence("at most {most} of {tier} per order", most=tier.max_per_order, tier=tier.name)
            raise TooManyTickets(errors=[{"field": "items", "message": message}])
        if quantity > tier.free:
            raise SoldOut(available=max(tier.free, 0), tier_id=str(tier.id))
