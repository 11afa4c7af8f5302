"""Pages of admins, and what moves money, are read through indexes, however many orders there are.

No table of many rows is read through.
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import TextClause, text

from shared.accounting.accounts import organizer_payable
from shared.admin import event_record, mails, order_record, payment_record, search, timeline, user_record, webhooks
from shared.admin.checks import CHECKS, MAX_COUNTED, SILENT_AFTER, Check
from shared.admin.search import Lookup
from shared.cloud import clock
from shared.cloud.clients import make_engine
from shared.cloud.database import snapshot
from shared.payments import records as payment_records
from shared.payouts import balance, transfers
from shared.refunds import records as refund_records
from tests.benchmarks.admin_data import fill_more
from tests.benchmarks.reports_data import fill

ORDERS = 4_000
LARGE = (
    "users", "events", "orders", "order_items", "payments", "refunds", "tickets", "emails", "webhook_events",
    "audit_log", "outbox", "ledger_postings", "ledger_entries", "pickups", "disbursements",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def many_orders(own_database: str) -> None:
    """Thousands of orders with all that hangs on them, nothing of it wrong, analysed as it is by night."""
    owner = make_engine()
    with owner.connect() as connection:
        fill(connection, ORDERS)
        fill_more(connection)
        connection.commit()
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
    owner.dispose()


def plan(statement: TextClause, **values: Any) -> str:
    """How PostgreSQL would run the statement with these values."""
    with snapshot() as tx:
        tx.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
        return "\n".join(tx.execute(text(f"EXPLAIN {statement.text}"), values).scalars())


def reads_through(found: str) -> list[str]:
    """The large tables of a plan that are read from beginning to end."""
    return [table for table in LARGE if f"Seq Scan on {table} " in found or f"Seq Scan on {table}\n" in found]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.kind)
def test_a_check_of_the_overview(check: Check):
    now = clock.now()
    found = plan(check.statement, now=now, today=now, silent_after=SILENT_AFTER, limit=MAX_COUNTED)
    assert reads_through(found) == [], found


TYPED = {
    "id": str(uuid4()),
    "email": "pembeli7@example.com",
    "reference": "880812345678",
    "order_code": "a1b2c3d4",
    "pickup_code": "AAAA-0017",
    "name": "konser 17",
}


@pytest.mark.parametrize("lookup", search.LOOKUPS, ids=lambda lookup: lookup.matched)
def test_a_search(lookup: Lookup):
    values = lookup.values(TYPED[lookup.matched])
    assert values is not None
    found = plan(lookup.statement, **values)
    assert [table for table in reads_through(found) if table != "events"] == [], found


@pytest.mark.parametrize(
    ("statement", "index"),
    [(each, "webhook_events_") for each in webhooks.LISTS.values()]
    + [(each, "emails_") for each in mails.LISTS.values()],
    ids=[f"webhooks, {status}" for status in webhooks.LISTS] + [f"mails, {status}" for status in mails.LISTS],
)
def test_a_page_of_a_list(statement: TextClause, index: str):
    found = plan(statement, before=uuid4(), limit=26)
    assert reads_through(found) == [], found
    assert f"using {index}" in found, found


RECORD_PAGES = {
    "an order's parties": order_record._PARTIES,
    "an order's rows": order_record._SUBJECTS,
    "webhooks": timeline._WEBHOOKS,
    "postings": timeline._POSTINGS_OF_ORDER,
    "mails": timeline._MAILS,
    "audit entries": timeline._AUDIT_ENTRIES,
    "audit lines by a person": timeline._BY_PERSON,
    "scans": timeline._SCANS,
    "transfers": timeline._TRANSFERS,
    "audit lines of an action": timeline._OF_ACTION,
    "a payment": payment_record._PAYMENT,
    "a payment's rows": payment_record._SUBJECTS,
    "an account": user_record._ACCOUNT,
    "a person's orders": user_record._ORDERS,
    "a person's refunds": user_record._REFUNDS,
    "an event": event_record._EVENT,
    "an event's orders": event_record._ORDERS,
}


@pytest.mark.parametrize("name", RECORD_PAGES)
def test_a_record_page(name: str):
    one = uuid4()
    values = {
        "id": one,
        "order_id": one,
        "ids": [one],
        "names": [str(one)],
        "subjects": ["order"],
        "limit": 25,
        "action": "x",
    }
    found = plan(RECORD_PAGES[name], **values, reads=["admin.read"], is_read=False)
    assert [table for table in reads_through(found) if table not in ("events", "users")] == [], found


MONEY = {
    "the gateways in use": payment_records._ANY_SINCE,
    "a payment by its gateway's name of it": payment_records._FIND_BY_REFERENCE,
    "a refund by its gateway's name of it": refund_records._FIND_BY_REFERENCE,
    "a transfer by its gateway's name of it": transfers._FIND_BY_REFERENCE,
    "what a payout keeps back": balance._WITHHELD,
}


@pytest.mark.parametrize("name", MONEY)
def test_a_statement_of_a_webhook_a_payout_or_an_hourly_check(name: str):
    values = {
        "gateway": "xendit",
        "since": clock.now() - timedelta(hours=3),
        "external_id": f"{uuid4()}-1",
        "gateway_reference": "gw-1",
        "reference": "rfd-1",
        "ours": uuid4(),
        "organizer_id": uuid4(),
        "event_id": uuid4(),
        "account": organizer_payable(uuid4()),
    }
    found = plan(MONEY[name], **values)
    assert reads_through(found) == [], found
