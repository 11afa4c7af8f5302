"""Work on one conversation: its updates, its action and its messages, one after the other.

One delivery at a time holds a conversation, by a lease that ends with it or a minute after its death. Each step is one
transaction: an update is taken in together with its answers and the action it asks for; an action is carried out
between two of them and its result is taken in by the second. So a crash anywhere leaves a step to be done again, and
never half of one (docs/decisions/0036).
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import text

from shared.chat import actions, budget, conversation, outgoing, receiving, senders, sending, undelivered
from shared.chat.actions import Actor
from shared.chat.budget import Level
from shared.chat.contents import Action, Incoming, NoticeMessage, OrderChanged, Outgoing, Refused, Update
from shared.chat.outgoing import Obsolete, QueuedMessage, Undelivered
from shared.chat.senders import ClaimLost, Sender
from shared.chat.transitions import Transition
from shared.cloud.database import Transaction, transaction
from shared.gateways.errors import GatewayMisconfigured, GatewayRefused, GatewayUnavailable, PayloadUnreadable
from shared.gateways.whatsapp import errors
from shared.gateways.whatsapp.errors import RecipientRateLimited, Verdict
from shared.gateways.whatsapp.messages import Recipient
from shared.problems import TryAgain
from shared.states import ChatMessageStatus, ChatNotices

MAX_ATTEMPTS = 10
"""After so many deliveries an action is given up, and its sender told."""
MAX_UPDATES_A_MINUTE = 20
"""The most messages of a sender that are answered; more are not."""
MAX_ANSWERS_A_DAY = 30
"""Without a purchase, and without an order that waits, nobody is answered more often."""
MAX_MESSAGES_A_DAY = 200
"""After so many, files of tickets among them, nobody is answered; what an order has bought comes all the same."""

LATE_SECONDS = 600
"""A message that is older when its turn comes does not hold, pay or cancel anything: its writer may have moved on."""

_ABANDONED_AFTER_SECONDS = 30
_SWEPT_AT_ONCE = 200

log = logging.getLogger(__name__)

_update: TypeAdapter[Update] = TypeAdapter(Update)
_action: TypeAdapter[Action] = TypeAdapter(Action)
_NEXT = text("""
    SELECT id, content, created_at, LEAST(sent_at, created_at) AS sent_at,
        sent_at < now() - make_interval(secs => :late_seconds) AS is_late
    FROM chat_updates  -- Uses index: chat_updates_waiting
    WHERE sender_id = :sender_id AND processed_at IS NULL ORDER BY id LIMIT 1
""")
_PROCESSED = text("UPDATE chat_updates SET processed_at = now() WHERE id = :id")
_IS_TOO_MUCH = text("""
    SELECT (SELECT count(*) FROM chat_updates  -- Uses index: chat_updates_sender
            WHERE sender_id = :sender_id AND id <= :id AND created_at > :minute_before) > :updates
        OR (SELECT count(*) FROM chat_messages  -- Uses index: chat_messages_sender
            WHERE sender_id = :sender_id AND created_at > :day_before
                AND number > COALESCE((SELECT max(number) FROM chat_messages WHERE sender_id = :sender_id
                    AND created_at > :day_before AND content ->> 'kind' IN ('ticket', 'goods')), 0)) >= :answers
        OR (SELECT count(*) FROM chat_messages  -- Uses index: chat_messages_sender
            WHERE sender_id = :sender_id AND created_at > :day_before) >= :messages
""")


@dataclass(frozen=True)
class _Pending:
    """An action that was decided on; `key` names it, `number` how many came before it in this step."""

    action: Action
    key: str
    number: int


def work(sender_id: UUID, attempt: int) -> None:
    """Work on a conversation until nothing of it waits. `attempt` is the number of this delivery of its message.

    Raises TryAgain where a delivery that died may hold it still, and what an outage raises: then it is delivered again.
    """
    with transaction() as tx:
        claim = senders.claim(tx, sender_id)
    if claim is None:
        if attempt > 1:
            raise TryAgain("Another delivery works on this conversation.", retry_after_seconds=senders.LEASE_SECONDS)
        return
    conversation_work = _Work(sender_id, claim, attempt)
    try:
        while conversation_work.do_next():
            pass
    except ClaimLost:
        log.warning("chat.claim_lost", extra={"sender_id": str(sender_id)})
    except Exception:  # whatever it was, it is raised again: only the claim must not outlive it
        with transaction() as tx:
            senders.release(tx, sender_id, conversation_work.claim)
        raise


def sweep() -> int:
    """Have conversations worked on that a crash or an outage left in the middle; return how many."""
    with transaction() as tx:
        left = senders.sweep_unfinished(tx, older_than_seconds=_ABANDONED_AFTER_SECONDS, most=_SWEPT_AT_ONCE)
        outgoing.request_sending(tx, left)
    if left:
        log.warning("chat.swept", extra={"count": len(left)})
    return len(left)


def hand_over(tx: Transaction, order_id: UUID) -> None:
    """Have what an order has bought handed over in its conversation, if it has one."""
    _tell(tx, OrderChanged(kind="delivery", order_id=order_id))


def notify_expiry(tx: Transaction, order_id: UUID) -> None:
    """Have it told in the conversation of an order, if it has one, that its time is over."""
    _tell(tx, OrderChanged(kind="end", order_id=order_id))


def _tell(tx: Transaction, change: OrderChanged) -> None:
    sender_id = senders.find_by_order(tx, change.order_id)
    if sender_id is not None:
        key = f"{change.kind}:{change.order_id}"
        receiving.record_internal(tx, sender_id, key, change.model_dump(mode="json"))


class _Work:
    """One delivery's work on a conversation that it has claimed."""

    def __init__(self, sender_id: UUID, claim: datetime, attempt: int) -> None:
        self._sender_id = sender_id
        self.claim = claim
        self._attempt = attempt

    def do_next(self) -> bool:
        """Do the next step; False where nothing waits, and the claim has ended."""
        with transaction() as tx:
            sender = senders.lock(tx, self._sender_id, self.claim)
            todo = _pending(sender) or _take_in_next(tx, sender) or _next_message(tx, sender)
            if todo is None:
                senders.release(tx, sender.id, sender.claim)
        self.claim = sender.claim  # only now: a roll-back leaves the one before
        if todo is None:
            return False
        if isinstance(todo, _Pending):
            self._act(sender, todo)
        elif isinstance(todo, QueuedMessage):
            self._send(sender, todo)
        return True

    def _act(self, sender: Sender, pending: _Pending) -> None:
        """Carry out an action and take in its result. What keeps failing is given up, so that the sender can go on."""
        try:
            result = actions.carry_out(pending.action, Actor(sender, pending.key))
        except Exception as error:
            if self._attempt < MAX_ATTEMPTS:
                raise
            log.error("chat.action_failed", extra={"action": pending.action.kind}, exc_info=error)
            actions.give_up(pending.action, Actor(sender, pending.key))
            result = Refused(slug="internal-error")
        with transaction() as tx:
            now = senders.lock(tx, self._sender_id, self.claim)
            transition = conversation.resume(now.state, pending.action, result)
            _save(tx, now, transition, pending.key, pending.number + 1)
        self.claim = now.claim

    def _send(self, sender: Sender, queued: QueuedMessage) -> None:
        try:
            message_id: str | None = sending.send(sender, queued)
        except PayloadUnreadable:  # accepted, only without its id: a status will name it
            message_id = None
        except Obsolete as reason:
            _drop(queued, str(reason))
            return
        except GatewayRefused as refusal:
            _end_refused(sender, queued, refusal)
            return
        except Exception as error:
            if queued.attempts >= outgoing.MAX_ATTEMPTS:
                _end(sender, queued, ChatMessageStatus.FAILED, type(error).__name__)
                return
            self._pause_after(queued, error)
            raise
        with transaction() as tx:
            outgoing.mark_sent(tx, queued.id, message_id)
        log.info("chat.sent", extra={"chat_message_id": str(queued.id), "kind": queued.content.kind})

    def _pause_after(self, queued: QueuedMessage, error: Exception) -> None:
        """Send nothing for a while: they had too much, statuses may tell that the message arrived, or WhatsApp is away.

        Each pause is twice the last, so that an outage of an hour does not use up a message's tries.
        """
        if not isinstance(error, GatewayUnavailable | GatewayMisconfigured):
            return
        code = errors.PAIR_RATE if isinstance(error, RecipientRateLimited) else 0
        with transaction() as tx:
            senders.pause(tx, self._sender_id, outgoing.pause_seconds(code, queued.attempts))


def _pending(sender: Sender) -> _Pending | None:
    stored = sender.pending_action
    if stored is None:
        return None
    return _Pending(_action.validate_python(stored["action"]), stored["key"], stored["number"])


def _take_in_next(tx: Transaction, sender: Sender) -> bool | None:
    """Take in the next update; None where none waits."""
    row = tx.execute(_NEXT, {"sender_id": sender.id, "late_seconds": LATE_SECONDS}).first()
    if row is None:
        return None
    update = _update.validate_python(row.content)
    if isinstance(update, Incoming):
        update = update.model_copy(update={"sent_at": row.sent_at, "is_late": row.is_late})
    if not (isinstance(update, Incoming) and _is_too_much(tx, sender, row)):
        _save(tx, sender, _decide(tx, sender, update), f"chat:{row.id}", 0)
    tx.execute(_PROCESSED, {"id": row.id})
    return True


def _decide(tx: Transaction, sender: Sender, update: Update) -> Transition:
    """The transition for an update, within the day's budget; changes of orders are told whatever they cost."""
    if isinstance(update, OrderChanged):
        return conversation.step(sender.state, update)
    level, today = budget.level(tx)
    if level is Level.LEFT:
        return conversation.step(sender.state, update)
    log.warning("chat.over_budget", extra={"level": level})
    return conversation.step_over_budget(
        sender.state,
        update,
        today=today,
        may_tell=level is Level.USED_UP,
        has_bought=sender.user_id is not None,
    )


def _is_too_much(tx: Transaction, sender: Sender, row: Any) -> bool:
    """True if the sender writes more than we answer. Buyers with an order that waits are answered more."""
    values = {
        "sender_id": sender.id,
        "id": row.id,
        "minute_before": row.created_at - timedelta(minutes=1),
        "day_before": row.created_at - timedelta(days=1),
        "updates": MAX_UPDATES_A_MINUTE,
        "answers": MAX_ANSWERS_A_DAY * (2 if sender.state.order else 1),
        "messages": MAX_MESSAGES_A_DAY,
    }
    found: bool = tx.execute(_IS_TOO_MUCH, values).scalar_one()
    if found:
        log.warning("chat.silent", extra={"sender_id": str(sender.id)})
    return found


def _next_message(tx: Transaction, sender: Sender) -> QueuedMessage | bool | None:
    """The next message to send; True where one was dropped, as its reader may not be written to any more."""
    if sender.is_paused:
        return None
    queued = outgoing.begin_next(tx, sender.id)
    reason = _reason_to_drop(tx, sender, queued.content) if queued else None
    if queued is None or reason is None:
        return queued
    outgoing.mark_ended(tx, queued.id, ChatMessageStatus.DROPPED, reason)
    log.warning("chat.not_sent", extra={"chat_message_id": str(queued.id), "reason": reason})
    undelivered.follow_up(tx, Undelivered(queued.id, sender.id, queued.content, reason))
    return True


def _reason_to_drop(tx: Transaction, sender: Sender, content: Outgoing) -> str | None:
    """The reason that keeps a message from leaving: its reader has stopped us since, or wrote too long ago."""
    if isinstance(content, NoticeMessage) and sender.notices == ChatNotices.STOPPED:
        return outgoing.UNWANTED
    is_allowed = sender.is_answerable or _may_be_template(tx, sender, content)
    return None if is_allowed else outgoing.WINDOW_CLOSED


def _may_be_template(tx: Transaction, sender: Sender, content: Outgoing) -> bool:
    """True if this may leave although its reader wrote too long ago."""
    is_known = sender.recipient != Recipient(None, None)
    return is_known and isinstance(content, NoticeMessage) and undelivered.may_use_template(tx, sender.notices, content)


def _save(tx: Transaction, sender: Sender, transition: Transition, key: str, number: int) -> None:
    """Save the new state, its answers and its action, all or none."""
    outgoing.enqueue(tx, sender.id, transition.messages, dedupe_key=f"{key}:{number}")
    pending: Mapping[str, Any] | None = None
    if transition.action is not None:
        pending = {"action": transition.action.model_dump(mode="json"), "key": key, "number": number}
    senders.save(tx, sender.id, transition.state, pending)


def _end_refused(sender: Sender, queued: QueuedMessage, refusal: GatewayRefused) -> None:
    code = int(refusal.code) if refusal.code.isdecimal() else 0
    outside = errors.verdict(code) is Verdict.OUTSIDE_WINDOW
    _end(sender, queued, ChatMessageStatus.DROPPED if outside else ChatMessageStatus.FAILED, refusal.code)


def _drop(queued: QueuedMessage, reason: str) -> None:
    """Drop a message that says what is no longer so."""
    with transaction() as tx:
        outgoing.mark_ended(tx, queued.id, ChatMessageStatus.DROPPED, reason)
    log.info("chat.obsolete", extra={"chat_message_id": str(queued.id), "code": reason})


def _end(sender: Sender, queued: QueuedMessage, status: ChatMessageStatus, reason: str) -> None:
    """Give a message up that its reader should have got."""
    with transaction() as tx:
        if outgoing.mark_ended(tx, queued.id, status, reason):
            undelivered.follow_up(tx, Undelivered(queued.id, sender.id, queued.content, reason))
    log.warning("chat.undelivered", extra={"chat_message_id": str(queued.id), "outcome": status, "code": reason})
