"""Execution of a conversation's actions by the product's own operations. There is no second way to sell.

Each action may be carried out again after a crash: a hold is found by its idempotency key, and everything else is
repeatable by itself.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text

from shared.chat import budget, linking, queries, senders
from shared.chat.budget import Level
from shared.chat.checkout import MAX_TYPED_NAMES
from shared.chat.contents import (
    Action,
    CallPerson,
    Cancel,
    CheckCode,
    CheckOrder,
    Deliver,
    Done,
    FindTickets,
    FindTier,
    Hold,
    ListEvents,
    OrderFound,
    Pay,
    PurchasesFound,
    Refused,
    Result,
    SendCode,
    ShowEvent,
)
from shared.chat.senders import Sender
from shared.cloud import manual_tasks
from shared.cloud.database import transaction
from shared.gateways.statuses import PaymentMethod
from shared.identity import messenger_accounts
from shared.payments import checkout, payment_options, sync
from shared.payments.checkout import CheckoutInProgress, CheckoutRequest
from shared.problems import Problem
from shared.sales import attendees, orders, reservations
from shared.sales.orders import NotCancellable, NotPayable
from shared.sales.purchase_limits import HoldCooldown
from shared.sales.reservation_requests import Name, ReservationBody, ReservationItem, ReservationRequest
from shared.sales.reservations import AlreadyReserved

MAX_UNPAID_A_DAY = 8
"""After so many orders that were not paid, a sender and their phone number hold nothing more for a day."""

log = logging.getLogger(__name__)

_name = TypeAdapter(Name)
_UNPAID = text(f"""
    SELECT count(*) FROM orders  -- Uses index: orders_user
    WHERE user_id IN (SELECT CAST(:user_id AS uuid)
            UNION SELECT id FROM users  -- Uses index: users_chat_phone
                WHERE phone = :phone AND email {messenger_accounts.IS_MARKER})
        AND created_at > now() - interval '1 day' AND idempotency_key IS DISTINCT FROM :key
        AND status IN ('reserved', 'pending_payment', 'expired', 'cancelled')
""")
_HELD = text("SELECT id FROM orders WHERE user_id = :user_id AND idempotency_key = :key")


@dataclass(frozen=True)
class Actor:
    """The sender for whom an action is carried out, and its idempotency key."""

    sender: Sender
    key: str

    @property
    def user_id(self) -> UUID:
        """The account that buys: a sender's own has the sender's id."""
        return self.sender.user_id or self.sender.id


def carry_out(action: Action, actor: Actor) -> Result:
    """Carry out an action, or return its refusal. Opens its own transactions.

    Raises CheckoutInProgress, and errors of the database: the caller tries again.
    """
    try:
        return _CARRIERS[action.kind](action, actor)
    except CheckoutInProgress:
        raise
    except Problem as refusal:
        available = refusal.members.get("available")
        return Refused(slug=refusal.slug, available=available if isinstance(available, int) else None)


def give_up(action: Action, actor: Actor) -> None:
    """Undo an action that failed for good: cancel the order that it holds, of which nobody was told.

    What can't be undone now expires by itself.
    """
    if not isinstance(action, Hold):
        return
    try:
        with transaction() as tx:
            order_id = tx.execute(_HELD, {"user_id": actor.user_id, "key": actor.key}).scalar()
            order = orders.lock_own(tx, order_id, actor.user_id) if order_id else None
            if order and order.status in orders.LIVE:
                orders.cancel_unpayable(tx, order)  # it is our fault, and no point against them
    except Exception as error:  # the outage that made it fail, most likely
        log.warning("chat.hold_left", exc_info=error)


def _list_events(_: ListEvents, __: Actor) -> Result:
    with transaction() as tx:
        return queries.upcoming_events(tx)


def _show_event(action: ShowEvent, _: Actor) -> Result:
    with transaction() as tx:
        return queries.tiers_of_event(tx, action.event_id)


def _find_tier(action: FindTier, _: Actor) -> Result:
    with transaction() as tx:
        return queries.tier_of_code(tx, action.code)


def _hold(action: Hold, actor: Actor) -> Result:
    if not 1 <= action.quantity <= MAX_TYPED_NAMES:
        return Refused(slug="needs-site")
    with transaction() as tx:
        found = queries.tier_of_code(tx, action.code)
        tier = queries.find_tier(tx, action.code)
    if tier is None or not found.tiers or found.tiers[0].needs_identity:
        return Refused(slug="sale-closed")
    if _holds_too_often(actor):
        return Refused(slug=HoldCooldown.slug)
    _open_account(action, actor)
    tier_id, event_id = tier
    items = [ReservationItem(tier_id=tier_id, quantity=action.quantity)]
    body = ReservationBody(event_id=event_id, items=items, promo_code=action.promo or None)
    try:
        held = reservations.hold(ReservationRequest(actor.user_id, body, actor.key))
    except AlreadyReserved as refusal:
        return _conflict(refusal, actor)
    return _order(held.id, actor)


def _holds_too_often(actor: Actor) -> bool:
    """True if so many orders ended unpaid, or still wait, within a day; those of one phone number count together."""
    phone = actor.sender.recipient.phone
    values = {"user_id": actor.user_id, "key": actor.key, "phone": f"+{phone}" if phone else None}
    with transaction() as tx:
        return int(tx.execute(_UNPAID, values).scalar_one()) >= MAX_UNPAID_A_DAY


def _open_account(action: Hold, actor: Actor) -> None:
    sender = actor.sender
    with transaction() as tx:
        if sender.user_id is None:
            name = _usable_name(action.profile_name)
            phone = sender.recipient.phone
            messenger_accounts.open_account(tx, sender.id, name=name, phone=phone, language=action.language)
            senders.set_user(tx, sender.id, sender.id)


def _usable_name(words: str) -> str:
    try:
        return _name.validate_python(words)
    except ValidationError:
        return ""


def _conflict(refusal: AlreadyReserved, actor: Actor) -> Result:
    """The live order that a new one conflicts with, which may have ended in this moment."""
    order_id = refusal.members.get("order_id")
    if order_id is None:
        return Refused(slug="try-again")
    with transaction() as tx:
        return Refused(slug=refusal.slug, order=queries.order(tx, UUID(order_id), actor.user_id))


def _pay(action: Pay, actor: Actor) -> Result:
    with transaction() as tx:
        order = orders.lock_own(tx, action.order_id, actor.user_id)
        if order.status in orders.LIVE:
            attendees.name_unnamed(tx, order.id, action.names)
    gateway = action.gateway or _qris_gateway(order.total_amount)
    request = CheckoutRequest.model_validate({"payment_method": PaymentMethod.QRIS, "gateway": gateway})
    with suppress(NotPayable):  # it is paid, by this very action before a crash perhaps, or has ended
        checkout.checkout(actor.user_id, action.order_id, request, may_move=action.gateway is None)
    return _order(action.order_id, actor)


def _qris_gateway(amount: int) -> str | None:
    """The gateway that answers, and gives the QRIS itself rather than a page; None where none takes the amount."""
    options = (each for each in payment_options.best_options(amount) if each.method is PaymentMethod.QRIS)
    return next((each.gateway for each in options), None)


def _check_order(action: CheckOrder, actor: Actor) -> Result:
    with transaction() as tx:
        order = queries.order(tx, action.order_id, actor.user_id)
    if action.asks_gateway and order.payment_id:
        sync.status(queries.buyer(actor.user_id), order.payment_id)
    return _order(action.order_id, actor)


def _cancel(action: Cancel, actor: Actor) -> Result:
    with suppress(NotCancellable), transaction() as tx:  # it was paid in this moment, or has ended
        orders.cancel(tx, orders.lock_own(tx, action.order_id, actor.user_id))
    return _order(action.order_id, actor)


def _find_tickets(_: FindTickets, actor: Actor) -> Result:
    with transaction() as tx:
        found = queries.purchases(tx, actor.user_id)
    return PurchasesFound(orders=found) if found else Done()


def _deliver(action: Deliver, actor: Actor) -> Result:
    with transaction() as tx:
        level, _ = budget.level(tx)
    found = _order(action.order_id, actor)
    return found.model_copy(update={"is_over_budget": level is not Level.LEFT})


def _call_person(_: CallPerson, actor: Actor) -> Result:
    with transaction() as tx:
        manual_tasks.add(tx, "chat_handover", subject="chat_sender", subject_id=actor.sender.id)
    return Done(lacks_number=actor.sender.recipient.phone is None)


def _send_code(action: SendCode, actor: Actor) -> Result:
    linking.send_code(actor.sender, action.address, action.language)
    return Done()


def _check_code(action: CheckCode, actor: Actor) -> Result:
    linking.redeem(actor.sender, action.code, actor.key, action.language)
    return Done()


def _order(order_id: UUID, actor: Actor) -> OrderFound:
    with transaction() as tx:
        return OrderFound(order=queries.order(tx, order_id, actor.user_id))


_CARRIERS: dict[str, Callable[[Any, Actor], Result]] = {
    "list_events": _list_events,
    "show_event": _show_event,
    "find_tier": _find_tier,
    "hold": _hold,
    "pay": _pay,
    "look": _check_order,
    "cancel": _cancel,
    "find_tickets": _find_tickets,
    "deliver": _deliver,
    "call_person": _call_person,
    "send_code": _send_code,
    "check_code": _check_code,
}
