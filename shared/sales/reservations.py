"""Reservations: holding tickets for a buyer, in batches.

Many requests contend for the same row, so they are handled together: one read of the tiers (and one of the promo
codes, if any), then one statement that creates all the orders and holds all their stock. The statement is a
transaction of its own, and a tier's row stays locked only while it runs. Database constraints refuse a hold over the
quota, a second live reservation of a buyer, a code or a person over a limit, a duplicate participant, and a second
order with one queue pass. Then each half of the batch is tried by itself, down to the refused request, so that it does
not fail the others. Where requests together want more than is left, the first are served before the others are tried.
"""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud import cache
from shared.cloud.database import transaction
from shared.cloud.request_batching import RequestBatcher
from shared.problems import (
    ACCOUNT_IS_THERE,
    NOT_NULL,
    AccountGone,
    Problem,
    refused_by_schema,
    violated_constraint,
    violation,
)
from shared.sales import expiry, inventory, order_pricing, orders, promos, purchase_limits, queue_passes, reserve_load
from shared.sales.inventory import SoldOut
from shared.sales.order_creation import NewOrder, create_orders
from shared.sales.order_pricing import PricedItems, SaleClosed
from shared.sales.promos import PromoExhausted
from shared.sales.purchase_limits import HoldCooldown, PersonLimitReached
from shared.sales.queue_passes import QueuePassRequired, QueuePassUsed
from shared.sales.registrations import UNIQUE_CONSTRAINTS, AlreadyRegistered
from shared.sales.reservation_requests import ReservationRequest
from shared.sales.schemas import OrderResponse


class AlreadyReserved(Problem):
    """You hold a reservation for this event already. Pay or cancel it first."""

    status, slug = 409, "already-reserved"


ReservationOutcome = OrderResponse | Problem
_Accepted = tuple[ReservationRequest, NewOrder]
_RETRIED_AFTER_EXPIRY = (SoldOut, PromoExhausted, AlreadyReserved, AlreadyRegistered, PersonLimitReached)

_EXISTING_ORDER = text("""
    SELECT id, COALESCE(idempotency_key = CAST(:key AS text), false) AS is_same_request
    FROM orders
    WHERE user_id = :user_id AND (
        (event_id = :event_id AND status IN ('reserved', 'pending_payment'))
        OR idempotency_key = CAST(:key AS text))
    ORDER BY is_same_request DESC LIMIT 1
""")


def hold(request: ReservationRequest) -> OrderResponse:
    """Hold one buyer's tickets, in one batch with concurrent requests. Raises the refusals of `reserve`."""
    if request.queue_pass is None:
        outcome = _reserve_or_raise(request)
    else:
        with reserve_load.measured():
            outcome = _reserve_or_raise(request)
    expiry.schedule_expiry(outcome.reservation_expires_at)
    cache.invalidate(inventory.cache_mark(outcome.event_id))
    return outcome


def _reserve_or_raise(request: ReservationRequest) -> OrderResponse:
    outcome = _reserve_together(request)
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


def reserve(requests: Sequence[ReservationRequest]) -> list[ReservationOutcome]:
    """Hold the tickets of each request for 15 minutes, all or none (TS-002); an order or a refusal for each.

    Refusals: NotFound, SaleClosed, TooManyTickets, PromoInvalid, PromoExhausted, AlreadyRegistered, SoldOut
    (with `available`), AlreadyReserved (with `order_id`), PersonLimitReached, HoldCooldown, QueuePassRequired and
    QueuePassUsed.
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


_reserve_together = RequestBatcher(reserve)


def _reserve_once(requests: Sequence[ReservationRequest]) -> list[ReservationOutcome]:
    checked = [
        _new_order(request, priced) if isinstance(priced, PricedItems) else priced
        for request, priced in zip(requests, order_pricing.price(requests), strict=True)
    ]
    fitting, others = _fitting(
        [(request, new) for request, new in zip(requests, checked, strict=True) if isinstance(new, NewOrder)]
    )
    outcomes = _create(fitting) | _reserve_again(others)
    return [
        outcomes[each.id] if isinstance(each, NewOrder) else _unless_existing_order(request, each)
        for request, each in zip(requests, checked, strict=True)
    ]


def _fitting(accepted: Sequence[_Accepted]) -> tuple[list[_Accepted], list[_Accepted]]:
    """The orders for which together, in turn, enough is left as just read, and the others. The first always fits."""
    left = {item.tier.id: item.tier.free for _, order in accepted for item in order.items}
    fitting: list[_Accepted] = []
    others: list[_Accepted] = []
    for each in accepted:
        wanted = Counter(item.tier.id for item in each[1].items)
        if all(quantity <= left[tier_id] for tier_id, quantity in wanted.items()):
            fitting.append(each)
            for tier_id, quantity in wanted.items():
                left[tier_id] -= quantity
        else:
            others.append(each)
    return fitting, others


def _reserve_again(accepted: Sequence[_Accepted]) -> dict[UUID, ReservationOutcome]:
    """Try the requests again, with what is left now; the outcomes by the orders that they would have become."""
    if not accepted:
        return {}
    outcomes = _reserve_once([request for request, _ in accepted])
    return {order.id: outcome for (_, order), outcome in zip(accepted, outcomes, strict=True)}


def _new_order(request: ReservationRequest, priced: PricedItems) -> NewOrder | QueuePassRequired:
    tier, queue_pass = priced.items[0].tier, request.queue_pass
    is_called = queue_pass is not None and queue_pass.is_good_for(request.buyer_id, tier.event_id, tier.at)
    if tier.needs_queue_pass and not is_called:
        return QueuePassRequired()
    return NewOrder(
        id=priced.order_id,
        buyer_id=request.buyer_id,
        event_id=request.body.event_id,
        organizer_id=tier.organizer_id,
        idempotency_key=request.idempotency_key,
        items=priced.items,
        discount=priced.discount,
        queue_pass_id=queue_pass.id if queue_pass and is_called else None,
    )


def _create(accepted: Sequence[_Accepted]) -> dict[UUID, ReservationOutcome]:
    """Create the orders together; where the database refuses the statement, try each half of them again."""
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
        if violated_constraint(error) == queue_passes.ONE_ORDER:
            return _create_without_used(accepted)
        middle = len(accepted) // 2
        return _reserve_again(accepted[:middle]) | _reserve_again(accepted[middle:])
    return {order.id: created.get(order.id) or _already_reserved(request) for request, order in accepted}


def _create_without_used(accepted: Sequence[_Accepted]) -> dict[UUID, ReservationOutcome]:
    """Create the orders with unused queue passes together, so that passes sent again can't slow a rush down."""
    used = queue_passes.used([order.queue_pass_id for _, order in accepted if order.queue_pass_id])
    refused: dict[UUID, ReservationOutcome] = {
        order.id: _already_reserved(request) for request, order in accepted if order.queue_pass_id in used
    }
    left = [each for each in accepted if each[1].id not in refused]
    parts = [left] if refused else [[each] for each in left]
    return refused | {order_id: outcome for part in parts for order_id, outcome in _create(part).items()}


def _refusal(request: ReservationRequest, error: DBAPIError) -> Problem:
    """The problem behind a constraint violation of a single order; a new snapshot usually shows it."""
    constraint = violated_constraint(error)
    if constraint == ACCOUNT_IS_THERE:
        return AccountGone()
    [priced] = order_pricing.price([request])
    if isinstance(priced, Problem):
        return priced
    if constraint == inventory.NO_OVERSELLING:
        return SoldOut(available=min(max(item.tier.free, 0) for item in priced.items))
    if constraint in promos.LIMIT_CONSTRAINTS:
        return PromoExhausted()
    if constraint in purchase_limits.LIMIT_CONSTRAINTS:
        return PersonLimitReached()
    if constraint in UNIQUE_CONSTRAINTS:
        return AlreadyRegistered()
    if constraint == queue_passes.ONE_ORDER:
        return QueuePassUsed()
    if violation(error) == NOT_NULL:  # a tier or a promo code that was inactive for a moment
        return SaleClosed()
    raise error


def _unless_existing_order(request: ReservationRequest, refusal: Problem) -> ReservationOutcome:
    """The refusal; or the order that this request, sent again, has made before, or a refusal that names a live one."""
    has_expired = isinstance(refusal, QueuePassRequired) and request.queue_pass is not None
    if has_expired or isinstance(refusal, PersonLimitReached | HoldCooldown):
        return _existing_order(request) or refusal
    return refusal


def _already_reserved(request: ReservationRequest) -> ReservationOutcome:
    """The order that a new one conflicts with, which may just have ended."""
    if existing := _existing_order(request):
        return existing
    if request.queue_pass and queue_passes.used([request.queue_pass.id]):
        return QueuePassUsed()
    return AlreadyReserved("Your older reservation has just ended. Try again.")


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
    try:
        with transaction() as tx:
            return orders.expire_due(tx, event_ids=event_ids)
    except DBAPIError as error:
        if not refused_by_schema(error):
            raise
        return 0  # the sweep ends them one by one
