"""Admission of messages: late ones must not act, and a used up budget admits only some (0039)."""

from shared.chat import commands, consent_question
from shared.chat.contents import Incoming
from shared.chat.state import State

_ACTING = frozenset({"buy", "pay", "cancel", "link"})
"""Commands that change something: one that comes late may undo what its writer has done since."""
_ABOUT_PURCHASES = frozenset({"status", "paid", "tickets", "delete"})
_FREE = frozenset({"agent", "stop", "notify"})
"""Commands that are carried out whatever the budget."""


def heard(state: State, update: Incoming) -> State:
    """The state with what a message tells of its sender, whatever it says."""
    moments = [at for at in (state.written_at, update.sent_at) if at]
    return state.model_copy(
        update={
            "profile_name": update.profile_name or state.profile_name,
            "written_at": max(moments, default=None),
            "told_late": False,
        }
    )


def comes_too_late(state: State, update: Incoming) -> bool:
    """True for a message that would change something, and comes long after it was written, or after a newer one."""
    return _is_outdated(state, update) and _acts(state, update)


def is_never_put_off(update: Incoming, has_bought: bool) -> bool:
    """True for a message that is answered whatever the budget: about a purchase, or to staff."""
    if _answers_question(update):
        return True
    command = commands.read(update.text) if update.kind == "text" else None
    return command is not None and (command.name in _FREE or (has_bought and command.name in _ABOUT_PURCHASES))


def _is_outdated(state: State, update: Incoming) -> bool:
    """True for a message that comes long after it was written, or after one that was written later."""
    is_overtaken = update.sent_at and state.written_at and update.sent_at < state.written_at
    return update.is_late or bool(is_overtaken)


def _acts(state: State, update: Incoming) -> bool:
    """True if a message would change an order, or the answers given for one."""
    if update.kind != "text":
        return update.kind in ("choice", "cart") and not _answers_question(update)
    command = commands.read(update.text)
    if command is not None:
        return command.name in _ACTING
    is_answer = state.step in ("naming", "quantity") or commands.number(update.text) is not None
    return is_answer or commands.purchase_without_verb(update.text) is not None


def _answers_question(update: Incoming) -> bool:
    """True for a button of the question about notices, which took effect as it came in."""
    return update.kind == "choice" and update.choice.startswith(f"{consent_question.BUTTON}:")
