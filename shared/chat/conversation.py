"""The conversation as a state machine: a state and an input give the next state, messages and at most one action.

    idle ──beli──► (hold) ──► naming ──names──► (pay) ──► paying ──issued──► idle
      └──code without a quantity──► quantity ──┘      goods need no names

It is pure: it reads no clock and no database, so the same updates and results give the same conversation again. An
action is carried out elsewhere (actions.py), and its result comes in like everything else.
"""

from collections.abc import Callable
from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from shared.chat import admission, commands, consent_question, contents, wording
from shared.chat.commands import Command
from shared.chat.contents import (
    Action,
    CallPerson,
    Cancel,
    CheckCode,
    CheckOrder,
    Done,
    EventsFound,
    FindTickets,
    FindTier,
    Goods,
    Hold,
    Incoming,
    Link,
    ListEvents,
    NumberRequest,
    Option,
    OrderChanged,
    OrderFound,
    OrderSummary,
    Outgoing,
    Pay,
    Qris,
    Refused,
    Result,
    SendCode,
    ShowEvent,
    Text,
    TicketFile,
    TierRow,
    TiersFound,
)
from shared.chat.state import KEPT, State
from shared.sales.reservation_requests import Name
from shared.states import OrderStatus

MAX_TICKET_FILES = 10
"""The most PDFs in the chat; the page of the order has them all."""
MAX_TYPED_NAMES = 20
"""The most tickets whose names are asked for one by one; larger orders are made on the site."""
MAX_ANSWERS_A_SALE = 6
"""Messages of ours in the sale of one ticket: each one costs."""
UNITS_A_MESSAGE = 5
"""The most digital units in one message: the longest that there are fit."""

_LIVE = (OrderStatus.RESERVED, OrderStatus.PENDING_PAYMENT)
_name = TypeAdapter(Name)


class Transition(BaseModel):
    """The next state, the messages to send and the action to carry out, after one update or result."""

    model_config = ConfigDict(frozen=True)

    state: State
    messages: tuple[Outgoing, ...] = ()
    action: Action | None = None


def step(state: State, update: Incoming | OrderChanged) -> Transition:
    """The transition for a message, or for a change of the sender's order."""
    return _counted(_step(state, update))


def _step(state: State, update: Incoming | OrderChanged) -> Transition:
    if isinstance(update, OrderChanged):
        return _order_changed(state, update)
    if update.kind == "ignored":
        return Transition(state=state)
    if admission.comes_too_late(state, update):
        return _outdated(state)
    return _INCOMING[update.kind](admission.heard(state, update), update)


def step_over_budget(state: State, update: Incoming, *, today: date, may_tell: bool, has_bought: bool) -> Transition:
    """The transition for a message once the day's budget is used up (budget.py).

    Senders with an order go on with it, and purchases are delivered. Others are told once, if we may.
    """
    if state.order is not None or update.kind == "ignored" or admission.is_never_put_off(update, has_bought):
        return step(state, update)
    heard = admission.heard(state, update)
    if not may_tell or state.put_off_on == today:
        return Transition(state=heard)
    return _say(heard.model_copy(update={"put_off_on": today}), "put_off", url=wording.site_url())


def resume(state: State, action: Action, result: Result) -> Transition:
    """The transition for the result of an action."""
    if isinstance(result, Refused):
        return _counted(_refused(state, action, result))
    return _counted(_RESULTS[action.kind](state, action, result))


def _counted(transition: Transition) -> Transition:
    answers = transition.state.answers + len(transition.messages)
    return transition.model_copy(update={"state": transition.state.model_copy(update={"answers": answers})})


def _outdated(state: State) -> Transition:
    """Say so once, as messages that come late come together."""
    if state.told_late:
        return Transition(state=state)
    return _say(state.model_copy(update={"told_late": True}), "late")


def _typed(state: State, update: Incoming) -> Transition:
    command = commands.read(update.text)
    if command is None:
        return _take_name(state, update.text) if state.step == "naming" else _free_text(state, update.text)
    if command.language and (state.language is None or command.name == "language"):
        state = state.model_copy(update={"language": command.language})
    return _COMMANDS[command.name](state, command)


def _free_text(state: State, typed: str) -> Transition:
    code = commands.mailed_code(typed) if state.step == "code" else None
    if code is not None:
        return Transition(state=state, action=CheckCode(code=code, language=_language(state)))
    number = commands.number(typed)
    if number is not None and state.step == "quantity":
        return _choose_quantity(state, number)
    if number is not None and state.shown:
        return _choose_row(state, number)
    purchase = commands.purchase_without_verb(typed)
    if purchase is not None and _is_code(state, purchase.code):
        return _buy(state, purchase)
    if state.step == "paying":
        return _say(state, "waiting", buttons=_payment_buttons(state))
    return Transition(state=state, action=ListEvents())


def _choose_row(state: State, number: int) -> Transition:
    """Choose a row of the last list by its number."""
    if not 1 <= number <= len(state.shown):
        return _say(state, "quantity_wrong", most=len(state.shown))
    return _chosen(state, Incoming(kind="choice", choice=state.shown[number - 1]))


def _is_code(state: State, code: str) -> bool:
    """True if a word is a tier's code: it was shown, or mixes digits and letters."""
    is_mixed = any(each.isdigit() for each in code) and any(each.isalpha() for each in code)
    return is_mixed or f"tier:{code}" in state.shown


def _chosen(state: State, update: Incoming) -> Transition:
    name, _, argument = update.choice.partition(":")
    if name == "event":
        return _with_id(state, argument, lambda event_id: ShowEvent(event_id=event_id))
    if name == "tier":
        return Transition(state=state, action=FindTier(code=argument.upper()))
    if name == consent_question.BUTTON:
        return _chosen_notices(state)
    if name in _STEP_CHOICES:
        version, _, value = argument.partition(":")
        if version != str(state.version):
            return _stale(state)
        return _STEP_CHOICES[name](state, value)
    command = commands.read(name)
    return _COMMANDS[command.name](state, command) if command else Transition(state=state, action=ListEvents())


def _chosen_notices(state: State) -> Transition:
    """Their choice has taken effect and was confirmed as it came in: nothing is left to say (consent.py)."""
    return Transition(state=state.model_copy(update={"notices_asked": True}))


def _stale(state: State) -> Transition:
    """A button of an earlier step only shows the present one."""
    if state.order is not None:
        return Transition(state=state, action=CheckOrder(order_id=state.order.id))
    return _say(state, "stale")


def _pictured(state: State, _: Incoming) -> Transition:
    """A picture proves no payment, but its sender has probably paid: the gateway is asked."""
    if state.step == "paying" and state.order:
        return Transition(state=state, action=CheckOrder(order_id=state.order.id, asks_gateway=True))
    return _say(state, "unsupported")


def _carted(state: State, update: Incoming) -> Transition:
    return _buy(state, Command("buy", code=update.choice.upper(), quantity=update.quantity))


def _unsupported(state: State, _: Incoming) -> Transition:
    return _say(state, "unsupported")


def _buy(state: State, command: Command) -> Transition:
    if command.quantity is None:
        return Transition(state=state, action=FindTier(code=command.code, gateway=command.gateway))
    wanted = Hold(
        code=command.code,
        quantity=command.quantity,
        gateway=command.gateway,
        promo=command.promo,
        profile_name=state.profile_name,
        language=_language(state),
    )
    if state.order is not None:
        return Transition(state=state.model_copy(update={"intent": wanted}), action=CheckOrder(order_id=state.order.id))
    return Transition(state=state, action=wanted)


def _pay(state: State, _: Command) -> Transition:
    if state.order is None:
        return _say(state, "no_order")
    return Transition(
        state=state.model_copy(update={"wants_payment": True}), action=CheckOrder(order_id=state.order.id)
    )


def _status(state: State, _: Command) -> Transition:
    if state.order is None:
        return Transition(state=state, action=FindTickets())
    return Transition(state=state, action=CheckOrder(order_id=state.order.id))


def _paid(state: State, _: Command) -> Transition:
    if state.order is None:
        return Transition(state=state, action=FindTickets())
    return Transition(state=state, action=CheckOrder(order_id=state.order.id, asks_gateway=True))


def _cancel(state: State, _: Command) -> Transition:
    if state.order is None:
        return _say(_idle(state), "nothing_to_cancel")
    return Transition(state=state, action=Cancel(order_id=state.order.id))


def _link(state: State, command: Command) -> Transition:
    """Have a code mailed; an order that may still be paid is finished first."""
    if state.order is not None:
        return _say(state, "link_later")
    return Transition(state=state, action=SendCode(address=command.address, language=_language(state)))


def _code_sent(state: State, action: SendCode, _: Done) -> Transition:
    terms = wording.terms(_language(state))
    return _say(_next(state, step="code"), "code_sent", address=action.address, terms=terms)


def _linked(state: State, _: CheckCode, __: Done) -> Transition:
    return _say(_next(state, step="idle"), "linked")


def _contact(state: State, update: Incoming) -> Transition:
    return _say(state, "number_kept" if update.is_own_number else "unsupported")


def _set_language(state: State, command: Command) -> Transition:
    return _say(state.model_copy(update={"language": command.language}), "language_set")


_COMMANDS: dict[str, Callable[[State, Command], Transition]] = {
    "menu": lambda state, _: Transition(state=state, action=ListEvents()),
    "start": lambda state, _: Transition(state=state, action=ListEvents()),
    "stop": lambda state, _: _chosen_notices(state),
    "notify": lambda state, _: _chosen_notices(state),
    "events": lambda state, _: Transition(state=state, action=ListEvents()),
    "buy": _buy,
    "pay": _pay,
    "status": _status,
    "paid": _paid,
    "cancel": _cancel,
    "tickets": lambda state, _: Transition(state=state, action=FindTickets()),
    "refund": lambda state, _: _say(state, "refund"),
    "help": lambda state, _: _say(state, "help"),
    "agent": lambda state, _: Transition(state=state, action=CallPerson()),
    "link": _link,
    "delete": lambda state, _: _say(state, "delete_data", url=wording.deletion_url()),
    "language": _set_language,
}


def _choose_quantity(state: State, quantity: int) -> Transition:
    if not 1 <= quantity <= state.most:
        return _say(state, "quantity_wrong", most=state.most)
    return _buy(state, Command("buy", code=state.code, quantity=quantity, gateway=state.gateway))


def _quantity_button(state: State, value: str) -> Transition:
    return _choose_quantity(state, int(value)) if value.isdecimal() else _stale(state)


def _take_name(state: State, typed: str) -> Transition:
    """Take the name for the next ticket; once all are known, pay."""
    if not _is_name(typed):
        return _say(state, "name_wrong")
    name = _name.validate_python(typed)
    if state.order is None:
        return Transition(state=_idle(state), action=ListEvents())
    named = _next(state, names=(*state.names, name))
    if len(named.names) < state.order.unnamed:
        return _ask_name(named, state.order)
    paying = named.model_copy(update={"step": "paying"})
    return Transition(state=paying, action=Pay(order_id=state.order.id, names=named.names, gateway=state.gateway))


def _use_profile_name(state: State, _: str) -> Transition:
    return _take_name(state, state.profile_name) if state.step == "naming" else _stale(state)


_STEP_CHOICES: dict[str, Callable[[State, str], Transition]] = {
    "quantity": _quantity_button,
    "me": _use_profile_name,
    "pay": lambda state, _: _pay(state, Command("pay")),
    "paid": lambda state, _: _paid(state, Command("paid")),
    "cancel": lambda state, _: _cancel(state, Command("cancel")),
}
"""The buttons that belong to one step."""

_INCOMING: dict[str, Callable[[State, Incoming], Transition]] = {
    "text": _typed,
    "choice": _chosen,
    "image": _pictured,
    "cart": _carted,
    "contact": _contact,
    "unsupported": _unsupported,
}


def _listed(state: State, _: Any, result: EventsFound) -> Transition:
    if not result.events:
        return _say(state, "no_events")
    rows = tuple(
        Option(
            id=f"event:{event.id}",
            title=event.title,
            description=wording.event_row(event.title, event.starts_at, event.timezone, _language(state)),
        )
        for event in result.events
    )
    return _list(state, wording.sentence("events", _language(state)), "choose_event", rows)


def _list(state: State, body: str, label: str, rows: tuple[Option, ...]) -> Transition:
    """Show a list, from which a number chooses from now on."""
    shown = tuple(row.id for row in rows)
    step = "idle" if state.step == "quantity" else state.step
    text = Text(body=body, rows=rows, list_label=wording.sentence(label, _language(state)))
    return Transition(state=state.model_copy(update={"step": step, "shown": shown}), messages=(text,))


def _shown(state: State, _: Any, result: TiersFound) -> Transition:
    """The tiers of an event; one with a single tier goes on with that."""
    on_sale = [tier for tier in result.tiers if tier.on_sale and tier.available > 0]
    if not on_sale:
        return _say(state, "sold_out")
    if len(on_sale) == 1:
        return _ask_quantity(state, result.title, on_sale[0], None)
    language = _language(state)
    rows = tuple(
        Option(id=f"tier:{tier.code}", title=tier.name, description=wording.tier(tier.price, tier.available, language))
        for tier in on_sale
    )
    return _list(state, wording.sentence("tiers", language, title=result.title), "choose_tier", rows)


def _code_found(state: State, action: FindTier, result: TiersFound) -> Transition:
    if not result.tiers:
        return _say(state, "unknown_code", code=action.code)
    return _ask_quantity(state, result.title, result.tiers[0], action.gateway)


def _ask_quantity(state: State, title: str, tier: TierRow, gateway: str | None) -> Transition:
    language = _language(state)
    if tier.needs_identity:
        return _on_site(state, tier.slug)
    most = min(tier.most, tier.available, MAX_TYPED_NAMES)
    if not tier.on_sale or most < 1:
        return _say(state, "sold_out")
    asked = _next(state, step="quantity", code=tier.code, most=most, gateway=gateway, shown=())
    if most == 1:
        return _choose_quantity(asked, 1)
    buttons = tuple(
        Option(id=f"quantity:{asked.version}:{number}", title=str(number)) for number in range(1, min(most, 3) + 1)
    )
    body = wording.sentence(
        "quantity", language, title=title, tier=tier.name, price=wording.amount(tier.price, language), most=most
    )
    return Transition(state=asked, messages=(Text(body=body, buttons=buttons),))


def _on_site(state: State, slug: str) -> Transition:
    language = _language(state)
    body = wording.sentence("needs_site", language)
    url = wording.event_url(slug, language)
    return Transition(state=state, messages=(Link(body=body, label=wording.sentence("open_site", language), url=url),))


def _held(state: State, action: Hold, result: OrderFound) -> Transition:
    order = result.order
    if order.status not in (*_LIVE, OrderStatus.PAID):
        return _say(_idle(state), "order_ended")
    held = _next(state, order=order, names=(), gateway=action.gateway, intent=None, code="", most=0, shown=())
    if order.status == OrderStatus.PAID:
        return Transition(state=held.model_copy(update={"step": "paying"}))
    if order.unnamed:
        return _ask_name(held.model_copy(update={"step": "naming"}), order)
    paying = held.model_copy(update={"step": "paying"})
    return Transition(state=paying, action=Pay(order_id=order.id, gateway=action.gateway))


def _ask_name(state: State, order: OrderSummary) -> Transition:
    language = _language(state)
    number = len(state.names) + 1
    asking = wording.ask_name(number, order.unnamed, language)
    body = asking if state.names else f"{wording.summary(order, language)}\n\n{asking}\n\n{wording.terms(language)}"
    buttons = [Option(id=f"cancel:{state.version}", title=wording.sentence("cancel_button", language))]
    if not state.names and _is_name(state.profile_name):
        buttons.insert(0, Option(id=f"me:{state.version}", title=state.profile_name))
    return Transition(state=state, messages=(Text(body=body, buttons=tuple(buttons)),))


def _payment_found(state: State, _: Any, result: OrderFound) -> Transition:
    order = result.order
    paying = _next(state, step="paying", order=order, names=(), wants_payment=False)
    if order.status not in (*_LIVE, OrderStatus.PAID):
        return _say(_idle(state), "order_ended")
    if order.status == OrderStatus.PAID:  # it costs nothing: what it bought is on its way
        return Transition(state=paying)
    return Transition(state=paying, messages=(_payment_message(paying, order),))


def _payment_message(state: State, order: OrderSummary) -> Outgoing:
    language = _language(state)
    if order.payment_id and order.has_qris:
        return Qris(payment_id=order.payment_id, caption=wording.qris_caption(order, language))
    body = wording.payment_link(order, language)
    return Link(
        body=body,
        label=wording.sentence("open_payment", language),
        url=order.payment_url or wording.order_url(order.id),
    )


def _order_found(state: State, action: CheckOrder, result: OrderFound) -> Transition:
    order = result.order
    if order.status in _LIVE:
        return _live_order(state, action, order)
    ended = _idle(state)
    if state.intent is not None:
        return Transition(state=ended, action=state.intent)
    if order.status == OrderStatus.PAID:
        return _say(state.model_copy(update={"order": order, "wants_payment": False}), "payment_received")
    return _say(ended, "order_ended")


def _live_order(state: State, action: CheckOrder, order: OrderSummary) -> Transition:
    """A live order is named, paid, or told of; what was to be bought beside it is not."""
    language = _language(state)
    here = state.model_copy(update={"order": order, "intent": None, "wants_payment": False})
    if order.unnamed:
        names = state.names if state.step == "naming" else ()
        return _ask_name(here.model_copy(update={"step": "naming", "names": names}), order)
    if state.wants_payment:
        return Transition(state=here, action=Pay(order_id=order.id, gateway=state.gateway))
    opening = "other_order" if state.intent else "not_paid" if action.asks_gateway else "order_waits"
    body = f"{wording.sentence(opening, language)}\n\n{wording.summary(order, language)}"
    return Transition(state=here, messages=(Text(body=body, buttons=_payment_buttons(here)),))


def _payment_buttons(state: State) -> tuple[Option, ...]:
    language = _language(state)
    return (
        Option(id=f"pay:{state.version}", title=wording.sentence("pay_button", language)),
        Option(id=f"paid:{state.version}", title=wording.sentence("paid_button", language)),
        Option(id=f"cancel:{state.version}", title=wording.sentence("cancel_button", language)),
    )


def _cancelled(state: State, _: Any, result: OrderFound) -> Transition:
    if result.order.status == OrderStatus.PAID:
        return _say(state, "payment_received")
    return _say(_idle(state), "cancelled" if result.order.status == OrderStatus.CANCELLED else "order_ended")


def _tickets_found(state: State, _: Any, result: OrderFound | Done) -> Transition:
    if isinstance(result, Done):
        return _say(state, "no_tickets")
    return Transition(state=state, messages=_delivery(state, result.order))


def _person_called(state: State, _: Any, result: Done) -> Transition:
    if not result.lacks_number:
        return _say(state, "person_called")
    body = wording.sentence("person_called_number", _language(state))
    return Transition(state=state, messages=(NumberRequest(body=body),))


def _issued(state: State, _: Any, result: OrderFound) -> Transition:
    """Hand over what was bought; ask whether they want notices, once, where the sale has taken few messages."""
    messages = _delivery(state, result.order)
    may_ask = not state.notices_asked and not result.is_over_budget
    asks = bool(messages) and may_ask and state.answers + len(messages) < MAX_ANSWERS_A_SALE
    if asks:
        messages = (*messages, consent_question.question(_language(state)))
    counted_anew = {"notices_asked": state.notices_asked or asks, "answers": -len(messages)}
    return Transition(
        state=_without_order(state, result.order.id).model_copy(update=counted_anew),
        messages=messages,
    )


def _order_changed(state: State, update: OrderChanged) -> Transition:
    """A paid order is delivered, also when it was revived; the end of the present one is told."""
    if update.kind == "delivery":
        return Transition(state=state, action=contents.Deliver(order_id=update.order_id))
    ended = _without_order(state, update.order_id)
    return Transition(state=state) if ended is state else _say(ended, "order_ended")


def _without_order(state: State, order_id: UUID) -> State:
    """The conversation without this order; the same where it is about another, or none."""
    return _idle(state) if state.order is not None and state.order.id == order_id else state


def _delivery(state: State, order: OrderSummary) -> tuple[Outgoing, ...]:
    language = _language(state)
    shown = order.ticket_ids[:MAX_TICKET_FILES]
    captions = [wording.ticket_caption(order, number, language) for number in range(1, len(shown) + 1)]
    files: list[Outgoing] = [
        TicketFile(ticket_id=ticket_id, caption=caption) for ticket_id, caption in zip(shown, captions, strict=True)
    ]
    count = max(order.digital_units, 1 if order.has_products else 0)
    files += [Goods(order_id=order.id, first=first, language=language) for first in range(0, count, UNITS_A_MESSAGE)]
    return tuple(files)


_RESULTS: dict[str, Callable[[State, Any, Any], Transition]] = {
    "list_events": _listed,
    "show_event": _shown,
    "find_tier": _code_found,
    "hold": _held,
    "pay": _payment_found,
    "look": _order_found,
    "cancel": _cancelled,
    "find_tickets": _tickets_found,
    "call_person": _person_called,
    "deliver": _issued,
    "send_code": _code_sent,
    "check_code": _linked,
}


def _refused(state: State, action: Action, refused: Refused) -> Transition:
    """Tell why something is not possible, and what is. An order that is over is forgotten."""
    if refused.order is not None and refused.order.status in _LIVE and isinstance(action, Hold):
        return _order_found(
            _next(state, step="paying", order=refused.order, intent=action),
            CheckOrder(order_id=refused.order.id),
            OrderFound(order=refused.order),
        )
    if refused.slug == "needs-site" and isinstance(action, Hold):
        return _say(_idle(state), "too_many_names", most=MAX_TYPED_NAMES)
    if refused.slug == "sold-out" and refused.available:
        return _say(_without_intent(state), "fewer_left", available=refused.available)
    ended = isinstance(action, Hold) or refused.slug in _ENDS_ORDER
    told = wording.refusal(refused.slug)
    return _say(_idle(state) if ended else _without_intent(state), told, url=wording.site_url())


_ENDS_ORDER = frozenset({"reservation-expired", "not-found"})


def _without_intent(state: State) -> State:
    return state.model_copy(update={"intent": None, "wants_payment": False})


def _say(state: State, key: str, *, buttons: tuple[Option, ...] = (), **values: Any) -> Transition:
    text = Text(body=wording.sentence(key, _language(state), **values), buttons=buttons)
    return Transition(state=state, messages=(text,))


def _with_id(state: State, written: str, action: Callable[[UUID], Action]) -> Transition:
    try:
        return Transition(state=state, action=action(UUID(written)))
    except ValueError:
        return Transition(state=state, action=ListEvents())


def _next(state: State, **changes: Any) -> State:
    return state.model_copy(update={"version": state.version + 1, **changes})


def _idle(state: State) -> State:
    """The conversation without an order; its sender stays known."""
    kept = state.model_dump(include=KEPT)
    return State(version=state.version + 1, **kept)


def _is_name(words: str) -> bool:
    """True for what may stand on a ticket; a number alone answers another question."""
    try:
        return any(each.isalpha() for each in _name.validate_python(words))
    except ValidationError:
        return False


def _language(state: State) -> Literal["id", "en"]:
    return state.language or "id"
