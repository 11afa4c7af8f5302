"""Among many orders, what an organizer looks at is read through the index made for it, and not from all orders."""

from uuid import UUID

import pytest
from sqlalchemy import TextClause, text

from shared.cloud.clients import make_engine
from shared.cloud.database import snapshot
from shared.reports import attendees, daily_figures, order_search, patterns, periods, sales
from shared.reports.order_search import OrderSearch
from shared.reports.periods import Period
from tests.benchmarks.reports_data import fill

ORDERS = 4_000


@pytest.fixture(scope="module")
def event_id(own_database: str) -> UUID:
    """One of many events, counted and analysed as it is by night."""
    owner = make_engine()
    with owner.connect() as connection:
        fill(connection, ORDERS)
        event_id: UUID = connection.execute(text("SELECT id FROM events WHERE slug = 'konser-1'")).scalar_one()
        connection.commit()
        for each in daily_figures.all_events():
            daily_figures.recount(each)
        daily_figures.compact()
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
    owner.dispose()
    return event_id


def plan(event_id: UUID, statement: TextClause, **values: object) -> str:
    """How PostgreSQL would run the statement for this event."""
    of_all = {"tier_id": None, "first": None, "after": None, "q": None, **OrderSearch().values}
    given = {**Period("Asia/Jakarta").values, **of_all, **values, "event_id": event_id}
    with snapshot() as tx:
        periods.plan_for_these_values(tx)
        return "\n".join(tx.execute(text(f"EXPLAIN {statement.text}"), given).scalars())


FIGURES, PAYMENTS = daily_figures._TABLES


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (FIGURES.read, "daily_figures_event"),
        (PAYMENTS.read, "daily_payments_event"),
        (FIGURES.compact, "daily_figures_movements"),
        (PAYMENTS.compact, "daily_payments_movements"),
        (sales._CHECK_INS, "Index Only Scan using tickets_event"),
        (order_search._PAGE, "using orders_event_created"),
        (order_search._COUNT, "Index Only Scan using orders_event_created"),
        (attendees._PAGE, "using orders_event_created"),
    ],
    ids=[
        "figures", "payments", "compacting figures", "compacting payments", "check-ins", "orders", "number of orders",
        "attendees",
    ],
)  # fmt: skip
def test_it_is_read_through_its_index(event_id: UUID, statement: TextClause, index: str):
    found = plan(event_id, statement)
    assert index in found, found
    for table in ("orders", "order_items", "payments", "tickets", "daily_figures", "daily_payments"):
        assert f"Seq Scan on {table} " not in found, found


def test_open_orders_are_counted_among_those_that_are_open(event_id: UUID):
    found = plan(event_id, sales._OPEN)
    assert "orders_event_created" in found or "orders_due" in found, found


def test_numbers_are_looked_up(event_id: UUID):
    found = plan(event_id, order_search._SEARCH, **OrderSearch(q="880012345678").values)
    for index in ("external_id", "va_number", "transaction_id", "gateway_reference"):
        assert f"payments_{index}" in found, found


def test_orders_come_in_their_order_without_sorting_all(event_id: UUID):
    assert "Index Only Scan Backward using orders_event_created" in plan(event_id, order_search._PAGE)


def test_a_name_is_looked_for_among_the_event_s_attendees(event_id: UUID):
    found = plan(event_id, attendees._COUNT, q="Peserta 12-", anywhere=patterns.anywhere("Peserta 12-"))
    assert "Seq Scan on orders " not in found, found
