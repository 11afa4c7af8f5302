"""Receiving WhatsApp's webhooks: every update is stored once and answered at once; the work comes later (CHAT-5).

Identities, preferences and statuses are taken in here, as they are a statement each. What people write waits in
`chat_updates` for the function that works on their conversation.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.chat import outgoing, senders
from shared.chat.contents import Incoming
from shared.cloud import outbox
from shared.cloud.database import Transaction, transaction
from shared.cloud.secrets import secret
from shared.cloud.settings import settings
from shared.gateways import forged_webhooks
from shared.gateways.errors import PayloadUnreadable, SignatureInvalid
from shared.gateways.whatsapp import webhooks
from shared.gateways.whatsapp.webhooks import AccountNotice, DeliveryStatus, IdentityChange, Message, Preference, Update
from shared.problems import Forbidden, Malformed

TOPIC = "chat.waiting"
"""The topic of conversations that wait for work."""
MAX_TEXT = 1000
"""Characters of a message that are kept: no command and no name is longer."""

log = logging.getLogger(__name__)

_ADD = text("""
    INSERT INTO chat_updates (update_key, sender_id, content, sent_at)
    SELECT u.update_key, u.sender_id, u.content, u.sent_at
    FROM jsonb_to_recordset(CAST(:updates AS jsonb))
        AS u(position int, update_key text, sender_id uuid, content jsonb, sent_at timestamptz)
    ORDER BY u.sent_at, u.position
    ON CONFLICT (update_key) DO NOTHING
    RETURNING sender_id
""")


class WrongVerifyToken(Forbidden):
    """This is not the verify token that we gave."""


def answer_challenge(mode: str, token: str, challenge: str) -> str:
    """The answer by which WhatsApp knows that the address is ours. Raises WrongVerifyToken."""
    try:
        return webhooks.challenge_answer(mode, token, challenge, secret("whatsapp-verify-token"))
    except SignatureInvalid as error:
        raise WrongVerifyToken from error


def receive(headers: Mapping[str, str], body: bytes) -> None:
    """Store what a signed body tells. Raises ForgedWebhook, and Malformed where it is no JSON object."""
    number = settings().whatsapp_phone_number_id
    try:
        updates = webhooks.read_updates(headers, body, secret("whatsapp-app-secret"), phone_number_id=number)
    except SignatureInvalid as error:
        raise forged_webhooks.refuse(error) from error
    except PayloadUnreadable as error:
        raise Malformed("This is no JSON object.") from error
    with transaction() as tx:
        news = record(tx, updates)
    log.info("chat.received", extra={"updates": len(updates), "news": news})


def record(tx: Transaction, updates: Sequence[Update]) -> int:
    """Record these updates; return how many messages of people are new."""
    for change in _of_type(updates, IdentityChange):
        if not senders.change_identity(tx, change):
            log.info("chat.identity_unchanged")
    for notice in _of_type(updates, AccountNotice):
        log.log(
            logging.ERROR if notice.is_bad else logging.INFO,
            "chat.account_trouble" if notice.is_bad else "chat.account_notice",
            extra={"field": notice.field, "event": notice.event},
        )
    for _ in _of_type(updates, Preference):
        log.info("chat.preference")
    outgoing.record_statuses(tx, _of_type(updates, DeliveryStatus))
    return _record_messages(tx, _of_type(updates, Message))


def record_internal(tx: Transaction, sender_id: UUID, key: str, content: Mapping[str, Any]) -> None:
    """Put something that happened to an order into the conversation about it, once for its `key`."""
    _add(tx, [_row(0, key, sender_id, content, datetime.now(UTC))])


def _record_messages(tx: Transaction, messages: Sequence[Message]) -> int:
    found = senders.resolve(tx, [message.sender for message in messages])
    for sender, newest in sorted(_newest(messages).items(), key=lambda each: found[each[0]]):
        senders.record_message(tx, found[sender], newest)
    for message in messages:
        if message.own_phone:
            senders.set_own_phone(tx, found[message.sender], message.own_phone)
    rows = [
        _row(position, message.message_id, found[message.sender], _content(message), message.sent_at)
        for position, message in enumerate(messages)
    ]
    return _add(tx, rows)


def _newest(messages: Sequence[Message]) -> dict[webhooks.SenderIdentity, datetime]:
    newest: dict[webhooks.SenderIdentity, datetime] = {}
    for message in messages:
        newest[message.sender] = max(message.sent_at, newest.get(message.sender, message.sent_at))
    return newest


def _add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> int:
    """Store the rows whose key is new, and have their conversations worked on."""
    if not rows:
        return 0
    added = tx.execute(_ADD, {"updates": json.dumps(rows, default=str)}).scalars().all()
    outbox.add_all(tx, TOPIC, [{"sender_id": sender_id} for sender_id in sorted(set(added))])
    return len(added)


def _row(position: int, key: str, sender_id: UUID, content: Mapping[str, Any], sent_at: datetime) -> dict[str, Any]:
    return {
        "position": position,
        "update_key": hashlib.sha256(key.encode()).hexdigest(),
        "sender_id": sender_id,
        "content": dict(content),
        "sent_at": sent_at,
    }


def _content(message: Message) -> dict[str, Any]:
    incoming = Incoming(
        kind=message.kind,
        text=message.text[:MAX_TEXT],
        choice=message.choice[:MAX_TEXT],
        quantity=message.quantity,
        profile_name=message.profile_name,
    )
    return incoming.model_dump(exclude_defaults=True)


def _of_type(updates: Sequence[Update], kind: type) -> list[Any]:
    return [update for update in updates if isinstance(update, kind)]
