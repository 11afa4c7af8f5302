"""An order's whole record: what it holds, its money on every account, and all that happened to it, in one timeline."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field
from sqlalchemy import text

from shared.admin import timeline
from shared.admin.timeline import AuditEntry, Entry, MomentEntry, PostedAmount, PostingEntry, ScanEntry, Subjects
from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import ResponseModel
from shared.refunds import schemas as refund_schemas
from shared.refunds.schemas import RefundResponse
from shared.reports import order_history
from shared.reports.order_history import HistoryEventKind
from shared.sales.schemas import OrderResponse

_PARTIES = text("""
    SELECT o.user_id AS buyer_id, u.full_name AS buyer_name, u.email AS buyer_email, e.title AS event_title,
        e.organizer_id, g.full_name AS organizer_name
    FROM orders o JOIN users u ON u.id = o.user_id JOIN events e ON e.id = o.event_id
        JOIN users g ON g.id = e.organizer_id
    WHERE o.id = :order_id
""")
_SUBJECTS = text("""
    SELECT 'payment' AS kind, id FROM payments WHERE order_id = :order_id  -- Uses index: payments_attempt
    UNION ALL SELECT 'ticket', id FROM tickets WHERE order_id = :order_id  -- Uses index: tickets_order
    UNION ALL SELECT 'refund', id FROM refunds WHERE order_id = :order_id  -- Uses index: refunds_order
    UNION ALL SELECT 'transfer', d.id FROM refunds r JOIN disbursements d ON d.refund_id = r.id
    WHERE r.order_id = :order_id  -- Uses index: disbursements_refund_attempt
    UNION ALL SELECT 'email', id FROM emails WHERE order_id = :order_id  -- Uses index: emails_order
    UNION ALL SELECT 'webhook_event', w.id FROM payments p JOIN webhook_events w ON w.payment_id = p.id
    WHERE p.order_id = :order_id  -- Uses index: webhook_events_payment
""")


class OrderParties(ResponseModel):
    """The buyer, the event and its organizer."""

    buyer_id: UUID
    buyer_name: str
    buyer_email: str
    event_title: str
    organizer_id: UUID
    organizer_name: str


class OrderRecord(ResponseModel):
    """An order, with all that happened to it oldest first, and the accesses to it newest first.

    `balances` is what the order's postings make of each account, in rupiah; they sum to 0.
    """

    order: OrderResponse
    parties: OrderParties
    refunds: list[RefundResponse]
    balances: list[PostedAmount]
    entries: list[Entry]
    access_log: Annotated[list[AuditEntry], Field(serialization_alias="looks")]

    model_config = ConfigDict(serialize_by_alias=True)


def read(tx: Transaction, admin: Principal, order_id: UUID) -> OrderRecord:
    """The record of an order. The access is audited. Raises NotFound."""
    order = OrderResponse.read(tx, order_id)
    authorization.record_list_access(tx, admin, subject="order", subject_id=order_id)
    subjects = _subjects(tx, order_id)
    postings = timeline.postings_of_order(tx, order_id)
    scans = timeline.scans(tx, subjects)
    return OrderRecord(
        order=order,
        parties=OrderParties(**tx.execute(_PARTIES, {"order_id": order_id}).mappings().one()),
        refunds=refund_schemas.of_order(tx, order_id),
        balances=_balances(postings),
        entries=timeline.sorted_by_time(
            _moments(tx, order_id, scans),
            timeline.webhooks(tx, subjects),
            postings,
            timeline.mails(tx, subjects),
            timeline.tasks(tx, subjects),
            timeline.transfers(tx, subjects),
            scans,
            _audit_entries(tx, subjects, scans),
        ),
        access_log=timeline.audit_entries(tx, subjects, is_read=True),
    )


def _subjects(tx: Transaction, order_id: UUID) -> Subjects:
    found = tx.execute(_SUBJECTS, {"order_id": order_id})
    return Subjects((("order", order_id), *((row.kind, row.id) for row in found)))


def _moments(tx: Transaction, order_id: UUID, scans: list[ScanEntry]) -> list[MomentEntry]:
    """The order's moments, without those that other entries tell with more of their facts: mails, and scans."""
    scanned = {scan.ticket_id for scan in scans if scan.is_admitted}
    return [
        MomentEntry(at=each.at, moment=each)
        for each in order_history.moments(tx, order_id)
        if each.step != HistoryEventKind.MAIL
        and not (each.step == HistoryEventKind.TICKET_USED and each.subject_id in scanned)
    ]


def _audit_entries(tx: Transaction, subjects: Subjects, scans: list[ScanEntry]) -> list[AuditEntry]:
    """The audit trail of what was done, without scans that have an entry of their own."""
    scanned = {str(scan.ticket_id) for scan in scans}
    return [
        each
        for each in timeline.audit_entries(tx, subjects)
        if not (each.action.startswith("ticket.scanned") and each.subject_id in scanned)
    ]


def _balances(postings: list[PostingEntry]) -> list[PostedAmount]:
    """The balance of each account after these postings."""
    sums: dict[str, int] = {}
    for posting in postings:
        for each in posting.amounts:
            sums[each.account] = sums.get(each.account, 0) + each.amount
    return [PostedAmount(account=account, amount=amount) for account, amount in sorted(sums.items())]
