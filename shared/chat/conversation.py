"""The conversation as a state machine: a state and an input give the next state, messages and at most one action.

    idle ──beli──► (hold) ──► naming ──names──► (pay) ──► paying ──issued──► idle
      └──code without a quantity──► quantity ──┘      goods need no names

It is pure: it reads no clock and no database, so the same updates and results give the same conversation again. An
action is carried out elsewhere (actions.py), and its result comes in like everything else.
"""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from shared.chat import admission, checkout, commands, consent_question, delivery, selection, wording
from shared.chat.commands import Command
from shared.chat.contents import (
    Action,
    CallPerson,
    CheckCode,
    Done,
    FindTickets,
    FindTier,
    Incoming,
    ListEvents,
    NumberRequest,
    OrderChanged,
    Refused,
    Result,
    SendCode,
    ShowEvent,
)
from shared.chat.state import State
from shared.chat.transitions import Transition, advance, language_of, say, show_present_step


def step(state: State, update: Incoming | OrderChanged) -> Transition:
    """The transition for a message, or for a change of the sender's order."""
    return _counted(_step(state, update))


def _step(state: State, update: Incoming | OrderChanged) -> Transition:
    if isinstance(update, OrderChanged):
        return delivery.order_changed(state, update)
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
    return say(heard.model_copy(update={"put_off_on": today}), "put_off", url=wording.site_url())


def resume(state: State, action: Action, result: Result) -> Transition:
    """The transition for the result of an action."""
    if isinstance(result, Refused):
        return _counted(checkout.action_refused(state, action, result))
    return _counted(_RESULTS[action.kind](state, action, result))


def _counted(transition: Transition) -> Transition:
    answers = transition.state.answers + len(transition.messages)
    return transition.model_copy(update={"state": transition.state.model_copy(update={"answers": answers})})


def _outdated(state: State) -> Transition:
    """Say so once, as late messages come together."""
    if state.told_late:
        return Transition(state=state)
    return say(state.model_copy(update={"told_late": True}), "late")


def _typed(state: State, update: Incoming) -> Transition:
    command = commands.read(update.text)
    if command is None:
        return checkout.take_name(state, update.text) if state.step == "naming" else _free_text(state, update.text)
    if command.language and (state.language is None or command.name == "language"):
        state = state.model_copy(update={"language": command.language})
    return _COMMANDS[command.name](state, command)


def _free_text(state: State, typed: str) -> Transition:
    code = commands.mailed_code(typed) if state.step == "code" else None
    if code is not None:
        return Transition(state=state, action=CheckCode(code=code, language=language_of(state)))
    number = commands.number(typed)
    if number is not None and state.step == "quantity":
        return selection.choose_quantity(state, number)
    if number is not None and state.shown:
        return _choose_row(state, number)
    purchase = commands.purchase_without_verb(typed)
    if purchase is not None and _is_code(state, purchase.code):
        return selection.buy(state, purchase)
    if state.step == "paying":
        return say(state, "waiting", buttons=checkout.payment_buttons(state))
    return Transition(state=state, action=ListEvents())


def _choose_row(state: State, number: int) -> Transition:
    """Choose a row of the last list by its number."""
    if not 1 <= number <= len(state.shown):
        return say(state, "quantity_wrong", most=len(state.shown))
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
            return show_present_step(state)
        return _STEP_CHOICES[name](state, value)
    command = commands.read(name)
    return _COMMANDS[command.name](state, command) if command else Transition(state=state, action=ListEvents())


def _chosen_notices(state: State) -> Transition:
    """Say nothing: the choice took effect, and was confirmed, as it came in (consent.py)."""
    return Transition(state=state.model_copy(update={"notices_asked": True}))


def _unsupported(state: State, _: Incoming) -> Transition:
    return say(state, "unsupported")


def _link(state: State, command: Command) -> Transition:
    """Have a code mailed; an order that may still be paid is finished first."""
    if state.order is not None:
        return say(state, "link_later")
    return Transition(state=state, action=SendCode(address=command.address, language=language_of(state)))


def _code_sent(state: State, action: SendCode, _: Done) -> Transition:
    terms = wording.terms(language_of(state))
    return say(advance(state, step="code"), "code_sent", address=action.address, terms=terms)


def _linked(state: State, _: CheckCode, __: Done) -> Transition:
    return say(advance(state, step="idle"), "linked")


def _contact(state: State, update: Incoming) -> Transition:
    return say(state, "number_kept" if update.is_own_number else "unsupported")


def _set_language(state: State, command: Command) -> Transition:
    return say(state.model_copy(update={"language": command.language}), "language_set")


_COMMANDS: dict[str, Callable[[State, Command], Transition]] = {
    "menu": lambda state, _: Transition(state=state, action=ListEvents()),
    "start": lambda state, _: Transition(state=state, action=ListEvents()),
    "stop": lambda state, _: _chosen_notices(state),
    "notify": lambda state, _: _chosen_notices(state),
    "events": lambda state, _: Transition(state=state, action=ListEvents()),
    "buy": selection.buy,
    "pay": checkout.pay,
    "status": checkout.show_status,
    "paid": checkout.check_payment,
    "cancel": checkout.cancel,
    "tickets": lambda state, _: Transition(state=state, action=FindTickets()),
    "refund": lambda state, _: say(state, "refund"),
    "help": lambda state, _: say(state, "help"),
    "agent": lambda state, _: Transition(state=state, action=CallPerson()),
    "link": _link,
    "delete": lambda state, _: say(state, "delete_data", url=wording.deletion_url()),
    "language": _set_language,
}

_STEP_CHOICES: dict[str, Callable[[State, str], Transition]] = {
    "quantity": selection.quantity_pressed,
    "me": checkout.use_profile_name,
    "pay": lambda state, _: checkout.pay(state, Command("pay")),
    "paid": lambda state, _: checkout.check_payment(state, Command("paid")),
    "cancel": lambda state, _: checkout.cancel(state, Command("cancel")),
}
"""The buttons that belong to one step."""

_INCOMING: dict[str, Callable[[State, Incoming], Transition]] = {
    "text": _typed,
    "choice": _chosen,
    "image": checkout.picture_received,
    "cart": selection.cart_received,
    "contact": _contact,
    "unsupported": _unsupported,
}


def _person_called(state: State, _: Any, result: Done) -> Transition:
    if not result.lacks_number:
        return say(state, "person_called")
    body = wording.sentence("person_called_number", language_of(state))
    return Transition(state=state, messages=(NumberRequest(body=body),))


_RESULTS: dict[str, Callable[[State, Any, Any], Transition]] = {
    "list_events": selection.events_found,
    "show_event": selection.tiers_found,
    "find_tier": selection.code_found,
    "hold": checkout.order_held,
    "pay": checkout.payment_found,
    "look": checkout.order_found,
    "cancel": checkout.order_cancelled,
    "find_tickets": delivery.tickets_found,
    "call_person": _person_called,
    "deliver": delivery.order_issued,
    "send_code": _code_sent,
    "check_code": _linked,
}


def _with_id(state: State, written: str, action: Callable[[UUID], Action]) -> Transition:
    try:
        return Transition(state=state, action=action(UUID(written)))
    except ValueError:
        return Transition(state=state, action=ListEvents())
