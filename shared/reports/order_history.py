"""The history of an order: every moment that we kept of it, its payments, tickets, mails and refunds, in order."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import ResponseModel
from shared.reports.access import require_event
from shared.sales import schemas as order_schemas


class HistoryEventKind(StrEnum):
    """A kind of event in an order's history."""

    RESERVED = "reserved"
    PAID = "paid"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    PAYMENT_OPENED = "payment_opened"
    PAYMENT_PAID = "payment_paid"
    PAYMENT_EXPIRED = "payment_expired"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_REFUNDED = "payment_refunded"
    TICKET_ISSUED = "ticket_issued"
    TICKET_USED = "ticket_used"
    HOLDER_CHANGED = "holder_changed"
    MAIL = "mail"
    REFUND_REQUESTED = "refund_requested"
    REFUND_APPROVED = "refund_approved"
    REFUND_REJECTED = "refund_rejected"
    REFUND_SENT = "refund_sent"
    REFUND_COMPLETED = "refund_completed"
    REFUND_FAILED = "refund_failed"


_HISTORY = text("""
    SELECT at, step, amount, about, whom, state, subject_id FROM (
        SELECT created_at AS at, 'reserved' AS step, total_amount AS amount, NULL AS about, NULL AS whom,
            NULL AS state, id AS subject_id, 0 AS rank
        FROM orders WHERE id = :order_id
        UNION ALL SELECT paid_at, 'paid', total_amount, NULL, NULL, NULL, id, 3
        FROM orders WHERE id = :order_id AND paid_at IS NOT NULL
        UNION ALL SELECT ended_at, status, NULL, NULL, NULL, NULL, id, 9
        FROM orders WHERE id = :order_id AND ended_at IS NOT NULL
        UNION ALL SELECT created_at, 'payment_opened', amount, payment_method, gateway, gateway_reference, id, 1
        FROM payments WHERE order_id = :order_id AND (duplicate_of IS NULL OR received_amount IS NOT NULL)
        UNION ALL SELECT paid_at, 'payment_paid', received_amount, payment_method, gateway, gateway_reference, id, 2
        FROM payments WHERE order_id = :order_id AND paid_at IS NOT NULL
        UNION ALL SELECT ended_at, 'payment_' || status, NULL, payment_method, gateway, gateway_reference, id, 2
        FROM payments
        WHERE order_id = :order_id AND ended_at IS NOT NULL AND status IN ('expired', 'failed', 'refunded')
        UNION ALL SELECT k.created_at, 'ticket_issued', NULL, t.name, i.attendee_name, NULL, k.id, 4
        FROM tickets k JOIN order_items i ON i.id = k.order_item_id JOIN ticket_tiers t ON t.id = i.tier_id
        WHERE k.order_id = :order_id  -- Uses index: tickets_order
        UNION ALL SELECT k.validated_at, 'ticket_used', NULL, k.gate, i.attendee_name, NULL, k.id, 5
        FROM tickets k JOIN order_items i ON i.id = k.order_item_id
        WHERE k.order_id = :order_id AND k.status = 'used'
        UNION ALL SELECT a.at, 'holder_changed', NULL, NULL, u.full_name, NULL, k.id, 5
        FROM tickets k JOIN audit_log a ON a.subject = 'ticket' AND a.subject_id = CAST(k.id AS text)
            AND a.action = 'ticket.holder_changed' LEFT JOIN users u ON u.id = a.actor_id
        WHERE k.order_id = :order_id  -- Uses index: audit_log_subject
        UNION ALL SELECT COALESCE(sent_at, created_at), 'mail', NULL, template, NULLIF(to_address, ''), status, id, 6
        FROM emails WHERE order_id = :order_id  -- Uses index: emails_order
        UNION ALL SELECT created_at, 'refund_requested', amount, reason, NULL, NULL, id, 7
        FROM refunds WHERE order_id = :order_id AND kind = 'requested'  -- Uses index: refunds_order
        UNION ALL SELECT decided_at, 'refund_rejected', amount, rejection_reason, NULL, NULL, id, 7
        FROM refunds WHERE order_id = :order_id AND status = 'rejected' AND decided_at IS NOT NULL
        UNION ALL SELECT decided_at, 'refund_approved', amount, kind, NULL, NULL, id, 7
        FROM refunds WHERE order_id = :order_id AND status <> 'rejected' AND decided_at IS NOT NULL
        UNION ALL SELECT sent_at, 'refund_sent', amount, method, NULL, NULL, id, 8
        FROM refunds WHERE order_id = :order_id AND sent_at IS NOT NULL
        UNION ALL SELECT updated_at, 'refund_' || status, amount, method, NULL, NULL, id, 8
        FROM refunds WHERE order_id = :order_id AND status IN ('completed', 'failed')
    ) AS moments
    ORDER BY at, rank, (SELECT i.position FROM tickets k JOIN order_items i ON i.id = k.order_item_id
        WHERE k.id = subject_id), subject_id
""")
_BUYER = text("""
    SELECT u.full_name AS name, u.email, o.event_id
    FROM orders o JOIN users u ON u.id = o.user_id WHERE o.id = :order_id
""")


class HistoryEvent(ResponseModel):
    """A step in an order's life. `amount` in rupiah.

    `about` is the way of paying, the tier, the gate, the mail's template, or a reason; `whom` the gateway, the person
    or the address; `state` a mail's delivery or a gateway's reference.
    """

    at: datetime
    step: HistoryEventKind
    amount: int | None
    about: str | None
    whom: str | None
    state: str | None
    subject_id: UUID


class OrderHistory(ResponseModel):
    """An order's buyer, and what happened to it, oldest first."""

    order_id: UUID
    event_id: UUID
    buyer_name: str
    buyer_email: str
    moments: list[HistoryEvent]


def read(tx: Transaction, caller: Principal, order_id: UUID) -> OrderHistory:
    """The history of an order, for the organizer of its event or an admin; the look is audited. Raises NotFound."""
    order_schemas.require_access(tx, order_id, caller)
    buyer = tx.execute(_BUYER, {"order_id": order_id}).one()
    require_event(tx, caller, buyer.event_id, subject="orders")
    return OrderHistory(
        order_id=order_id,
        event_id=buyer.event_id,
        buyer_name=buyer.name,
        buyer_email=buyer.email,
        moments=moments(tx, order_id),
    )


def moments(tx: Transaction, order_id: UUID) -> list[HistoryEvent]:
    """Every moment that we kept of an order, oldest first, for a caller who may see it."""
    return [HistoryEvent(**row) for row in tx.execute(_HISTORY, {"order_id": order_id}).mappings()]
