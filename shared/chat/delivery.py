"""Steps of a conversation that deliver what an order has bought, or tell of its end."""

from typing import Any
from uuid import UUID

from shared.chat import consent_question, contents, wording
from shared.chat.contents import (
    Done,
    Goods,
    OrderChanged,
    OrderFound,
    OrderSummary,
    Outgoing,
    PurchasesFound,
    TicketFile,
)
from shared.chat.state import State
from shared.chat.transitions import Transition, language_of, reset, say

MAX_TICKET_FILES = 10
"""The most PDFs in the chat; the page of the order has them all."""
MAX_ANSWERS_A_SALE = 6
"""Messages of ours in the sale of one ticket: each one costs."""
UNITS_A_MESSAGE = 5
"""The most digital units in one message: the longest that there are fit."""


def tickets_found(state: State, _: Any, result: PurchasesFound | Done) -> Transition:
    """Deliver purchases once more, as many as are few enough messages, and the first of them whole."""
    if isinstance(result, Done):
        return say(state, "no_tickets")
    messages: tuple[Outgoing, ...] = ()
    for order in result.orders:
        more = _delivery(state, order)
        if not messages or len(messages) + len(more) <= MAX_TICKET_FILES:
            messages += more
    return Transition(state=state, messages=messages)


def order_issued(state: State, _: Any, result: OrderFound) -> Transition:
    """Hand over what was bought; ask whether they want notices, once, where the sale has taken few messages."""
    messages = _delivery(state, result.order)
    may_ask = not state.notices_asked and not result.is_over_budget
    asks = bool(messages) and may_ask and state.answers + len(messages) < MAX_ANSWERS_A_SALE
    if asks:
        messages = (*messages, consent_question.question(language_of(state)))
    counted_anew = {"notices_asked": state.notices_asked or asks, "answers": -len(messages)}
    return Transition(
        state=_without_order(state, result.order.id).model_copy(update=counted_anew),
        messages=messages,
    )


def order_changed(state: State, update: OrderChanged) -> Transition:
    """A paid order is delivered, also when it was revived; the end of the present one is told."""
    if update.kind == "delivery":
        return Transition(state=state, action=contents.Deliver(order_id=update.order_id))
    ended = _without_order(state, update.order_id)
    return Transition(state=state) if ended is state else say(ended, "order_ended")


def _without_order(state: State, order_id: UUID) -> State:
    """The conversation without this order; the same where it is about another, or none."""
    return reset(state) if state.order is not None and state.order.id == order_id else state


def _delivery(state: State, order: OrderSummary) -> tuple[Outgoing, ...]:
    language = language_of(state)
    shown = order.ticket_ids[:MAX_TICKET_FILES]
    captions = [wording.ticket_caption(order, number, language) for number in range(1, len(shown) + 1)]
    files: list[Outgoing] = [
        TicketFile(ticket_id=ticket_id, caption=caption) for ticket_id, caption in zip(shown, captions, strict=True)
    ]
    count = max(order.digital_units, 1 if order.has_products else 0)
    files += [Goods(order_id=order.id, first=first, language=language) for first in range(0, count, UNITS_A_MESSAGE)]
    return tuple(files)
