"""Intake of WhatsApp's webhooks: every update is stored once and acknowledged; the work comes later (CHAT-5).

Identities, choices about notices and statuses are taken in here, as they are a statement or two each. What people write
waits in `chat_updates` for the function that works on their conversation.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.chat import consent, outgoing, senders, template_statuses, undelivered
from shared.chat.consent import Choice
from shared.chat.contents import Incoming
from shared.cloud.database import Transaction, transaction
from shared.cloud.secrets import secret
from shared.cloud.settings import settings
from shared.gateways import forged_webhooks
from shared.gateways.errors import PayloadUnreadable, SignatureInvalid
from shared.gateways.whatsapp import webhooks
from shared.gateways.whatsapp.webhooks import (
    AccountNotice,
    DeliveryStatus,
    IdentityChange,
    Message,
    Preference,
    SenderIdentity,
    TemplateStatus,
    Update,
)
from shared.problems import Forbidden, Malformed
from shared.states import ChatNotices

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
    RETURNING update_key, sender_id
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
    for told in _of_type(updates, TemplateStatus):
        template_statuses.record(tx, told)
    for preference in _of_type(updates, Preference):
        _record_preference(tx, preference)
    for failure in outgoing.record_statuses(tx, _of_type(updates, DeliveryStatus)):
        undelivered.follow_up(tx, failure)
    return _record_messages(tx, _of_type(updates, Message))


def _record_preference(tx: Transaction, preference: Preference) -> None:
    """Somebody has stopped us in WhatsApp itself, or wants to hear of us again. Strangers stay strangers."""
    sender_id = senders.find(tx, preference.sender)
    if sender_id is not None:
        notices = ChatNotices.ON if preference.wants_messages else ChatNotices.STOPPED
        choice = Choice(notices, "preference", preference.at, resumes=preference.wants_messages)
        consent.choose(tx, sender_id, choice)


def record_internal(tx: Transaction, sender_id: UUID, key: str, content: Mapping[str, Any]) -> None:
    """Put something that happened to an order into the conversation about it, once for its `key`."""
    _add(tx, [_row(0, key, sender_id, content, datetime.now(UTC))])


def _record_messages(tx: Transaction, messages: Sequence[Message]) -> int:
    found = _heard(tx, messages)
    for message in messages:
        if message.own_phone:
            senders.set_own_phone(tx, found[message.sender], message.own_phone)
    rows = [
        _row(position, message.message_id, found[message.sender], _content(message), message.sent_at)
        for position, message in enumerate(messages)
    ]
    news = _add(tx, rows)
    for row, message in zip(rows, messages, strict=True):
        choice = consent.choice_in(message)
        if choice and row["update_key"] in news:
            consent.choose(tx, row["sender_id"], choice)
    return len(news)


def _heard(tx: Transaction, messages: Sequence[Message]) -> dict[SenderIdentity, UUID]:
    """The senders, locked in one order; one that was erased meanwhile is created anew."""
    newest = _newest(messages)
    found = senders.resolve(tx, newest)
    for sender, sent_at in sorted(newest.items(), key=lambda each: found[each[0]]):
        if not senders.record_message(tx, found[sender], sender, sent_at):
            found |= senders.resolve(tx, [sender])
            senders.record_message(tx, found[sender], sender, sent_at)
    return found


def _newest(messages: Sequence[Message]) -> dict[SenderIdentity, datetime]:
    newest: dict[SenderIdentity, datetime] = {}
    for message in messages:
        newest[message.sender] = max(message.sent_at, newest.get(message.sender, message.sent_at))
    return newest


def _add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Store the rows whose key is new, and have their conversations worked on; return these keys."""
    if not rows:
        return set()
    added = tx.execute(_ADD, {"updates": json.dumps(rows, default=str)}).all()
    outgoing.request_sending(tx, [row.sender_id for row in added])
    return {row.update_key for row in added}


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
        is_own_number=message.own_phone is not None,
    )
    return incoming.model_dump(exclude_defaults=True)


def _of_type(updates: Sequence[Update], kind: type) -> list[Any]:
    return [update for update in updates if isinstance(update, kind)]
