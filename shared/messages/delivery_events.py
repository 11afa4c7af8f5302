"""Delivery events: the fate of mails, as SendGrid's signed webhooks report it (NS-008).

    queued, failed ─► sent ─► delivered ─► opened ─► dropped ─► bounced ─► spam_reported

A mail only moves to the right, whatever the order in which events come; each counts once, by its id. An event about a
mail that we have not noted as sent proves that it was: the answer to our call got lost. Addresses that get no mails
after that are in shared/messages/suppressions.py.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shared.cloud import clock, manual_tasks
from shared.cloud.database import Transaction, transaction
from shared.cloud.logs import mask
from shared.cloud.secrets import secret
from shared.field_types import as_uuid
from shared.gateways import forged_webhooks
from shared.gateways.errors import PayloadUnreadable, SignatureInvalid
from shared.gateways.sendgrid import events as sendgrid_events
from shared.gateways.sendgrid.events import MailEvent
from shared.identity import erasure
from shared.messages import sending, suppressions
from shared.problems import Malformed
from shared.sales.ticket_mails import UNDELIVERED
from shared.states import EmailStatus, SuppressionReason

RANKS = {
    EmailStatus.QUEUED: 0,
    EmailStatus.FAILED: 0,
    EmailStatus.SENT: 1,
    EmailStatus.DELIVERED: 2,
    EmailStatus.OPENED: 3,
    EmailStatus.DROPPED: 4,
    EmailStatus.BOUNCED: 5,
    EmailStatus.SPAM_REPORTED: 6,
}
STATES = {
    "processed": EmailStatus.SENT,
    "deferred": EmailStatus.SENT,
    "delivered": EmailStatus.DELIVERED,
    "open": EmailStatus.OPENED,
    "click": EmailStatus.OPENED,
    "dropped": EmailStatus.DROPPED,
    "bounce": EmailStatus.BOUNCED,
    "spamreport": EmailStatus.SPAM_REPORTED,
}
"""The state that each kind of event proves; others (a reader's unsubscribing, our account's state) prove none."""
_DROPPED_BECAUSE = {
    "Bounced Address": SuppressionReason.BOUNCED,
    "Invalid": SuppressionReason.BOUNCED,
    "Spam Reporting Address": SuppressionReason.SPAM_REPORTED,
}
_REASON_LENGTH = 200

log = logging.getLogger(__name__)

_BY_MESSAGE = text("""
    SELECT provider_message_id, id FROM emails  -- Uses index: emails_provider
    WHERE provider_message_id = ANY(:message_ids)
""")
_LOCK = text("""
    SELECT id, status, template, to_address FROM emails WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE
""")
_ADD = text("""
    INSERT INTO mail_events (event_id, email_id, kind, happened_at)
    SELECT e.event_id, e.email_id, e.kind, e.happened_at
    FROM jsonb_to_recordset(CAST(:events AS jsonb))
        AS e(event_id text, email_id uuid, kind text, happened_at timestamptz)
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id
""")
_MOVE = text(f"""
    UPDATE emails SET status = :status, status_at = :at, sent_at = COALESCE(sent_at, :at),
        provider_message_id = COALESCE(provider_message_id, :message_id), error_message = :error,
        {sending.CLEAR_CONTEXT}
    WHERE id = :id
""")


def receive(headers: Mapping[str, str], body: bytes) -> None:
    """Receive one batch of SendGrid's events. Raises ForgedWebhook, and Malformed where it is no batch."""
    try:
        events = sendgrid_events.read_events(headers, body, secret("sendgrid-webhook-key"), now=clock.now())
    except SignatureInvalid as error:
        raise forged_webhooks.refuse(error) from error
    except PayloadUnreadable as error:
        raise Malformed("This is no list of events.") from error
    with transaction() as tx:
        recorded = record(tx, events)
    log.info("mail_events.received", extra={"events": len(events), "news": recorded})


def record(tx: Transaction, events: Sequence[MailEvent]) -> int:
    """Record what these events say of our mails; return how many are new. Those about other mails are left out."""
    by_mail = _by_mail(tx, [event for event in events if event.kind in STATES])
    rows = tx.execute(_LOCK, {"ids": list(by_mail)}).all()
    new_ids = _add(tx, {row.id: by_mail[row.id] for row in rows})
    for row in rows:
        new_events = [event for event in by_mail[row.id] if event.event_id in new_ids]
        _move(tx, row, new_events)
        for event in new_events:
            _suppress(tx, row, event)
    return len(new_ids)


def _by_mail(tx: Transaction, events: Sequence[MailEvent]) -> dict[UUID, list[MailEvent]]:
    """The events by the mail that they name: by our id, or else by the id that SendGrid has given it."""
    nameless = {event.message_id for event in events if event.message_id and _named(event) is None}
    rows = tx.execute(_BY_MESSAGE, {"message_ids": list(nameless)}).all() if nameless else []
    by_message = {row.provider_message_id: row.id for row in rows}
    found: dict[UUID, list[MailEvent]] = {}
    for event in events:
        email_id = _named(event) or by_message.get(event.message_id)
        if email_id:
            found.setdefault(email_id, []).append(event)
    return found


def _named(event: MailEvent) -> UUID | None:
    return as_uuid(event.custom_args.get(sending.EMAIL_ID_ARGUMENT, ""))


def _add(tx: Transaction, told: Mapping[UUID, Sequence[MailEvent]]) -> set[str]:
    """Keep the events that are new, and return their ids."""
    rows = [
        {"event_id": event.event_id, "email_id": email_id, "kind": event.kind, "happened_at": event.at}
        for email_id, events in told.items()
        for event in events
    ]
    return set(tx.execute(_ADD, {"events": json.dumps(rows, default=str)}).scalars())


def _move(tx: Transaction, mail: Row[Any], news: Sequence[MailEvent]) -> None:
    """Move a locked mail on to the last of the states that the events prove, if it is further than its own."""
    last = max(news, key=lambda event: RANKS[_state(event)], default=None)
    if last is None or RANKS[_state(last)] <= RANKS[EmailStatus(mail.status)]:
        return
    state = _state(last)
    reason = mask(last.reason or last.kind)[:_REASON_LENGTH] if state in UNDELIVERED else None
    moved = {"id": mail.id, "status": state, "at": last.at, "message_id": last.message_id, "error": reason}
    tx.execute(_MOVE, {**moved, **sending.CLEARED_CONTEXT})
    if mail.status == EmailStatus.FAILED:
        manual_tasks.close(tx, mail.id, by=None)
    if state in UNDELIVERED:
        about = {"email_id": str(mail.id), "template": mail.template}
        log.warning("mail.undelivered", extra={**about, "outcome": state, "reason": reason})


def _state(event: MailEvent) -> EmailStatus:
    return EmailStatus.DELIVERED if event.is_by_machine else STATES[event.kind]


def _suppress(tx: Transaction, mail: Row[Any], event: MailEvent) -> None:
    """Suppress an address that does not exist, or whose owner reports our mails as spam."""
    reason = _suppression(event)
    is_known = mail.to_address and not mail.to_address.endswith(f"@{erasure.DOMAIN}")
    if reason and is_known:
        suppressions.add(tx, mail.to_address, reason, email_id=mail.id, happened_at=event.at)


def _suppression(event: MailEvent) -> SuppressionReason | None:
    if event.kind == "bounce":
        return None if event.is_block else SuppressionReason.BOUNCED
    if event.kind == "spamreport":
        return SuppressionReason.SPAM_REPORTED
    return _DROPPED_BECAUSE.get(event.reason or "") if event.kind == "dropped" else None
