"""Webhooks of the payment gateways: verify, store, then handle the status that the gateway reports when asked (L1).

The gateway gets its 200 once the event is safe in `webhook_events`. An event that can't be processed at once is
tried again by Cloud Tasks, three times at most (PS-012), and by reconcile after that.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit, dead_letters, logs, manual_tasks, tasks
from shared.cloud.database import Transaction, autocommit, transaction
from shared.gateways import forged_webhooks, registry
from shared.gateways.errors import GatewayError, PayloadUnreadable, SignatureInvalid
from shared.gateways.fields import clean_text
from shared.gateways.statuses import GatewayRefundStatus, GatewayTransferStatus, WebhookEvent, WebhookEventKind
from shared.payments import records as payment_records
from shared.payments import sync, transfer_sync
from shared.payouts import transfers
from shared.problems import Malformed
from shared.refunds import execution as refund_execution
from shared.refunds import records as refund_records

MAX_RETRIES = 3
_RETRY: Final = ("webhooks", "webhook_retry", "/tasks/retry")

_UNKNOWN_MONEY: Final = ("unknown_refund", "unknown_payout")
"""The outcomes of money that somebody moved at the gateway without us: a person looks into it."""

log = logging.getLogger(__name__)

_KEEP = text("""
    INSERT INTO webhook_events (gateway, webhook_id, event_type, payment_id, refund_id, disbursement_id,
        gateway_reference, payload, processed, outcome, processed_at)
    VALUES (:gateway, :webhook_id, :event_type, :payment_id, :refund_id, :transfer_id, :gateway_reference,
        CAST(:payload AS jsonb), :processed, :outcome, CASE WHEN :processed THEN now() END)
    ON CONFLICT (gateway, webhook_id) DO NOTHING
    RETURNING id
""")
_WAITING = text("""
    SELECT w.event_type, w.payment_id, w.refund_id, w.disbursement_id AS transfer_id,
        NULLIF(w.gateway_reference, p.gateway_reference) AS other_reference
    FROM webhook_events w LEFT JOIN payments p ON p.id = w.payment_id
    WHERE w.id = :id AND NOT w.processed
""")
_DONE = text("""
    UPDATE webhook_events SET processed = true, processed_at = now(), outcome = :outcome, error_message = NULL
    WHERE id = :id RETURNING retry_count
""")
_FAILED = text("""
    UPDATE webhook_events SET retry_count = retry_count + 1, error_message = :error WHERE id = :id
    RETURNING retry_count
""")

_FORGET_PAYER = text("""
    UPDATE webhook_events w SET payload = payload - ARRAY['payer_email', 'customer', 'customer_details']
    FROM payments p JOIN orders o ON o.id = p.order_id
    WHERE w.payment_id = p.id AND o.user_id = :user_id
""")


_HOLDERS = frozenset({"account_holder_name", "account_name"})
"""Fields of Xendit's callbacks about disbursements and payouts."""


@dataclass(frozen=True)
class _KeptEvent:
    """The subject of a kept event. `other_reference`: it names another invoice than the one we keep."""

    event_type: str
    payment_id: UUID | None
    refund_id: UUID | None
    transfer_id: UUID | None
    other_reference: str | None


def receive(gateway: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Receive a webhook; return whether it was JSON. A repeat changes nothing and gets the same response.

    Raises ForgedWebhook (401) for a bad signature, and Malformed (400) for a body that is too broken to have one. A
    correctly signed event is kept, whatever else it says.
    """
    event = _read(gateway, headers, body)
    with transaction() as tx:
        event_id = _store(tx, event)
    if event_id:
        try:
            process(event_id)
        except Exception as error:  # noqa: BLE001 - the event is safe; whatever failed is tried again
            _enqueue_retry(event_id, error)
    return event.is_readable


def process(event_id: UUID) -> None:
    """Process a stored event. Idempotent. Raises where it has to be tried again."""
    with autocommit() as tx:
        row = tx.execute(_WAITING, {"id": event_id}).first()
    if row is None:
        return
    outcome = _dispatch(_KeptEvent(**row._mapping))
    with transaction() as tx:
        if tx.execute(_DONE, {"id": event_id, "outcome": outcome}).scalar():
            manual_tasks.close(tx, event_id, by=None)


def retry(event_id: UUID, attempt: int) -> None:
    """Process an event again from the queue; after the last failure it is left to a person, and to reconcile."""
    try:
        process(event_id)
    except Exception as error:
        record_failure(event_id, error)
        if attempt < MAX_RETRIES:
            raise
        with transaction() as tx:
            dead_letters.record_failed_task(tx, *_RETRY, {"event_id": event_id}, error)
            manual_tasks.add(tx, "webhook_failed", subject="webhook_event", subject_id=event_id)
        log.error("webhook.gave_up", extra={"event_id": str(event_id)}, exc_info=error)


def record_failure(event_id: UUID, error: Exception) -> None:
    """Record why processing an event failed."""
    with transaction() as tx:
        tx.execute(_FAILED, {"id": event_id, "error": clean_text(f"{type(error).__name__}: {error}")[:500]})


def _read(gateway: str, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
    try:
        return registry.gateway(gateway).parse_webhook(headers, body)
    except SignatureInvalid as error:
        raise forged_webhooks.refuse(error) from error
    except PayloadUnreadable as error:
        raise Malformed("This is not a notification we know how to read.") from error


def _dispatch(event: _KeptEvent) -> str:
    """Sync the payment, refund or transfer that the event names; return the outcome."""
    if event.transfer_id:
        return transfer_sync.sync_transfer(event.transfer_id)
    if event.refund_id:
        return refund_execution.sync(event.refund_id)
    if event.payment_id is None:
        raise LookupError("an event waits that is about nothing of ours")
    if event.event_type.startswith(f"{WebhookEventKind.REFUND}."):
        return sync.sync_refunds(event.payment_id)
    return sync.sync_payment(event.payment_id, event.other_reference)


def _store(tx: Transaction, event: WebhookEvent) -> UUID | None:
    """Store the event; return its id if it is new and there is something to act on."""
    names = _find_subject(tx, event)
    _join_purchase_trace(tx, names["payment_id"])
    outcome = _outcome_at_once(event, names)
    event_id: UUID | None = tx.execute(
        _KEEP,
        {
            "gateway": event.gateway,
            "webhook_id": event.event_id,
            "event_type": f"{event.kind}.{event.raw_status}"[:100],
            **names,
            "gateway_reference": event.gateway_reference,
            "payload": json.dumps(_without_accounts(event.payload)),
            "processed": outcome is not None,
            "outcome": outcome,
        },
    ).scalar_one_or_none()
    if event_id and outcome in _UNKNOWN_MONEY:
        details = {"gateway": event.gateway, "payment_id": names["payment_id"], "reference": event.external_id}
        manual_tasks.add(tx, outcome, subject="webhook_event", subject_id=event_id, **details)
    return event_id if outcome is None else None


def _without_accounts(said: Any) -> Any:
    """A notification without bank accounts' numbers and holders: these are kept in bank_accounts, and nowhere else."""
    if isinstance(said, list):
        return [_without_accounts(each) for each in said]
    if not isinstance(said, Mapping):
        return said
    kept = {name: _without_accounts(value) for name, value in said.items() if name not in _HOLDERS}
    if "account_number" in kept:
        kept["account_number"] = f"******{str(kept['account_number'])[-4:]}"
    return kept


def _find_subject(tx: Transaction, event: WebhookEvent) -> dict[str, UUID | None]:
    """The row that the event is about: a payment, a refund of one, or a transfer."""
    names: dict[str, UUID | None] = {"payment_id": None, "refund_id": None, "transfer_id": None}
    if isinstance(event.reported, GatewayRefundStatus):
        found = refund_records.find_by_reference(tx, event.reported)
        # A refund that is not ours was made at the dashboard: the event belongs to the payment.
        made_there = (
            None
            if found
            else payment_records.find_by_reference(tx, event.gateway, None, event.reported.payment_reference)
        )
        names["refund_id"], names["payment_id"] = found or (None, made_there)
    elif isinstance(event.reported, GatewayTransferStatus):
        names["transfer_id"] = transfers.find_by_reference(tx, event.reported)
    else:
        names["payment_id"] = payment_records.find_by_reference(
            tx, event.gateway, event.external_id, event.gateway_reference
        )
    return names


def _join_purchase_trace(tx: Transaction, payment_id: UUID | None) -> None:
    """Log under the correlation id of the checkout behind the event, as gateways return no id of ours."""
    if payment_id is None:
        return
    correlation = audit.correlation_of(tx, payment_records.OPENING, subject="payment", subject_id=payment_id)
    if correlation:
        logs.continue_as(correlation)


def _outcome_at_once(event: WebhookEvent, names: Mapping[str, UUID | None]) -> str | None:
    """The outcome of an event that needs no call to the gateway; None for one that does."""
    if event.is_test:
        return "test"
    if event.kind not in (WebhookEventKind.PAYMENT, WebhookEventKind.REFUND, WebhookEventKind.PAYOUT):
        return "ignored"
    return None if any(names.values()) else f"unknown_{event.kind}"


def _enqueue_retry(event_id: UUID, error: Exception) -> None:
    level = logging.WARNING if isinstance(error, GatewayError) else logging.ERROR
    log.log(level, "webhook.deferred", extra={"event_id": str(event_id)}, exc_info=error)
    record_failure(event_id, error)
    try:
        tasks.enqueue(*_RETRY, {"event_id": str(event_id)})
    except tasks.NotEnqueued as unreachable:  # reconcile finds the event
        log.warning("webhook.task_failed", extra={"error": str(unreachable)})


def erase_payer(tx: Transaction, user_id: UUID) -> None:
    """Erase what names a person from the events of their payments (UM-009)."""
    tx.execute(_FORGET_PAYER, {"user_id": user_id})
