"""A person: their account, sessions, orders, money, events, and the audit trail about them and by them."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import TextClause, text

from shared.admin import timeline
from shared.admin.timeline import AuditEntry, Subjects, TaskEntry
from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import ResponseModel
from shared.problems import NotFound

MAX_LISTED: Final = 25
"""The newest rows of each kind that are shown."""

_ACCOUNT = text("""
    SELECT u.id, u.full_name, u.email, u.phone, u.role, u.organizer_id, g.full_name AS organizer_name,
        u.is_email_verified, u.password_hash IS NOT NULL AS has_password, u.oauth_provider, u.language,
        u.marketing_opt_in, u.legal_name, u.payee_name, u.is_deleted, u.deleted_at, u.created_at, u.updated_at,
        EXISTS (SELECT 1 FROM second_factors f WHERE f.user_id = u.id) AS has_second_factor,
        s.reason AS suppression, s.created_at AS suppressed_at
    FROM users u LEFT JOIN users g ON g.id = u.organizer_id
        LEFT JOIN mail_suppressions s ON s.lifted_at IS NULL
            AND s.address_key = encode(sha256(convert_to(u.email, 'UTF8')), 'hex')
    WHERE u.id = :id
""")
_SESSIONS = text("""
    SELECT family_id AS id, min(created_at) AS begun_at, max(created_at) AS renewed_at, max(proven_at) AS proven_at,
        max(ended_at) AS ended_at, max(expires_at) AS expires_at
    FROM refresh_tokens WHERE user_id = :id  -- Uses index: refresh_tokens_user
    GROUP BY family_id ORDER BY renewed_at DESC LIMIT :limit
""")
_ORDERS = text("""
    SELECT o.id, o.created_at AS at, o.status, o.total_amount AS amount, e.title
    FROM orders o JOIN events e ON e.id = o.event_id  -- Uses index: orders_user
    WHERE o.user_id = :id ORDER BY o.created_at DESC LIMIT :limit
""")
_REFUNDS = text("""
    SELECT r.id, r.created_at AS at, r.status, r.amount, r.order_id AS parent_id, e.title
    FROM refunds r JOIN orders o ON o.id = r.order_id JOIN events e ON e.id = o.event_id  -- Uses index: refunds_user
    WHERE r.user_id = :id ORDER BY r.created_at DESC LIMIT :limit
""")
_EVENTS = text("""
    SELECT id, created_at AS at, status, title FROM events  -- Uses index: events_organizer
    WHERE organizer_id = :id ORDER BY start_date DESC LIMIT :limit
""")
_PAYOUTS = text("""
    SELECT p.id, p.created_at AS at, p.status, p.amount, p.event_id AS parent_id, e.title
    FROM payouts p JOIN events e ON e.id = p.event_id  -- Uses index: payouts_organizer
    WHERE p.organizer_id = :id ORDER BY p.created_at DESC LIMIT :limit
""")
_GATES = text("""
    SELECT e.id, s.created_at AS at, e.status, e.title
    FROM event_staff s JOIN events e ON e.id = s.event_id  -- Uses index: event_staff_user
    WHERE s.user_id = :id ORDER BY e.start_date DESC LIMIT :limit
""")
_STAFF = text("""
    SELECT id, created_at AS at, role AS status, full_name AS title FROM users  -- Uses index: users_organizer
    WHERE organizer_id = :id AND NOT is_deleted ORDER BY created_at DESC LIMIT :limit
""")
_BANK_ACCOUNTS = text("""
    SELECT id, bank_code, account_number_ending, account_holder_name, status, is_frozen, waits_until, created_at,
        replaced_at
    FROM bank_accounts WHERE user_id = :id ORDER BY created_at DESC LIMIT :limit
""")


class Account(ResponseModel):
    """An account. `organizer_name` is whom a gate's staff work for; `suppression` why they get no mails."""

    id: UUID
    full_name: str
    email: str
    phone: str | None
    role: str
    organizer_id: UUID | None
    organizer_name: str | None
    is_email_verified: bool
    has_password: bool
    has_second_factor: bool
    oauth_provider: str | None
    language: str
    marketing_opt_in: bool
    legal_name: str | None
    payee_name: str | None
    is_deleted: bool
    deleted_at: datetime | None
    created_at: datetime
    updated_at: datetime
    suppression: str | None
    suppressed_at: datetime | None


class Session(ResponseModel):
    """A session: when it began, was last renewed, and its person last proved who they are; when it ended."""

    id: UUID
    begun_at: datetime
    renewed_at: datetime
    proven_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime


class Item(ResponseModel):
    """A row of a person's or an event's. `amount` in rupiah; `parent_id` is the order or event that it belongs to."""

    id: UUID
    at: datetime
    status: str
    title: str
    amount: int | None = None
    parent_id: UUID | None = None


class BankAccount(ResponseModel):
    """A bank account, of whose number the last digits are shown."""

    id: UUID
    bank_code: str
    account_number_ending: str
    account_holder_name: str
    status: str
    is_frozen: bool
    waits_until: datetime | None
    created_at: datetime
    replaced_at: datetime | None


class UserRecord(ResponseModel):
    """A person, with the newest of what is theirs. `events` they organize, `gates` they scan at, `staff` scan for them.

    `about` is what was done to their account, `by` what they did themselves, `access_log` who read it: newest first.
    """

    account: Account
    sessions: list[Session]
    orders: list[Item]
    refunds: list[Item]
    events: list[Item]
    payouts: list[Item]
    gates: list[Item]
    staff: list[Item]
    bank_accounts: list[BankAccount]
    tasks: list[TaskEntry]
    about: list[AuditEntry]
    by: list[AuditEntry]
    access_log: list[AuditEntry]


def read(tx: Transaction, admin: Principal, user_id: UUID) -> UserRecord:
    """The record of a person. The access is audited. Raises NotFound."""
    values = {"id": user_id, "limit": MAX_LISTED}
    account = tx.execute(_ACCOUNT, values).mappings().first()
    if account is None:
        raise NotFound
    authorization.record_list_access(tx, admin, subject="user", subject_id=user_id)
    accounts = [BankAccount(**row) for row in tx.execute(_BANK_ACCOUNTS, values).mappings()]
    subjects = Subjects((("user", user_id), *(("bank_account", each.id) for each in accounts)))
    return UserRecord(
        account=Account(**account),
        sessions=[Session(**row) for row in tx.execute(_SESSIONS, values).mappings()],
        orders=items(tx, _ORDERS, values),
        refunds=items(tx, _REFUNDS, values),
        events=items(tx, _EVENTS, values),
        payouts=items(tx, _PAYOUTS, values),
        gates=items(tx, _GATES, values),
        staff=items(tx, _STAFF, values),
        bank_accounts=accounts,
        tasks=timeline.tasks(tx, subjects),
        about=timeline.audit_entries(tx, subjects)[:MAX_LISTED],
        by=timeline.audit_entries_by_actor(tx, user_id, MAX_LISTED),
        access_log=timeline.audit_entries(tx, subjects, is_read=True)[:MAX_LISTED],
    )


def items(tx: Transaction, statement: TextClause, values: dict[str, Any]) -> list[Item]:
    """The rows of a statement."""
    return [Item(**row) for row in tx.execute(statement, values).mappings()]
