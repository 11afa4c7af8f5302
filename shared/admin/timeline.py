"""Entries of a timeline: webhooks with their payloads, postings, mails, manual tasks and entries of the audit trail.

Each is read for the rows that a record is about (`Subjects`), by their ids.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.cloud.logs import masked
from shared.models import ResponseModel
from shared.reports.order_history import HistoryEvent

MAX_ENTRIES: Final = 500
"""The entries of a kind in one record; an order has a few dozen."""

_OF_PERSONS: Final = frozenset(("payer_email", "customer", "customer_details", "customer_name", "shopper_name"))
_SECRET: Final = frozenset(("signature_key", "callback_token", "token", "saved_token_id"))

_WEBHOOKS = text("""
    SELECT w.id, w.created_at AS at, w.gateway, w.event_type, w.outcome, w.processed, w.retry_count, w.error_message,
        w.payload
    FROM webhook_events w
    WHERE w.payment_id = ANY(:ids)  -- Uses index: webhook_events_payment
        OR w.refund_id = ANY(:ids) OR w.disbursement_id = ANY(:ids)
        -- Uses index: webhook_events_refund, webhook_events_disbursement
    ORDER BY w.created_at LIMIT :limit
""")
_POSTINGS = """
    SELECT p.id, p.created_at AS at, p.kind AS posting, p.reference_id, e.account, e.amount
    FROM (SELECT * FROM ledger_postings WHERE {condition} ORDER BY created_at LIMIT :limit) AS p
    JOIN ledger_entries e ON e.posting_id = p.id  -- Uses index: ledger_entries_posting
    ORDER BY p.created_at, p.id, e.id
"""
_POSTINGS_OF_ORDER = text(_POSTINGS.format(condition="order_id = ANY(:ids)"))  # Uses index: ledger_postings_order
_MAILS = text("""
    SELECT id, created_at AS at, template, to_address, status, sent_at, status_at, attempts, error_message
    FROM emails WHERE id = ANY(:ids) ORDER BY created_at LIMIT :limit
""")
_TASKS = text("""
    SELECT t.id, t.created_at AS at, t.kind AS task, t.details, t.done_at, u.full_name AS done_by
    FROM manual_tasks t LEFT JOIN users u ON u.id = t.done_by
    WHERE t.subject_id = ANY(:names)  -- Uses index: manual_tasks_subject
    ORDER BY t.created_at LIMIT :limit
""")
_AUDIT_ENTRIES = text("""
    SELECT a.id, a.at, a.action, a.subject, a.subject_id, a.details, a.correlation_id, a.actor_id,
        u.full_name AS actor
    FROM unnest(CAST(:subjects AS text[]), CAST(:names AS text[])) AS s (subject, name)
    JOIN audit_log a ON a.subject = s.subject AND a.subject_id = s.name  -- Uses index: audit_log_subject
    LEFT JOIN users u ON u.id = a.actor_id
    WHERE (a.action = ANY(:reads)) = :is_read ORDER BY a.at DESC, a.id DESC LIMIT :limit
""")
_BY_PERSON = text("""
    SELECT a.id, a.at, a.action, a.subject, a.subject_id, a.details, a.correlation_id, a.actor_id,
        u.full_name AS actor
    FROM audit_log a JOIN users u ON u.id = a.actor_id  -- Uses index: audit_log_actor
    WHERE a.actor_id = :id ORDER BY a.at DESC, a.id DESC LIMIT :limit
""")
_SCANS = text("""
    SELECT s.id, s.judged_at AS at, s.ticket_id, s.result, s.direction, s.gate, s.is_offline, s.is_admitted,
        s.scanned_at, s.undone_at, s.staff_id, u.full_name AS staff
    FROM scans s JOIN users u ON u.id = s.staff_id
    WHERE s.ticket_id = ANY(:ids) ORDER BY s.judged_at LIMIT :limit  -- Uses index: scans_ticket
""")
_TRANSFERS = text("""
    SELECT d.id, d.created_at AS at, d.refund_id, d.payout_id, d.attempt, d.amount, d.status, d.gateway_reference,
        d.failure, d.updated_at, b.bank_code || ' ····' || b.account_number_ending AS account
    FROM disbursements d JOIN bank_accounts b ON b.id = d.bank_account_id
    WHERE d.id = ANY(:ids) ORDER BY d.created_at LIMIT :limit
""")
_OF_ACTION = text("""
    SELECT a.id, a.at, a.action, a.subject, a.subject_id, a.details, a.correlation_id, a.actor_id,
        u.full_name AS actor
    FROM audit_log a LEFT JOIN users u ON u.id = a.actor_id  -- Uses index: audit_log_action
    WHERE a.action = :action ORDER BY a.at DESC LIMIT :limit
""")
_READS: Final = ["admin.read", "organizer.read"]


class _Entry(ResponseModel):
    at: datetime


class MomentEntry(_Entry):
    """A step in the life of an order, its payments, tickets and refunds."""

    kind: Literal["moment"] = "moment"
    moment: HistoryEvent


class WebhookEntry(_Entry):
    """A gateway's notification: what became of it, and what it said, without secrets and what names a person."""

    kind: Literal["webhook"] = "webhook"
    id: UUID
    gateway: str
    event_type: str
    outcome: str | None
    processed: bool
    retry_count: int
    error_message: str | None
    payload: Any


class PostedAmount(ResponseModel):
    """An amount on an account, in rupiah: a debit is positive, a credit negative."""

    account: str
    amount: int


class PostingEntry(_Entry):
    """A posting in the ledger; its amounts sum to `balance`, which is 0."""

    kind: Literal["posting"] = "posting"
    id: UUID
    posting: str
    reference_id: UUID
    amounts: list[PostedAmount]
    balance: int


class MailEntry(_Entry):
    """A mail and its delivery."""

    kind: Literal["mail"] = "mail"
    id: UUID
    template: str
    to_address: str
    status: str
    sent_at: datetime | None
    status_at: datetime | None
    attempts: int
    error_message: str | None


class TaskEntry(_Entry):
    """Something that a person had to do, and who has done it."""

    kind: Literal["task"] = "task"
    id: UUID
    task: str
    details: dict[str, Any]
    done_at: datetime | None
    done_by: str | None


class AuditEntry(_Entry):
    """An entry of the audit trail. `actor` is the actor's name; None is the product itself."""

    kind: Literal["audit"] = "audit"
    id: int
    action: str
    subject: str
    subject_id: str | None
    details: dict[str, Any]
    correlation_id: str
    actor_id: UUID | None
    actor: str | None


class ScanEntry(_Entry):
    """A scan of a ticket at a gate, with its staff and its result; `undone_at` if a supervisor has undone it."""

    kind: Literal["scan"] = "scan"
    id: UUID
    ticket_id: UUID
    result: str
    direction: str
    gate: str | None
    is_offline: bool
    is_admitted: bool
    scanned_at: datetime
    undone_at: datetime | None
    staff_id: UUID
    staff: str


class TransferEntry(_Entry):
    """A bank transfer of a refund or a payout, as it stands since `updated_at`. `amount` in rupiah."""

    kind: Literal["transfer"] = "transfer"
    id: UUID
    refund_id: UUID | None
    payout_id: UUID | None
    attempt: int
    amount: int
    status: str
    gateway_reference: str | None
    failure: str | None
    account: str
    updated_at: datetime


Entry = TransferEntry | ScanEntry | MomentEntry | WebhookEntry | PostingEntry | MailEntry | TaskEntry | AuditEntry


@dataclass(frozen=True)
class Subjects:
    """The rows that a record is about, as the audit trail names them: kinds and ids."""

    rows: tuple[tuple[str, UUID], ...]

    def ids(self, *kinds: str) -> list[UUID]:
        """The ids of the rows of these kinds."""
        return [each for kind, each in self.rows if kind in kinds]

    @property
    def values(self) -> dict[str, list[str]]:
        """The parameters of statements about all of them; reconcile calls any of them a row."""
        named = [*self.rows, *(("row", each) for _, each in self.rows)]
        return {"subjects": [kind for kind, _ in named], "names": [str(each) for _, each in named]}


def webhooks(tx: Transaction, subjects: Subjects) -> list[WebhookEntry]:
    """The webhooks of gateways about payments, refunds and transfers."""
    ids = subjects.ids("payment", "refund", "transfer")
    rows = tx.execute(_WEBHOOKS, {"ids": ids, "limit": MAX_ENTRIES}).mappings()
    return [WebhookEntry(**{**row, "payload": without_secrets(row["payload"])}) for row in rows]


def postings_of_order(tx: Transaction, order_id: UUID) -> list[PostingEntry]:
    """Every posting about an order."""
    made: dict[UUID, dict[str, Any]] = {}
    for row in tx.execute(_POSTINGS_OF_ORDER, {"ids": [order_id], "limit": MAX_ENTRIES}):
        facts = {"id": row.id, "at": row.at, "posting": row.posting, "reference_id": row.reference_id, "amounts": []}
        posting = made.setdefault(row.id, facts)
        posting["amounts"].append(PostedAmount(account=row.account, amount=row.amount))
    return [PostingEntry(**each, balance=sum(one.amount for one in each["amounts"])) for each in made.values()]


def mails(tx: Transaction, subjects: Subjects) -> list[MailEntry]:
    """Mails and their delivery."""
    rows = tx.execute(_MAILS, {"ids": subjects.ids("email"), "limit": MAX_ENTRIES}).mappings()
    return [MailEntry(**row) for row in rows]


def tasks(tx: Transaction, subjects: Subjects) -> list[TaskEntry]:
    """The manual tasks about any of the rows."""
    names = [str(each) for _, each in subjects.rows]
    return [TaskEntry(**row) for row in tx.execute(_TASKS, {"names": names, "limit": MAX_ENTRIES}).mappings()]


def scans(tx: Transaction, subjects: Subjects) -> list[ScanEntry]:
    """The scans of tickets."""
    rows = tx.execute(_SCANS, {"ids": subjects.ids("ticket"), "limit": MAX_ENTRIES}).mappings()
    return [ScanEntry(**row) for row in rows]


def transfers(tx: Transaction, subjects: Subjects) -> list[TransferEntry]:
    """The bank transfers of refunds and payouts."""
    rows = tx.execute(_TRANSFERS, {"ids": subjects.ids("transfer"), "limit": MAX_ENTRIES}).mappings()
    return [TransferEntry(**row) for row in rows]


def audit_entries(tx: Transaction, subjects: Subjects, *, is_read: bool = False) -> list[AuditEntry]:
    """The audit trail about any of the rows, newest first: what was done, or who read it (`is_read`)."""
    values = {**subjects.values, "reads": _READS, "is_read": is_read, "limit": MAX_ENTRIES}
    return [AuditEntry(**row) for row in tx.execute(_AUDIT_ENTRIES, values).mappings()]


def audit_entries_by_actor(tx: Transaction, user_id: UUID, limit: int) -> list[AuditEntry]:
    """The last entries of the audit trail that a person has caused."""
    return [AuditEntry(**row) for row in tx.execute(_BY_PERSON, {"id": user_id, "limit": limit}).mappings()]


def audit_entries_of_action(tx: Transaction, action: str, limit: int) -> list[AuditEntry]:
    """The last entries of the audit trail about an action."""
    return [AuditEntry(**row) for row in tx.execute(_OF_ACTION, {"action": action, "limit": limit}).mappings()]


def without_secrets(said: Any) -> Any:
    """A gateway's payload, masked as logs are, and without signatures, tokens and whatever names a person."""
    return masked(_map_fields(said, lambda name: "[removed]" if name.lower() in _OF_PERSONS | _SECRET else None))


def _map_fields(said: Any, instead: Callable[[str], Any]) -> Any:
    """The same, with the values of the fields for which `instead` has another."""
    if isinstance(said, Mapping):
        return {name: instead(name) or _map_fields(value, instead) for name, value in said.items()}
    return [_map_fields(each, instead) for each in said] if isinstance(said, list) else said


def sorted_by_time(*entries: Iterable[Entry]) -> list[Entry]:
    """All of these, oldest first."""
    return sorted((each for some in entries for each in some), key=lambda entry: entry.at)
