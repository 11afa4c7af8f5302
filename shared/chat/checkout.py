"""Steps of a conversation from a held order to its payment: names, payment, status and cancellation."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from shared.chat import wording
from shared.chat.commands import Command
from shared.chat.contents import (
    Action,
    Cancel,
    CheckOrder,
    FindTickets,
    Hold,
    Incoming,
    Link,
    ListEvents,
    Option,
    OrderFound,
    OrderSummary,
    Outgoing,
    Pay,
    Qris,
    Refused,
    Text,
)
from shared.chat.state import State
from shared.chat.transitions import LIVE, Transition, advance, language_of, reset, say, show_present_step
from shared.sales.reservation_requests import Name
from shared.states import OrderStatus

MAX_TYPED_NAMES = 20
"""The most tickets whose names are asked for one by one; larger orders are made on the site."""

_ENDS_ORDER = frozenset({"reservation-expired", "not-found"})
_name = TypeAdapter(Name)


def picture_received(state: State, _: Incoming) -> Transition:
    """A picture proves no payment, but its sender has probably paid: the gateway is asked."""
    if state.step == "paying" and state.order:
        return Transition(state=state, action=CheckOrder(order_id=state.order.id, asks_gateway=True))
    return say(state, "unsupported")


def pay(state: State, _: Command) -> Transition:
    """Ask for the payment of the order once more."""
    if state.order is None:
        return say(state, "no_order")
    return Transition(
        state=state.model_copy(update={"wants_payment": True}), action=CheckOrder(order_id=state.order.id)
    )


def show_status(state: State, _: Command) -> Transition:
    """Tell about the order, or else deliver what was bought last."""
    if state.order is None:
        return Transition(state=state, action=FindTickets())
    return Transition(state=state, action=CheckOrder(order_id=state.order.id))


def check_payment(state: State, _: Command) -> Transition:
    """Ask the gateway whether the order is paid."""
    if state.order is None:
        return Transition(state=state, action=FindTickets())
    return Transition(state=state, action=CheckOrder(order_id=state.order.id, asks_gateway=True))


def cancel(state: State, _: Command) -> Transition:
    """Cancel the order."""
    if state.order is None:
        return say(reset(state), "nothing_to_cancel")
    return Transition(state=state, action=Cancel(order_id=state.order.id))


def take_name(state: State, typed: str) -> Transition:
    """Take the name for the next ticket; once all are known, pay."""
    if not _is_name(typed):
        return say(state, "name_wrong")
    name = _name.validate_python(typed)
    if state.order is None:
        return Transition(state=reset(state), action=ListEvents())
    named = advance(state, names=(*state.names, name))
    if len(named.names) < state.order.unnamed:
        return _ask_name(named, state.order)
    paying = named.model_copy(update={"step": "paying"})
    return Transition(state=paying, action=Pay(order_id=state.order.id, names=named.names, gateway=state.gateway))


def use_profile_name(state: State, _: str) -> Transition:
    """Take the name of their WhatsApp profile for the next ticket."""
    return take_name(state, state.profile_name) if state.step == "naming" else show_present_step(state)


def order_held(state: State, action: Hold, result: OrderFound) -> Transition:
    """Ask for names if the order needs any, else start its payment."""
    order = result.order
    if order.status not in (*LIVE, OrderStatus.PAID):
        return say(reset(state), "order_ended")
    held = advance(state, order=order, names=(), gateway=action.gateway, intent=None, code="", most=0, shown=())
    if order.status == OrderStatus.PAID:
        return Transition(state=held.model_copy(update={"step": "paying"}))
    if order.unnamed:
        return _ask_name(held.model_copy(update={"step": "naming"}), order)
    paying = held.model_copy(update={"step": "paying"})
    return Transition(state=paying, action=Pay(order_id=order.id, gateway=action.gateway))


def _ask_name(state: State, order: OrderSummary) -> Transition:
    language = language_of(state)
    number = len(state.names) + 1
    asking = wording.ask_name(number, order.unnamed, language)
    body = asking if state.names else f"{wording.summary(order, language)}\n\n{asking}\n\n{wording.terms(language)}"
    cancel = wording.sentence("cancel_button", language)
    buttons = [Option(id=f"cancel:{state.version}", title=cancel)]
    name = state.profile_name.strip()
    if not state.names and _is_name(name) and name.lower() != cancel.lower():  # no two buttons may read alike
        buttons.insert(0, Option(id=f"me:{state.version}", title=name))
    return Transition(state=state, messages=(Text(body=body, buttons=tuple(buttons)),))


def payment_found(state: State, _: Any, result: OrderFound) -> Transition:
    """Send the QRIS or the payment page of the order."""
    order = result.order
    paying = advance(state, step="paying", order=order, names=(), wants_payment=False)
    if order.status not in (*LIVE, OrderStatus.PAID):
        return say(reset(state), "order_ended")
    if order.status == OrderStatus.PAID:  # it costs nothing: what it bought is on its way
        return Transition(state=paying)
    return Transition(state=paying, messages=(_payment_message(paying, order),))


def _payment_message(state: State, order: OrderSummary) -> Outgoing:
    language = language_of(state)
    if order.payment_id and order.has_qris:
        return Qris(payment_id=order.payment_id, caption=wording.qris_caption(order, language))
    body = wording.payment_link(order, language)
    return Link(
        body=body,
        label=wording.sentence("open_payment", language),
        url=order.payment_url or wording.order_url(order.id),
    )


def order_found(state: State, action: CheckOrder, result: OrderFound) -> Transition:
    """Tell about the order; if it has ended, go on with what was to be bought beside it."""
    order = result.order
    if order.status in LIVE:
        return _live_order(state, action, order)
    ended = reset(state)
    if state.intent is not None:
        return Transition(state=ended, action=state.intent)
    if order.status == OrderStatus.PAID:
        return say(state.model_copy(update={"order": order, "wants_payment": False}), "payment_received")
    return say(ended, "order_ended")


def _live_order(state: State, action: CheckOrder, order: OrderSummary) -> Transition:
    """A live order is named, paid, or told of; what was to be bought beside it is not."""
    language = language_of(state)
    here = state.model_copy(update={"order": order, "intent": None, "wants_payment": False})
    if order.unnamed:
        names = state.names if state.step == "naming" else ()
        return _ask_name(here.model_copy(update={"step": "naming", "names": names}), order)
    if state.wants_payment:
        return Transition(state=here, action=Pay(order_id=order.id, gateway=state.gateway))
    opening = "other_order" if state.intent else "not_paid" if action.asks_gateway else "order_waits"
    body = f"{wording.sentence(opening, language)}\n\n{wording.summary(order, language)}"
    return Transition(state=here, messages=(Text(body=body, buttons=payment_buttons(here)),))


def payment_buttons(state: State) -> tuple[Option, ...]:
    """The buttons of an order that waits for its payment."""
    language = language_of(state)
    return (
        Option(id=f"pay:{state.version}", title=wording.sentence("pay_button", language)),
        Option(id=f"paid:{state.version}", title=wording.sentence("paid_button", language)),
        Option(id=f"cancel:{state.version}", title=wording.sentence("cancel_button", language)),
    )


def order_cancelled(state: State, _: Any, result: OrderFound) -> Transition:
    """Confirm the cancellation, or tell what the order has become."""
    if result.order.status == OrderStatus.PAID:
        return say(state, "payment_received")
    return say(reset(state), "cancelled" if result.order.status == OrderStatus.CANCELLED else "order_ended")


def action_refused(state: State, action: Action, refused: Refused) -> Transition:
    """Tell why something is not possible, and what is. An order that is over is forgotten."""
    if refused.order is not None and refused.order.status in LIVE and isinstance(action, Hold):
        return order_found(
            advance(state, step="paying", order=refused.order, intent=action),
            CheckOrder(order_id=refused.order.id),
            OrderFound(order=refused.order),
        )
    if refused.slug == "needs-site" and isinstance(action, Hold):
        return say(reset(state), "too_many_names", most=MAX_TYPED_NAMES)
    if refused.slug == "sold-out" and refused.available:
        return say(_without_intent(state), "fewer_left", available=refused.available)
    ended = isinstance(action, Hold) or refused.slug in _ENDS_ORDER
    told = wording.refusal(refused.slug)
    return say(reset(state) if ended else _without_intent(state), told, url=wording.site_url())


def _without_intent(state: State) -> State:
    return state.model_copy(update={"intent": None, "wants_payment": False})


def _is_name(words: str) -> bool:
    """True for what may stand on a ticket; a number alone answers another question."""
    try:
        return any(each.isalpha() for each in _name.validate_python(words))
    except ValidationError:
        return False
