"""Transitions of a conversation, and the functions that all its steps share."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from shared.chat import wording
from shared.chat.contents import (
    Action,
    CheckOrder,
    Option,
    Outgoing,
    Text,
)
from shared.chat.state import KEPT, State
from shared.states import OrderStatus

LIVE = (OrderStatus.RESERVED, OrderStatus.PENDING_PAYMENT)
"""The statuses of an order that may still be paid."""


class Transition(BaseModel):
    """The next state, the messages to send and the action to carry out, after one update or result."""

    model_config = ConfigDict(frozen=True)

    state: State
    messages: tuple[Outgoing, ...] = ()
    action: Action | None = None


def show_present_step(state: State) -> Transition:
    """Show the present step to somebody who pressed a button of an earlier one."""
    if state.order is not None:
        return Transition(state=state, action=CheckOrder(order_id=state.order.id))
    return say(state, "stale")


def say(state: State, key: str, *, buttons: tuple[Option, ...] = (), **values: Any) -> Transition:
    """Say one sentence, with its buttons."""
    text = Text(body=wording.sentence(key, language_of(state), **values), buttons=buttons)
    return Transition(state=state, messages=(text,))


def advance(state: State, **changes: Any) -> State:
    """The state of the next step: buttons of this one become stale."""
    return state.model_copy(update={"version": state.version + 1, **changes})


def reset(state: State) -> State:
    """The conversation without an order; its sender stays known."""
    kept = state.model_dump(include=KEPT)
    return State(version=state.version + 1, **kept)


def language_of(state: State) -> Literal["id", "en"]:
    """The language of a conversation; Indonesian until one is chosen."""
    return state.language or "id"
