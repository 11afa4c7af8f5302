"""The gateways' webhooks, newest first: those that could not be processed, those that wait, and all of 90 days."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from shared.admin import keyset_listings, timeline
from shared.admin.keyset_listings import KeysetListing, KeysetQuery
from shared.admin.timeline import AuditEntry
from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import ResponseModel

MAX_REJECTED: Final = 100

WebhookFilter = Literal["failed", "waiting", "all"]

_COLUMNS = """
    r.id, r.gateway, r.event_type, r.outcome, r.processed, r.retry_count, r.error_message, r.created_at,
    r.processed_at, r.payment_id, r.refund_id, r.disbursement_id AS transfer_id, p.order_id
"""
_ORDER = "LEFT JOIN payments p ON p.id = r.payment_id"
LISTS: Final = {
    "failed": keyset_listings.select(
        _COLUMNS, "webhook_events", "NOT processed AND retry_count > 0", joined=_ORDER, index="webhook_events_waiting"
    ),
    "waiting": keyset_listings.select(
        _COLUMNS, "webhook_events", "NOT processed", joined=_ORDER, index="webhook_events_waiting"
    ),
    "all": keyset_listings.select(
        _COLUMNS, "webhook_events", "payload <> '{}'", joined=_ORDER, index="webhook_events_payloads"
    ),
}


class WebhookQuery(KeysetQuery):
    """The webhooks to list. `all` are those whose content is kept still."""

    status: WebhookFilter = "failed"


class ListedWebhook(ResponseModel):
    """A webhook event, and what became of it. `order_id` is the order of its payment."""

    id: UUID
    gateway: str
    event_type: str
    outcome: str | None
    processed: bool
    retry_count: int
    error_message: str | None
    created_at: datetime
    processed_at: datetime | None
    payment_id: UUID | None
    refund_id: UUID | None
    transfer_id: UUID | None
    order_id: UUID | None


def list_rejected(tx: Transaction, admin: Principal) -> list[AuditEntry]:
    """The last notifications without a valid signature; a sample of each sender and reason. The access is audited."""
    authorization.record_list_access(tx, admin, subject="webhook_event")
    return timeline.audit_entries_of_action(tx, "webhook.rejected", MAX_REJECTED)


def list_page(tx: Transaction, admin: Principal, wanted: WebhookQuery) -> KeysetListing[ListedWebhook]:
    """A page of the webhooks, newest first. The access is audited."""
    authorization.record_list_access(tx, admin, subject="webhook_event")
    return KeysetListing[ListedWebhook].read(tx, LISTS[wanted.status], ListedWebhook, wanted)
