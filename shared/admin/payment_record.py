"""A payment's record: what its gateway calls it, what it told of it, what was booked, and what became of the money."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shared.admin import timeline
from shared.admin.timeline import AuditEntry, Entry, MomentEntry, Subjects
from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import ResponseModel
from shared.problems import NotFound
from shared.reports import order_history

_PAYMENT = text("""
    SELECT p.id, p.order_id, p.attempt, p.gateway, p.external_id, p.gateway_reference, p.transaction_id,
        p.payment_method, p.channel, p.va_number, p.biller_code, p.status, p.amount, p.received_amount, p.created_at,
        p.expires_at, p.paid_at, p.ended_at, p.last_asked_at, p.failure, p.duplicate_of, p.must_end_at_gateway,
        p.review_decision, p.reviewed_at, r.full_name AS reviewed_by, o.status AS order_status, u.id AS buyer_id,
        u.full_name AS buyer_name
    FROM payments p JOIN orders o ON o.id = p.order_id JOIN users u ON u.id = o.user_id
        LEFT JOIN users r ON r.id = p.reviewed_by
    WHERE p.id = :id
""")
_SUBJECTS = text("""
    SELECT 'refund' AS kind, id FROM refunds WHERE payment_id = :id  -- Uses index: refunds_payment
    UNION ALL SELECT 'transfer', d.id FROM refunds r JOIN disbursements d ON d.refund_id = r.id
    WHERE r.payment_id = :id  -- Uses index: disbursements_refund_attempt
    UNION ALL SELECT 'webhook_event', id FROM webhook_events  -- Uses index: webhook_events_payment
    WHERE payment_id = :id
""")


class PaymentFacts(ResponseModel):
    """A payment as its row has it, with its order's state and its buyer. Amounts in rupiah."""

    id: UUID
    order_id: UUID
    order_status: str
    buyer_id: UUID
    buyer_name: str
    attempt: int
    gateway: str
    external_id: str
    gateway_reference: str | None
    transaction_id: str | None
    payment_method: str
    channel: str | None
    va_number: str | None
    biller_code: str | None
    status: str
    amount: int
    received_amount: int | None
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    ended_at: datetime | None
    last_asked_at: datetime | None
    failure: str | None
    duplicate_of: UUID | None
    must_end_at_gateway: bool
    review_decision: str | None
    reviewed_at: datetime | None
    reviewed_by: str | None


class PaymentRecord(ResponseModel):
    """A payment, with all that happened to it oldest first, and the accesses to it newest first."""

    payment: PaymentFacts
    entries: list[Entry]
    access_log: list[AuditEntry]


def read(tx: Transaction, admin: Principal, payment_id: UUID) -> PaymentRecord:
    """The record of a payment. The access is audited. Raises NotFound."""
    row = tx.execute(_PAYMENT, {"id": payment_id}).mappings().first()
    if row is None:
        raise NotFound
    authorization.record_list_access(tx, admin, subject="payment", subject_id=payment_id)
    found = tx.execute(_SUBJECTS, {"id": payment_id})
    subjects = Subjects((("payment", payment_id), *((each.kind, each.id) for each in found)))
    own = {each for _, each in subjects.rows}
    order_id = row["order_id"]
    return PaymentRecord(
        payment=PaymentFacts(**row),
        entries=timeline.sorted_by_time(
            (
                MomentEntry(at=each.at, moment=each)
                for each in order_history.moments(tx, order_id)
                if each.subject_id in own
            ),
            timeline.webhooks(tx, subjects),
            (each for each in timeline.postings_of_order(tx, order_id) if each.reference_id in own),
            timeline.tasks(tx, subjects),
            timeline.transfers(tx, subjects),
            timeline.audit_entries(tx, subjects),
        ),
        access_log=timeline.audit_entries(tx, subjects, is_read=True),
    )
