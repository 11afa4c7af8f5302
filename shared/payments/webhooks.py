"""Webhooks of both gateways: verify, keep, then act on what the gateway says when it is asked (layer 1).

The gateway gets its 200 once the event is safe in `webhook_events`. What can't be settled at once is
tried again by Cloud Tasks, three times at most (PS-012), and by reconcile after that.
"""

import json
import logging
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit, manual_tasks, tasks
from shared.cloud.database import Transaction, transaction
from shared.gateways import accounts
from shared.gateways.errors import GatewayError, PayloadUnreadable, SignatureInvalid
from shared.gateways.facts import NoticeKind, RefundFact, WebhookNotice
from shared.money import refunds
from shared.payments import attempts, sync
from shared.problems import Malformed, NotSignedIn

MOST_RETRIES = 3

log = logging.getLogger(__name__)

_KEEP = text("""
    INSERT INTO webhook_events (gateway, webhook_id, event_type, payment_id, payload, processed, outcome,
        processed_at)
    VALUES (:gateway, :webhook_id, :event_type, :payment_id, CAST(:payload AS jsonb), :processed, :outcome,
        CASE WHEN :processed THEN now() END)
    ON CONFLICT (gateway, webhook_id) DO NOTHING
    RETURNING id
""")
_WAITING = text("SELECT event_type, payment_id FROM webhook_events WHERE id = :id AND NOT processed")
_DONE = text("""
    UPDATE webhook_events SET processed = true, processed_at = now(), outcome = :outcome, error_message = NULL
    WHERE id = :id
""")
_FAILED = text("""
    UPDATE webhook_events SET retry_count = retry_count + 1, error_message = :error WHERE id = :id
    RETURNING retry_count
""")


def receive(gateway: str, headers: Mapping[str, str], body: bytes) -> None:
    """Take one webhook in. A repeat changes nothing and is answered the same.

    Raises NotSignedIn (401) for a bad signature, which is audited, and Malformed (400) for a body that
    can't be read.
    """
    notice = _read(gateway, headers, body)
    with transaction() as tx:
        event_id = _keep(tx, notice)
    if event_id:
        try:
            process(event_id)
        except Exception as error:  # noqa: BLE001 - the event is safe; whatever failed is tried again
            _try_again_later(event_id, error)


def process(event_id: UUID) -> None:
    """Settle what a kept event is about; done already is no error. Raises where it has to be tried again."""
    with transaction() as tx:
        event = tx.execute(_WAITING, {"id": event_id}).first()
    if event is None:
        return
    about_refund = event.event_type.startswith(NoticeKind.REFUND)
    outcome = refunds.ask_about(event.payment_id) if about_refund else sync.ask_and_settle(event.payment_id)
    with transaction() as tx:
        tx.execute(_DONE, {"id": event_id, "outcome": outcome})


def retry(event_id: UUID, attempt: int) -> None:
    """Process an event again from the queue; after the last failure it is left to a person, and to reconcile."""
    try:
        process(event_id)
    except Exception as error:
        note_failure(event_id, error)
        if attempt < MOST_RETRIES:
            raise
        with transaction() as tx:
            manual_tasks.add(tx, "webhook_failed", subject="webhook_event", subject_id=event_id)
        log.error("webhook.gave_up", extra={"event_id": str(event_id)}, exc_info=error)


def note_failure(event_id: UUID, error: Exception) -> None:
    """Keep why processing an event failed."""
    with transaction() as tx:
        tx.execute(_FAILED, {"id": event_id, "error": f"{type(error).__name__}: {error}"[:500]})


def _read(gateway: str, headers: Mapping[str, str], body: bytes) -> WebhookNotice:
    try:
        if gateway == "xendit":
            return accounts.xendit().parse_webhook(headers, body)
        return accounts.midtrans().parse_notification(body)
    except SignatureInvalid as error:
        with transaction() as tx:
            audit.record(tx, "webhook.rejected", subject="gateway", subject_id=gateway)
        log.warning("webhook.rejected", extra={"gateway": gateway})
        raise NotSignedIn("The signature of this notification is not right.") from error
    except PayloadUnreadable as error:
        raise Malformed("This is not a notification we know how to read.") from error


def _keep(tx: Transaction, notice: WebhookNotice) -> UUID | None:
    """Write the event down; its id if it is new and there is something to act on."""
    payment_id = _payment_of(tx, notice)
    outcome = _outcome_at_once(notice, payment_id)
    event_id: UUID | None = tx.execute(
        _KEEP,
        {
            "gateway": notice.gateway,
            "webhook_id": notice.event_id,
            "event_type": f"{notice.kind}.{notice.raw_status}"[:100],
            "payment_id": payment_id,
            "payload": json.dumps(notice.payload),
            "processed": outcome is not None,
            "outcome": outcome,
        },
    ).scalar_one_or_none()
    return event_id if outcome is None else None


def _payment_of(tx: Transaction, notice: WebhookNotice) -> UUID | None:
    if isinstance(notice.fact, RefundFact):
        return refunds.payment_named_by(tx, notice.fact)
    return attempts.named(tx, notice.gateway, notice.external_id, notice.gateway_reference)


def _outcome_at_once(notice: WebhookNotice, payment_id: UUID | None) -> str | None:
    """What there is to say of an event about which no gateway need be asked."""
    if notice.is_test:
        return "test"
    if notice.kind not in (NoticeKind.PAYMENT, NoticeKind.REFUND):
        return "ignored"
    return None if payment_id else f"unknown_{notice.kind}"


def _try_again_later(event_id: UUID, error: Exception) -> None:
    level = logging.WARNING if isinstance(error, GatewayError) else logging.ERROR
    log.log(level, "webhook.deferred", extra={"event_id": str(event_id)}, exc_info=error)
    note_failure(event_id, error)
    try:
        tasks.enqueue("webhooks", "webhook", "/tasks/retry", {"event_id": str(event_id)})
    except tasks.NotEnqueued as unreachable:  # reconcile finds the event
        log.warning("webhook.task_failed", extra={"error": str(unreachable)})
