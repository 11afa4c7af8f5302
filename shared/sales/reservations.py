"""Reserving: the first second of a sale.

Many requests want the same row. They are taken together: one read of the tiers' facts (and one of the promo
codes, where one is named), then one statement that opens all the orders and holds all their stock. It is a
transaction of its own and the tier's row stays locked only while it runs. The database refuses what must not
be, with its own constraints: a hold over the quota, a second live reservation of a buyer, a code or a person over
their limit, a participant twice. Then the requests of that statement are tried one by one, so that a refused one
does not spoil the others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
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
from shared.sales import inventory, order_creation, orders, promos, purchase_limits
from shared.sales.identity_numbers import Identified
from shared.sales.inventory import SoldOut
from shared.sales.order_creation import NewItem, NewOrder
from shared.sales.pricing import current_price, unit_price
from shared.sales.promos import Promo, PromoExhausted, PromoInvalid, PromoUse
from shared.sales.purchase_limits import HoldAgainLater, PersonLimitReached, PurchaseCount
from shared.sales.registrations import (
    ASKS_IDENTITY,
    ONE_REGISTRATION,
    AlreadyRegistered,
    masked,
)
from shared.sales.schemas import OrderItemResponse, OrderResponse
from shared.sentences import Sentence
from shared.states import OrderStatus

Name = Annotated[str, plain_line(255)]


def _address(given: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(given)
    except ValidationError as error:
        raise ValueError("is not an e-mail address, as name@example.com") from error


Email = Annotated[EmailStr, Field(max_length=255), Trimmed, WrapValidator(_address)]


class Attendee(Identified):
    """Who will use a ticket (TS-004)."""

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
    """What a buyer wants to hold."""

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
    """One request to reserve. `idempotency_key` finds the order again after a crash between commit and answer."""

    buyer_id: UUID
    request: ReservationBody
    idempotency_key: str | None = None


@dataclass(frozen=True)
class _Facts:
    """What stood in the database a moment ago about the tiers, promo codes and buyers of the requests."""

    tiers: Mapping[UUID, Any]
    promos: Mapping[PromoUse, Promo]
    standings: Mapping[tuple[UUID, UUID], PurchaseCount]


@dataclass(frozen=True)
class _Accepted:
    """A request that nothing we know of speaks against, and the order it would be."""

    ask: ReservationRequest
    draft: NewOrder


ReservationOutcome = OrderResponse | Problem
_WORTH_A_SECOND_TRY = (SoldOut, PromoExhausted, AlreadyReserved, AlreadyRegistered, PersonLimitReached)

_TIERS = text(f"""
    SELECT t.id, event_id, t.organizer_id, name, price, early_bird_price, early_bird_start, early_bird_end,
        max_per_order, {inventory.SELLABLE} - reserved - sold AS free, now() AS at, {ASKS_IDENTITY} AS asks_identity,
        e.max_per_person, e.one_purchase_per_person, {purchase_limits.STANDINGS} AS standings,
        is_on_sale AND event_ends_at > now() AND COALESCE(sale_start <= now(), true)
            AND COALESCE(sale_end > now(), true) AS is_open
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


def reserve(asks: Sequence[ReservationRequest]) -> list[ReservationOutcome]:
    """Hold what each asks for, all of it or none, for 15 minutes (TS-002); an order or a refusal for each.

    Refusals: NotFound, SaleClosed, TooManyTickets, PromoInvalid, PromoExhausted, AlreadyRegistered, SoldOut
    (with `available`), AlreadyReserved (with `order_id`), PersonLimitReached and HoldAgainLater.
    The requests are independent: they share only the statement.
    Before anybody is refused for want of stock or of uses of a code, or for an older reservation of their
    own or of their participants, orders whose time is over are ended and the request is tried again.
    """
    outcomes = _reserve_once(asks)
    stuck = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, _WORTH_A_SECOND_TRY)]
    if stuck and _end_overdue([asks[index].request.event_id for index in stuck]):
        for index in stuck:
            outcomes[index] = _reserve_once([asks[index]])[0]
    return outcomes


def _reserve_once(asks: Sequence[ReservationRequest]) -> list[ReservationOutcome]:
    facts = _read_facts(asks)
    checked = [_accept_or_refuse(ask, facts) for ask in asks]
    opened = _open([each for each in checked if isinstance(each, _Accepted)])
    return [
        opened[each.draft.id] if isinstance(each, _Accepted) else _unless_existing_order(ask, each)
        for ask, each in zip(asks, checked, strict=True)
    ]


def _read_facts(asks: Sequence[ReservationRequest]) -> _Facts:
    tier_ids = {item.tier_id for ask in asks for item in ask.request.items}
    with autocommit() as connection:
        values = {
            "tier_ids": list(tier_ids),
            "asked": purchase_limits.asked([(ask.buyer_id, ask.request.event_id) for ask in asks]),
        }
        rows = connection.execute(_TIERS, values).all()
        tiers = {row.id: row for row in rows}
        uses = [use for ask in asks if (use := _use(ask, tiers))]
        standings = purchase_limits.standings(rows[0].standings if rows else None)
        return _Facts(tiers, promos.find(connection, uses) if uses else {}, standings)


def _use(ask: ReservationRequest, tiers: Mapping[UUID, Any]) -> PromoUse | None:
    """Which code the buyer names, and where; None where they name none, or tickets that are not there."""
    request = ask.request
    tier = tiers.get(request.items[0].tier_id)
    if request.promo_code is None or tier is None:
        return None
    return PromoUse(ask.buyer_id, request.event_id, tier.organizer_id, request.promo_code)


def _accept_or_refuse(ask: ReservationRequest, facts: _Facts) -> _Accepted | Problem:
    try:
        return _Accepted(ask, _new_order(ask, facts))
    except Problem as refusal:
        return refusal


def _new_order(ask: ReservationRequest, facts: _Facts) -> NewOrder:
    request = ask.request
    units = [unit for item in request.items for unit in _units(item, request.event_id, facts.tiers)]
    quantities = Counter(unit.tier for unit in units)
    _refuse_too_many(quantities)
    purchase_limits.check(facts.standings.get((ask.buyer_id, request.event_id), PurchaseCount()), quantities)
    draft = NewOrder(
        id=uuid4(),
        buyer_id=ask.buyer_id,
        event_id=request.event_id,
        organizer_id=units[0].tier.organizer_id,
        idempotency_key=ask.idempotency_key,
        units=tuple(units),
    )
    return draft if request.promo_code is None else _with_promo(draft, _use(ask, facts.tiers), facts)


def _units(item: ReservationItem, event_id: UUID, tiers: Mapping[UUID, Any]) -> list[NewItem]:
    tier = tiers.get(item.tier_id)
    if tier is None or tier.event_id != event_id:
        raise NotFound("There is no such ticket for this event. Read the event again.")
    if not tier.is_open:
        raise SaleClosed(tier_id=str(tier.id))
    price = unit_price(current_price(tier, tier.at))
    attendees: Sequence[Attendee | None] = item.attendees or [None] * item.quantity
    return [NewItem(uuid4(), tier, price, attendee) for attendee in attendees]


def _refuse_too_many(quantities: Mapping[Any, int]) -> None:
    for tier, quantity in quantities.items():
        if quantity > tier.max_per_order:
            message = Sentence("at most {most} of {tier} per order", most=tier.max_per_order, tier=tier.name)
            raise TooManyTickets(errors=[{"field": "items", "message": message}])
        if quantity > tier.free:
            raise SoldOut(available=max(tier.free, 0), tier_id=str(tier.id))


def _with_promo(draft: NewOrder, use: PromoUse | None, facts: _Facts) -> NewOrder:
    promo = facts.promos.get(use) if use else None
    if promo is None:
        raise PromoInvalid.because("is not known for this event")
    prices = promo.apply([(unit.tier.id, unit.price) for unit in draft.units])
    units = tuple(replace(unit, price=price) for unit, price in zip(draft.units, prices, strict=True))
    return replace(draft, units=units, promo=promo, promo_uses=promo.uses_of(prices))


def _open(checked: Sequence[_Accepted]) -> dict[UUID, ReservationOutcome]:
    """Open the drafts together; where the database refuses the statement, each by itself."""
    if not checked:
        return {}
    try:
        opened = order_creation.create_orders([each.draft for each in checked])
    except DBAPIError as error:
        if not refused_by_schema(error):
            raise
        if len(checked) == 1:
            return {checked[0].draft.id: _refusal(checked[0].ask, error)}
        return {order_id: outcome for each in checked for order_id, outcome in _open([each]).items()}
    return {
        each.draft.id: _answer(each.draft, *opened[each.draft.id]) if each.draft.id in opened else _already(each.ask)
        for each in checked
    }


def _refusal(ask: ReservationRequest, error: DBAPIError) -> Problem:
    """What the database's refusal of a single request means for its buyer: most often the facts tell, read anew."""
    constraint = violated_constraint(error)
    if constraint == ACCOUNT_IS_THERE:
        return AccountGone()
    facts = _read_facts([ask])
    refused = _accept_or_refuse(ask, facts)
    if isinstance(refused, Problem):
        return refused
    if constraint == inventory.NO_OVERSELLING:
        return SoldOut(available=_least_free(facts.tiers))
    if constraint in promos.EXHAUSTED:
        return PromoExhausted()
    if constraint in purchase_limits.REACHED:
        return PersonLimitReached()
    if constraint in ONE_REGISTRATION:
        return AlreadyRegistered()
    if violation(error) == NOT_NULL:  # a tier that was off sale, or a code that was taken back, for a moment
        return SaleClosed()
    raise error


def _least_free(tiers: Mapping[UUID, Any]) -> int:
    return min(max(int(tier.free), 0) for tier in tiers.values())


def _unless_existing_order(ask: ReservationRequest, refusal: Problem) -> ReservationOutcome:
    """A refusal for what a person has already, unless it is the order of this very request, or a live one."""
    if isinstance(refusal, PersonLimitReached | HoldAgainLater):
        return _existing_order(ask) or refusal
    return refusal


def _already(ask: ReservationRequest) -> ReservationOutcome:
    """The order that was in the way, which may have ended in this very moment."""
    return _existing_order(ask) or AlreadyReserved("Your older reservation has just ended. Try again.")


def _existing_order(ask: ReservationRequest) -> ReservationOutcome | None:
    """The order of the very same request (answered again), or another live one."""
    with transaction() as tx:
        row = tx.execute(
            _EXISTING_ORDER,
            {"user_id": ask.buyer_id, "event_id": ask.request.event_id, "key": ask.idempotency_key},
        ).first()
        if row is None:
            return None
        if row.is_same_request:
            return OrderResponse.read(tx, row.id)
    return AlreadyReserved(order_id=str(row.id))


def _end_overdue(event_ids: list[UUID]) -> int:
    with transaction() as tx:
        return orders.expire_due(tx, event_ids=event_ids)


def _answer(draft: NewOrder, created_at: datetime, expires_at: datetime) -> OrderResponse:
    """The new order as it was written, without reading it back."""
    return OrderResponse(
        id=draft.id,
        event_id=draft.event_id,
        status=OrderStatus.RESERVED,
        items=[
            OrderItemResponse(
                id=unit.id,
                tier_id=unit.tier.id,
                tier_name=unit.tier.name,
                unit_price=unit.price.price,
                discount=unit.price.discount,
                platform_fee=unit.price.platform_fee,
                waived_fee=unit.price.waived_fee,
                attendee_name=unit.attendee.name if unit.attendee else None,
                attendee_email=unit.attendee.email if unit.attendee else None,
                identity_number=masked(unit.identity_number),
            )
            for unit in draft.units
        ],
        subtotal=draft.subtotal,
        discount_amount=draft.discount_amount,
        platform_fee=draft.platform_fee,
        total_amount=draft.total_amount,
        amount_missing=draft.total_amount,
        promo_code=draft.promo.code if draft.promo else None,
        reservation_expires_at=expires_at,
        created_at=created_at,
    )
