"""Outgoing messages: a queue for each sender, and the delivery status of each message (CHAT-5).

    queued ─► sent ─► delivered ─► read        failed, dropped: it never arrives
       ▲───────┘ too many at once, or WhatsApp was away

WhatsApp has no idempotency key. Each message carries its row's id, which comes back with its statuses: one that was
sent, though we did not hear so, is known as sent before it is tried again.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Row, text

from shared.chat import budget, senders
from shared.chat.contents import Outgoing
from shared.cloud import outbox
from shared.cloud.database import Transaction
from shared.field_types import as_uuid
from shared.gateways.whatsapp import errors
from shared.gateways.whatsapp.errors import Verdict
from shared.gateways.whatsapp.webhooks import DeliveryStatus
from shared.states import ChatMessageStatus

TOPIC = "chat.waiting"
"""The topic of conversations that wait for work."""
MAX_ATTEMPTS = 10
"""After so many tries a message is given up."""
STATUS_SECONDS = 10.0
"""The wait for statuses of a message that WhatsApp may have accepted."""
LONGEST_PAUSE_SECONDS = 3600.0
WINDOW_CLOSED = "outside of the 24 hours"
"""Why a message was dropped whose reader wrote too long ago."""
UNWANTED = "unwanted"
"""Why a notice was dropped whose reader has stopped us while it waited."""
RANKS = {
    ChatMessageStatus.QUEUED: 0,
    ChatMessageStatus.FAILED: 0,
    ChatMessageStatus.DROPPED: 0,
    ChatMessageStatus.SENT: 1,
    ChatMessageStatus.DELIVERED: 2,
    ChatMessageStatus.READ: 3,
}

log = logging.getLogger(__name__)

_content: TypeAdapter[Outgoing] = TypeAdapter(Outgoing)
_ADD = text("""
    INSERT INTO chat_messages (dedupe_key, sender_id, content)
    SELECT m.dedupe_key, :sender_id, m.content
    FROM jsonb_to_recordset(CAST(:messages AS jsonb)) AS m(position int, dedupe_key text, content jsonb)
    ORDER BY m.position
    ON CONFLICT (dedupe_key) DO NOTHING
""")
_NEXT = text("""
    UPDATE chat_messages SET attempts = attempts + 1, provider_message_id = NULL WHERE id = (
        SELECT id FROM chat_messages  -- Uses index: chat_messages_queued
        WHERE sender_id = :sender_id AND status = 'queued' ORDER BY number LIMIT 1)
    RETURNING id, content, attempts
""")
_SENT = text("""
    UPDATE chat_messages SET provider_message_id = :message_id, sent_at = COALESCE(sent_at, now()),
        status = CASE WHEN status = 'queued' AND (provider_message_id = :message_id) IS NOT TRUE THEN 'sent'
            ELSE status END  -- a status may have told before that this try has failed
    WHERE id = :id
""")
_ENDED = text("""
    UPDATE chat_messages SET status = :status, status_at = now(), error_code = :error
    WHERE id = :id AND status = 'queued'
""")
_REQUEUE = text("""
    UPDATE chat_messages SET status = 'queued', status_at = now(), error_code = :error,
        provider_message_id = :message_id
    WHERE id = :id
""")
_LOCK = text("""
    SELECT id, sender_id, content, status, attempts, provider_message_id FROM chat_messages
    WHERE id = CAST(:id AS uuid) OR provider_message_id = :message_id
    ORDER BY id = CAST(:id AS uuid) DESC NULLS LAST LIMIT 1 FOR NO KEY UPDATE
""")
_MOVE = text("""
    UPDATE chat_messages SET status = :status, status_at = :at, sent_at = COALESCE(sent_at, :at),
        provider_message_id = COALESCE(provider_message_id, :message_id), error_code = :error
    WHERE id = :id
""")


class Obsolete(Exception):
    """The message is out of date: its payment has ended, or its ticket is void."""


@dataclass(frozen=True)
class Undelivered:
    """A message that will not be delivered, and why: WhatsApp's code, or words of ours."""

    id: UUID
    sender_id: UUID
    content: Outgoing
    code: str


@dataclass(frozen=True)
class QueuedMessage:
    """A message on its way; `attempts` counts this try."""

    id: UUID
    content: Outgoing
    attempts: int


def enqueue(tx: Transaction, sender_id: UUID, messages: Sequence[Outgoing], *, dedupe_key: str) -> None:
    """Enqueue answers, in this order. Those of one `dedupe_key` are enqueued once, ever."""
    rows = [
        {"position": number, "dedupe_key": f"{dedupe_key}:{number}", "content": message.model_dump(mode="json")}
        for number, message in enumerate(messages)
    ]
    if rows:
        added = tx.execute(_ADD, {"sender_id": sender_id, "messages": json.dumps(rows)})
        budget.count(tx, sender_id, added.rowcount)


def request_sending(tx: Transaction, sender_ids: Iterable[UUID]) -> None:
    """Have what waits in these conversations worked on, once `tx` has committed."""
    outbox.add_all(tx, TOPIC, [{"sender_id": sender_id} for sender_id in sorted(set(sender_ids))])


def begin_next(tx: Transaction, sender_id: UUID) -> QueuedMessage | None:
    """Begin to send the next message of a locked conversation; None where none waits."""
    row = tx.execute(_NEXT, {"sender_id": sender_id}).first()
    return QueuedMessage(row.id, _content.validate_python(row.content), row.attempts) if row else None


def mark_sent(tx: Transaction, message_id: UUID, provider_message_id: str | None) -> None:
    """Record that WhatsApp has taken a message. A status may have told so before."""
    tx.execute(_SENT, {"id": message_id, "message_id": provider_message_id})


def mark_ended(tx: Transaction, message_id: UUID, status: ChatMessageStatus, error: str) -> bool:
    """Record that a message will never be sent: `failed`, or `dropped` as nobody may be written to now.

    False where a status has told by now that it was sent, or failed.
    """
    return tx.execute(_ENDED, {"id": message_id, "status": status, "error": error}).rowcount > 0


def record_statuses(tx: Transaction, statuses: Sequence[DeliveryStatus]) -> list[Undelivered]:
    """Record the delivery statuses of messages; return those that failed.

    Repeated statuses, older ones and those of other messages change nothing.
    """
    failed = []
    for status in sorted(statuses, key=lambda each: (each.callback_data or "", each.message_id)):
        row = tx.execute(_LOCK, {"id": as_uuid(status.callback_data or ""), "message_id": status.message_id}).first()
        if row is None or not _is_news(row, status):
            continue
        if status.status is ChatMessageStatus.FAILED and _is_to_be_repeated(row, status):
            _requeue(tx, row, status)
        else:
            _move(tx, row.id, status)
            if status.status is ChatMessageStatus.FAILED:
                content = _content.validate_python(row.content)
                failed.append(Undelivered(row.id, row.sender_id, content, str(status.error_code)))
    return failed


def _is_news(row: Row[Any], status: DeliveryStatus) -> bool:
    """True unless a status is known, older than what is known, or about an earlier try of the message."""
    now, is_same_try = ChatMessageStatus(row.status), row.provider_message_id == status.message_id
    if now is ChatMessageStatus.QUEUED and is_same_try:  # it has failed, and will be sent again
        return False
    if status.status is ChatMessageStatus.FAILED:
        return now in (ChatMessageStatus.QUEUED, ChatMessageStatus.SENT) and (
            is_same_try or row.provider_message_id is None
        )
    return now is not ChatMessageStatus.FAILED and RANKS[status.status] > RANKS[now]


def _is_to_be_repeated(row: Row[Any], status: DeliveryStatus) -> bool:
    """True where a message that was accepted failed as there were too many, or as WhatsApp was away."""
    is_passing = errors.verdict(status.error_code or 0) in (Verdict.RETRY, Verdict.RETRY_RECIPIENT)
    return is_passing and row.attempts < MAX_ATTEMPTS


def _requeue(tx: Transaction, row: Row[Any], status: DeliveryStatus) -> None:
    """Have a message sent again, and nothing else to its reader until then. The sweep finds it."""
    tx.execute(_REQUEUE, {"id": row.id, "error": str(status.error_code), "message_id": status.message_id})
    senders.pause(tx, row.sender_id, pause_seconds(status.error_code or 0, row.attempts))
    log.warning("chat.requeued", extra={"chat_message_id": str(row.id), "code": str(status.error_code)})


def pause_seconds(code: int, attempts: int) -> float:
    """The pause after a transient failure; each is longer than the last."""
    if errors.verdict(code) is Verdict.RETRY_RECIPIENT:
        return float(min(errors.PAIR_RATE_SECONDS**attempts, LONGEST_PAUSE_SECONDS))
    return float(min(STATUS_SECONDS * 2 ** (attempts - 1), LONGEST_PAUSE_SECONDS))


def _move(tx: Transaction, row_id: UUID, status: DeliveryStatus) -> None:
    error = str(status.error_code) if status.error_code is not None else None
    values: dict[str, Any] = {"id": row_id, "status": status.status, "at": status.at, "error": error}
    tx.execute(_MOVE, {**values, "message_id": status.message_id})
    if status.status is ChatMessageStatus.FAILED:
        is_ours = errors.verdict(status.error_code or 0) in (Verdict.MISCONFIGURED, Verdict.REFUSED)
        log.log(
            logging.ERROR if is_ours else logging.WARNING,
            "chat.undelivered",
            extra={"chat_message_id": str(row_id), "code": error},
        )
