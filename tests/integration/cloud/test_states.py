"""The states in shared/states.py are those that the database allows."""

import re
from enum import StrEnum
from typing import get_args

import pytest
from sqlalchemy import text

from shared import states
from shared.cloud.database import transaction

pytestmark = pytest.mark.usefixtures("database")

COLUMNS: dict[tuple[str, str], type[StrEnum]] = {
    ("events", "status"): states.EventStatus,
    ("ticket_tiers", "kind"): states.TierKind,
    ("chat_messages", "status"): states.ChatMessageStatus,
    ("chat_senders", "notices"): states.ChatNotices,
    ("chat_consents", "choice"): states.ChatNotices,
    ("orders", "status"): states.OrderStatus,
    ("payments", "status"): states.PaymentStatus,
    ("daily_payments", "status"): states.PaymentStatus,
    ("tickets", "status"): states.TicketStatus,
    ("pickups", "status"): states.PickupStatus,
    ("refunds", "status"): states.RefundStatus,
    ("refunds", "kind"): states.RefundKind,
    ("refunds", "method"): states.RefundMethod,
    ("payouts", "status"): states.PayoutStatus,
    ("disbursements", "status"): states.TransferStatus,
    ("bank_accounts", "status"): states.BankAccountStatus,
    ("emails", "status"): states.EmailStatus,
    ("mail_suppressions", "reason"): states.SuppressionReason,
    ("users", "sale_notices"): states.SaleNotices,
    ("approvals", "action"): states.ApprovalAction,
    ("approvals", "decision"): states.ApprovalDecision,
}


def allowed(table: str, column: str) -> set[str]:
    """The values that a CHECK of this very column allows."""
    query = """
        SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_attribute a
            ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
        WHERE c.contype = 'c' AND c.conrelid = CAST(:table AS regclass) AND a.attname = :column
    """
    with transaction() as tx:
        checks = tx.execute(text(query), {"table": table, "column": column}).scalars().all()
    lists = [
        set(re.findall(r"'(\w+)'::text", check)) for check in checks if check.startswith(f"CHECK (({column} = ANY")
    ]
    assert len(lists) == 1, (table, column, checks)
    return lists[0]


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_the_code_and_the_database_know_the_same_states(table: str, column: str):
    assert {state.value for state in COLUMNS[table, column]} == allowed(table, column)


def test_every_status_of_the_database_is_among_them():
    query = """
        SELECT table_name FROM information_schema.columns WHERE column_name = 'status' AND data_type = 'text'
            AND table_schema = 'public'
    """
    with transaction() as tx:
        tables = set(tx.execute(text(query)).scalars())
    assert tables - {table for table, column in COLUMNS if column == "status"} == set()


def test_requests_and_responses_know_the_same_states():
    assert list(get_args(states.EventStatusName)) == list(states.EventStatus)
    assert list(get_args(states.TierKindName)) == list(states.TierKind)


def test_a_state_is_written_and_compared_as_its_string():
    with transaction() as tx:
        row = tx.execute(text("SELECT CAST(:status AS text) AS status"), {"status": states.OrderStatus.PAID}).one()
    assert row.status == "paid" == states.OrderStatus.PAID
