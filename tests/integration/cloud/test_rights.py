"""History can't be rewritten: not by the product, whose role lacks the right, nor by the owner (SEC-006, LEDGER)."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud import audit
from shared.cloud.clients import make_engine
from shared.cloud.database import transaction

HISTORY = ["audit_log", "ledger_postings", "ledger_entries"]
KEPT_SEVEN_YEARS = [
    *("orders", "order_items", "payments", "webhook_events", "tickets", "refunds", "refund_items", "payouts"),
    *("disbursements", "bank_accounts", "event_cancellations", "bib_numbers", "users", "approvals"),
]
CHANGES = ["UPDATE {} SET id = DEFAULT", "DELETE FROM {}", "TRUNCATE {} CASCADE"]


@pytest.fixture(autouse=True)
def _database(own_database: str):
    pass


@pytest.mark.parametrize("table", HISTORY)
@pytest.mark.parametrize("change", CHANGES)
def test_the_product_may_not_change_it(table: str, change: str):
    with pytest.raises(DBAPIError, match="permission denied"), transaction() as tx:
        tx.execute(text(change.format(table)))


@pytest.mark.parametrize("table", HISTORY)
@pytest.mark.parametrize("change", CHANGES)
def test_the_owner_is_refused_by_a_trigger(table: str, change: str):
    engine = make_engine()
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(change.format(table))
    engine.dispose()


@pytest.mark.parametrize("table", KEPT_SEVEN_YEARS)
def test_the_product_deletes_nothing_that_the_tax_law_wants_to_see(table: str):  # DP-003
    with pytest.raises(DBAPIError, match="permission denied"), transaction() as tx:
        tx.execute(text(f"DELETE FROM {table}"))


@pytest.mark.parametrize(
    "statement",
    ["ALTER TABLE audit_log DISABLE TRIGGER ALL", "DROP TABLE outbox", "SET session_replication_role = replica"],
)
def test_the_product_may_not_take_the_walls_away(statement: str):
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"), transaction() as tx:
        tx.execute(text(statement))


def test_the_product_may_add_to_it():
    with transaction() as tx:
        audit.record(tx, "tested", subject="right", subject_id=None)
    with transaction() as tx:
        assert tx.execute(text("SELECT count(*) FROM audit_log WHERE action = 'tested'")).scalar_one() == 1
