"""Reservations: holding tickets for a buyer, in batches.

Many requests contend for the same row, so they are handled together: one read of the tiers (and one of the promo
codes, if any), then one statement that creates all the orders and holds all their stock. The statement is a
transaction of its own, and a tier's row stays locked only while it runs. Database constraints refuse a hold over the
quota, a second live reservation of a buyer, a code or a person over a limit, and a duplicate participant. Then the
requests of the batch are tried one by one, so that a refused one does not fail the others.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import (
    EmailStr,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud.database import autocommit, transaction
from shared.models import RequestModel, Trimmed, line, plain_line
from shared.problems import (
    ACCOUNT_IS_THERE,
    NOT_NULL,
    AccountGone,
    Invalid,
    NotFound,
    Problem,
    refused_by_schema,
    violated_constraint,
    violation,
)
from shared.sales import inventory, orders, promos, purchase_limits
from shared.sales.identity_numbers import IdentityFields
from shared.sales.inventory import SoldOut
from shared.sales.order_creation import NewOrder, NewOrderItem, SaleTier, create_orders
from shared.sales.pricing import unit_price
from shared.sales.promos import Promo, PromoExhausted, PromoInvalid, PromoUse
from shared.sales.purchase_limits import HoldCooldown, PersonLimitReached, PurchaseCount
from shared.sales.registrations import (
    REQUIRES_IDENTITY,
    UNIQUE_CONSTRAINTS,
    AlreadyRegistered,
)
from shared.sales.schemas import OrderResponse
from shared.sentences import Sentence

Name = Annotated[str, plain_line(255)]


def _address(given: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(given)
    except ValidationError as error:
        raise ValueError("is not an e-mail address, as name@example.com") from error


Email = Annotated[EmailStr, Field(max_length=255), Trimmed, WrapValidator(_address)]


class Attendee(IdentityFields):
    """The attendee of a ticket (TS-004)."""

    name: Name
    email: Email


class ReservationItem(RequestModel):
    """Some units of one tier."""

    tier_id: UUID
    quantity: Annotated[int, Field(ge=1, le=100)]
    attendees: Annotated[list[Attendee], Field(max_length=100)] | None = None

    @model_validator(mode="after")
    def _one_attendee_each(self) -> "ReservationItem":
        if self.attendees is not None and len(self.attendees) != self.quantity:
            raise ValueError("give one attendee per ticket, or none and name them at checkout")
        return self


class ReservationBody(RequestModel):
    """A buyer's request to hold tickets."""

    event_id: UUID
    items: Annotated[list[ReservationItem], Field(min_length=1, max_length=20)]
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


@dataclass(frozen=True)
class ReservationRequest:
    """One buyer's request. `idempotency_key` finds the order again after a crash between commit and response."""

    buyer_id: UUID
    body: ReservationBody
    idempotency_key: str | None = None


@dataclass(frozen=True)
class _Snapshot:
    """The tiers, promo codes and purchase counts of a batch of requests, as read just now."""

    tiers: Mapping[UUID, SaleTier]
    promos: Mapping[PromoUse, Promo]
    purchase_counts: Mapping[tuple[UUID, UUID], PurchaseCount]


ReservationOutcome = OrderResponse | Problem
_RETRIED_AFTER_EXPIRY = (SoldOut, PromoExhausted, AlreadyReserved, AlreadyRegistered, PersonLimitReached)

_TIERS = text(f"""
    SELECT t.id, event_id, t.organizer_id, name, price, early_bird_price, early_bird_start, early_bird_end,
        max_per_order, {inventory.SELLABLE_UNITS} - reserved - sold AS free, now() AS at,
        {REQUIRES_IDENTITY} AS asks_identity,
        e.max_per_person, e.one_purchase_per_person,
        is_on_sale AND event_ends_at > now() AND COALESCE(sale_start <= now(), true)
            AND COALESCE(sale_end > now(), true) AS is_open,
        {purchase_limits.PURCHASE_COUNTS} AS purchase_counts
    FROM ticket_tiers t JOIN events e ON e.id = t.event_id WHERE t.id = ANY(:tier_ids)
""")
_EXISTING_ORDER = text("""
    SELECT id, COALESCE(idempotency_key = CAST(:key AS text), false) AS is_same_request
    FROM orders
    WHERE user_id = :user_id AND (
        (event_id = :event_id AND status IN ('reserved', 'pending_payment'))
        OR idempotency_key = CAST(:key AS text))
    ORDER BY is_same_request DESC LIMIT 1
""")


def reserve(requests: Sequence[ReservationRequest]) -> list[ReservationOutcome]:
    """Hold the tickets of each request for 15 minutes, all or none (TS-002); an order or a refusal for each.

    Refusals: NotFound, SaleClosed, TooManyTickets, PromoInvalid, PromoExhausted, AlreadyRegistered, SoldOut
    (with `available`), AlreadyReserved (with `order_id`), PersonLimitReached and HoldCooldown.
    The requests are independent: they share only the statements.
    Before a request is refused because stock or uses of a code have run out, or because of an older reservation
    of the buyer or a participant, overdue orders of the event are expired and the request is tried again.
    """
    outcomes = _reserve_once(requests)
    retried = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, _RETRIED_AFTER_EXPIRY)]
    if retried and _expire_overdue([requests[index].body.event_id for index in retried]):
        for index in retried:
            outcomes[index] = _reserve_once([requests[index]])[0]
    return outcomes


def _reserve_once(requests: Sequence[ReservationRequest]) -> list[ReservationOutcome]:
    snapshot = _read_snapshot(requests)
    checked = [_new_order_or_refusal(request, snapshot) for request in requests]
    created = _create(
        [(request, new) for request, new in zip(requests, checked, strict=True) if isinstance(new, NewOrder)]
    )
    return [
        created[each.id] if isinstance(each, NewOrder) else _unless_existing_order(request, each)
        for request, each in zip(requests, checked, strict=True)
    ]


def _read_snapshot(requests: Sequence[ReservationRequest]) -> _Snapshot:
    """Read the tiers and purchase counts, and the promo codes where any is given."""
    tier_ids = {item.tier_id for request in requests for item in request.body.items}
    buyers = [{"user_id": str(each.buyer_id), "event_id": str(each.body.event_id)} for each in requests]
    with autocommit() as connection:
        values = {"tier_ids": list(tier_ids), "buyers": json.dumps(buyers)}
        rows = connection.execute(_TIERS, values).all()
        counts = rows[0].purchase_counts if rows else None
        tiers = {row.id: SaleTier(*row[:-1]) for row in rows}
        uses = [use for request in requests if (use := _promo_use(request, tiers))]
        return _Snapshot(
            tiers,
            promos.find(connection, uses) if uses else {},
            purchase_limits.parse_counts(counts) if counts else {},
        )


def _promo_use(request: ReservationRequest, tiers: Mapping[UUID, SaleTier]) -> PromoUse | None:
    """The promo code of a request; None where it gives none, or its tickets do not exist."""
    body = request.body
    tier = tiers.get(body.items[0].tier_id)
    if body.promo_code is None or tier is None:
        return None
    return PromoUse(request.buyer_id, body.event_id, tier.organizer_id, body.promo_code)


def _new_order_or_refusal(request: ReservationRequest, snapshot: _Snapshot) -> NewOrder | Problem:
    try:
        return _new_order(request, snapshot)
    except Problem as refusal:
        return refusal


def _new_order(request: ReservationRequest, snapshot: _Snapshot) -> NewOrder:
    """The order of a request. Raises the refusals that need no lock."""
    event_id = request.body.event_id
    items = [new for item in request.body.items for new in _new_items(item, event_id, snapshot.tiers)]
    quantities = Counter(item.tier for item in items)
    _check_quantities(quantities)
    counted = snapshot.purchase_counts.get((request.buyer_id, event_id), PurchaseCount())
    purchase_limits.check(counted, quantities)
    discount = None
    if request.body.promo_code is not None:
        use = _promo_use(request, snapshot.tiers)
        promo = snapshot.promos.get(use) if use else None
        if promo is None:
            raise PromoInvalid.because("is not known for this event")
        discount = promo.apply([(item.tier.id, item.price) for item in items])
        items = [replace(item, price=price) for item, price in zip(items, discount.prices, strict=True)]
    return NewOrder(
        id=uuid4(),
        buyer_id=request.buyer_id,
        event_id=event_id,
        organizer_id=items[0].tier.organizer_id,
        idempotency_key=request.idempotency_key,
        items=tuple(items),
        discount=discount,
    )


def _new_items(item: ReservationItem, event_id: UUID, tiers: Mapping[UUID, SaleTier]) -> list[NewOrderItem]:
    tier = tiers.get(item.tier_id)
    if tier is None or tier.event_id != event_id:
        raise NotFound("There is no such ticket for this event. Read the event again.")
    if not tier.is_open:
        raise SaleClosed(tier_id=str(tier.id))
    price = unit_price(tier, tier.at)
    attendees: Sequence[Attendee | None] = item.attendees or [None] * item.quantity
    return [NewOrderItem(uuid4(), tier, price, attendee) for attendee in attendees]


def _check_quantities(quantities: Mapping[SaleTier, int]) -> None:
    for tier, quantity in quantities.items():
        if quantity > tier.max_per_order:
            message = Sentence("at most {most} of {tier} per order", most=tier.max_per_order, tier=tier.name)
            raise TooManyTickets(errors=[{"field": "items", "message": message}])
        if quantity > tier.free:
            raise SoldOut(available=max(tier.free, 0), tier_id=str(tier.id))


def _create(accepted: Sequence[tuple[ReservationRequest, NewOrder]]) -> dict[UUID, ReservationOutcome]:
    """Create the orders together; where the database refuses the statement, each by itself."""
    if not accepted:
        return {}
    try:
        created = create_orders([order for _, order in accepted])
    except DBAPIError as error:
        if not refused_by_schema(error):
            raise
        if len(accepted) == 1:
            [(request, order)] = accepted
            return {order.id: _refusal(request, error)}
        return {order_id: outcome for each in accepted for order_id, outcome in _create([each]).items()}
    return {order.id: created.get(order.id) or _already_reserved(request) for request, order in accepted}


def _refusal(request: ReservationRequest, error: DBAPIError) -> Problem:
    """The problem behind a constraint violation of a single order; a new snapshot usually shows it."""
    constraint = violated_constraint(error)
    if constraint == ACCOUNT_IS_THERE:
        return AccountGone()
    snapshot = _read_snapshot([request])
    refused = _new_order_or_refusal(request, snapshot)
    if isinstance(refused, Problem):
        return refused
    if constraint == inventory.NO_OVERSELLING:
        return SoldOut(available=min(max(tier.free, 0) for tier in snapshot.tiers.values()))
    if constraint in promos.LIMIT_CONSTRAINTS:
        return PromoExhausted()
    if constraint in purchase_limits.LIMIT_CONSTRAINTS:
        return PersonLimitReached()
    if constraint in UNIQUE_CONSTRAINTS:
        return AlreadyRegistered()
    if violation(error) == NOT_NULL:  # a tier or a promo code that was inactive for a moment
        return SaleClosed()
    raise error


def _unless_existing_order(request: ReservationRequest, refusal: Problem) -> ReservationOutcome:
    """The refusal, unless a purchase limit was reached by the order of this very request or by a live one."""
    if isinstance(refusal, PersonLimitReached | HoldCooldown):
        return _existing_order(request) or refusal
    return refusal


def _already_reserved(request: ReservationRequest) -> ReservationOutcome:
    """The order that a new one conflicts with, which may just have ended."""
    return _existing_order(request) or AlreadyReserved("Your older reservation has just ended. Try again.")


def _existing_order(request: ReservationRequest) -> ReservationOutcome | None:
    """The order of the same request, sent again, or a refusal that names another live order."""
    with transaction() as tx:
        row = tx.execute(
            _EXISTING_ORDER,
            {"user_id": request.buyer_id, "event_id": request.body.event_id, "key": request.idempotency_key},
        ).first()
        if row is None:
            return None
        if row.is_same_request:
            return OrderResponse.read(tx, row.id)
    return AlreadyReserved(order_id=str(row.id))


def _expire_overdue(event_ids: list[UUID]) -> int:
    with transaction() as tx:
        return orders.expire_due(tx, event_ids=event_ids)
