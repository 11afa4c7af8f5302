"""The platform's figures of closed days are those of the books, to the rupiah, whatever is closed and when (AR-007)."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from functions.reconcile.main import nightly
from shared.cloud.clients import make_engine
from shared.cloud.database import snapshot, transaction
from shared.payments import clearing
from shared.reports import daily_figures, overview, platform_closing
from shared.reports.periods import Period, PeriodQuery
from shared.settlement_reports import overdue
from tests.benchmarks.reports_data import fill
from tests.factories import a_tier, an_event
from tests.integration.refunds.sales import a_paid_order
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")

JAKARTA = ZoneInfo("Asia/Jakarta")
NOON_EDGES = (-40.6, -3.4)
"""Days from now until the ends of a period, which lie within days."""


@pytest.fixture(autouse=True)
def sixty_days_of_sales(database: str) -> None:
    """Two thousand orders, some of them given back; no day is closed."""
    owner = make_engine()
    with owner.begin() as connection:
        connection.exec_driver_sql("TRUNCATE daily_platform_sales, daily_platform_books")
        if not connection.exec_driver_sql("SELECT count(*) FROM ledger_postings").scalar():
            fill(connection, 1000)
    owner.dispose()


def periods_to_look_at() -> list[Period]:
    """Thirty days, parts of days, whole days, a part of one day, and what lies before and after all of them."""
    now = datetime.now(UTC)
    midnight = now.astimezone(JAKARTA).replace(hour=0, minute=0, second=0, microsecond=0)
    lengths = [(-30, 0), NOON_EDGES, (-2.2, -2.1), (-400, 400), (-400, -300), (1, 2)]
    whole = [(-10, -9), (-20, 0), (-1, 1)]
    found = [(now + timedelta(days=since), now + timedelta(days=until)) for since, until in lengths]
    found += [(midnight + timedelta(days=since), midnight + timedelta(days=until)) for since, until in whole]
    return [Period("Asia/Jakarta", since.astimezone(UTC), until.astimezone(UTC)) for since, until in found]


def figures(period: Period) -> dict[str, Any]:
    with snapshot() as tx:
        return overview.overview(tx, period).model_dump(exclude={"as_of"})


def closed_days() -> int:
    with transaction() as tx:
        return tx.execute(text("SELECT count(*) FROM daily_platform_books")).scalar_one()


def book(*, days_ago: float, commission: int) -> None:
    """A posting whose transaction began so many days ago and has taken until now."""
    owner = make_engine()
    with owner.begin() as connection:
        posting_id = connection.execute(
            text("""
                INSERT INTO ledger_postings (kind, reference_id, order_id, event_id, organizer_id, created_at)
                SELECT 'dashboard_goodwill', gen_random_uuid(), id, event_id, organizer_id,
                    now() - make_interval(secs => :seconds)
                FROM orders LIMIT 1 RETURNING id
            """),
            {"seconds": days_ago * 86_400},
        ).scalar_one()
        connection.execute(
            text("""
                INSERT INTO ledger_entries (posting_id, account, amount)
                VALUES (:id, 'commission_revenue', :credit), (:id, 'goodwill_refunds', :debit)
            """),
            {"id": posting_id, "credit": -commission, "debit": commission},
        )
    owner.dispose()


def test_every_figure_is_the_same_before_and_after_the_days_are_closed():
    looked_at = periods_to_look_at()
    counted = [figures(period) for period in looked_at]
    assert counted[0]["totals"]["transactions"] > 0
    assert counted[0]["totals"]["refunded_amount"] > 0
    assert platform_closing.close() == closed_days() >= 59
    assert [figures(period) for period in looked_at] == counted


def test_a_closed_day_is_read_from_where_it_is_kept():
    period = periods_to_look_at()[0]
    counted = figures(period)["totals"]["turnover"]
    platform_closing.close()
    with transaction() as tx:
        tx.execute(text("UPDATE daily_platform_sales SET turnover = 0"))
    assert figures(period)["totals"]["turnover"] < counted


def test_what_is_sold_today_is_seen_at_once():
    platform_closing.close()
    with transaction() as tx:
        period = overview.period_of(PeriodQuery())
        event = an_event(tx, tiers=[a_tier(price=100_000)])
    before = figures(period)["totals"]["turnover"]
    order = a_paid_order(event)
    later = Period(period.zone, period.since, datetime.now(UTC) + timedelta(minutes=1))
    assert figures(later)["totals"]["turnover"] == before + order.total_amount


def test_a_transaction_that_ended_after_its_day_was_closed_is_counted_the_next_night():
    platform_closing.close()
    period = periods_to_look_at()[3]
    before = figures(period)["revenue_total"]
    book(days_ago=1, commission=777)
    book(days_ago=0, commission=1_000)
    assert figures(period)["revenue_total"] - before in (1_000, 1_777)  # in the first hours a day is not closed
    platform_closing.close()
    assert figures(period)["revenue_total"] == before + 1_777


def test_days_without_sales_are_closed_too():
    book(days_ago=90, commission=1)
    platform_closing.close()
    assert closed_days() >= 89
    lines = figures(periods_to_look_at()[3])["revenue"]
    assert len(lines) < closed_days()


def test_a_day_of_many_sales_may_take_minutes_to_close(monkeypatch: pytest.MonkeyPatch):
    platform_closing.close()
    only_then = text("SELECT 1 / CAST(current_setting('statement_timeout') = '5min' AS int)")
    with monkeypatch.context() as patched:
        patched.setattr(platform_closing, "_CLOSE", (only_then,))
        assert platform_closing.close() == platform_closing.REOPENED_DAYS
    platform_closing.close()


def test_a_run_that_has_no_time_left_keeps_what_it_closed_and_the_next_one_goes_on():
    looked_at = periods_to_look_at()
    counted = [figures(period) for period in looked_at]
    seen = []
    while not seen or closed_days() > seen[-1]:
        seen.append(closed_days())
        assert platform_closing.close(seconds=0) <= platform_closing.REOPENED_DAYS + 1
        assert [figures(period) for period in looked_at] == counted
    assert seen[:3] == [0, 3, 4]
    assert seen[-1] >= 59
    assert platform_closing.close() == platform_closing.REOPENED_DAYS


def days_kept() -> list[tuple[Any, ...]]:
    with transaction() as tx:
        tables = ("daily_platform_books", "daily_platform_sales")
        return [tuple(row) for table in tables for row in tx.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3"))]


def die_from(day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a closing die in the last statement about this day, and about each after it."""
    dies = f"""INSERT INTO daily_platform_books (day)
        SELECT CAST(:day AS date) + 0 / CAST(CAST(:day AS date) < {day} AS int) ON CONFLICT DO NOTHING"""
    monkeypatch.setattr(platform_closing, "_CLOSE_EMPTY", text(dies))


def test_a_closing_that_dies_between_two_days_keeps_those_before_and_the_next_one_goes_on():
    book(days_ago=90, commission=1)  # most days after it are without sales
    looked_at = periods_to_look_at()
    counted = [figures(period) for period in looked_at]
    with pytest.MonkeyPatch.context() as patched:
        die_from("CURRENT_DATE - 50", patched)
        with pytest.raises(DBAPIError):
            platform_closing.close()
    assert 35 <= closed_days() < 59
    assert [figures(period) for period in looked_at] == counted
    platform_closing.close()
    assert closed_days() >= 89
    assert [figures(period) for period in looked_at] == counted


def test_a_closing_that_dies_on_its_first_day_takes_no_closed_day_away():
    platform_closing.close()
    kept = days_kept()
    for _ in range(3):
        with pytest.MonkeyPatch.context() as patched:
            die_from("CURRENT_DATE - 50", patched)
            with pytest.raises(DBAPIError):
                platform_closing.close()
    assert days_kept() == kept


@pytest.mark.parametrize("failing", [(daily_figures, "recount_changed"), (platform_closing, "close")])
def test_figures_that_can_not_be_counted_keep_no_others_and_no_money_from_being_looked_at(
    failing: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
):
    steps = [(daily_figures, "recount_changed"), (platform_closing, "close"), (overdue, "check"), (clearing, "check")]
    done = []

    def fail() -> None:
        raise RuntimeError("too many")

    for module, name in steps:
        monkeypatch.setattr(module, name, partial(done.append, module))
    monkeypatch.setattr(*failing, fail)
    with pytest.raises(RuntimeError):
        nightly()
    assert done == [module for module, name in steps if (module, name) != failing]


def test_closings_at_the_same_time_close_each_day_once():
    looked_at = periods_to_look_at()
    counted = [figures(period) for period in looked_at]
    at_the_same_time([platform_closing.close] * 4)
    assert [figures(period) for period in looked_at] == counted


def top_by_hand(period: Period) -> list[tuple[UUID, int, int]]:
    """The best-selling events of a period, counted from all its orders."""
    with transaction() as tx:
        rows = tx.execute(
            text("""
                SELECT o.event_id, count(*) FILTER (WHERE i.returned_at IS NULL) AS sold,
                    COALESCE(sum(i.unit_price - i.discount) FILTER (WHERE i.returned_at IS NULL), 0) AS value
                FROM orders o JOIN order_items i ON i.order_id = o.id
                WHERE o.paid_at >= :since AND o.paid_at < :until
                GROUP BY o.event_id ORDER BY sold DESC, value DESC, o.event_id LIMIT 10
            """),
            period.values,
        )
        return [(row.event_id, row.sold, int(row.value)) for row in rows if row.sold]


def top(period: Period) -> list[tuple[UUID, int, int]]:
    best = figures(period)["top_events"]
    return [(each["event_id"], each["sold"], each["value"]) for each in best if each["sold"]]


def test_the_best_selling_events_are_those_of_the_orders_in_whatever_zone_they_are():
    change = "UPDATE events SET timezone = :zone WHERE slug = ANY(:slugs)"
    with transaction() as tx:
        tx.execute(text(change), {"zone": "Asia/Jayapura", "slugs": [f"konser-{number}" for number in range(25)]})
        tx.execute(text(change), {"zone": "Asia/Makassar", "slugs": [f"konser-{number}" for number in range(25, 40)]})
    for event_id in daily_figures.all_events():
        daily_figures.recount(event_id)
    looked_at = periods_to_look_at()
    assert [top(period) for period in looked_at] == [top_by_hand(period) for period in looked_at]
    assert len(top(looked_at[0])) == 10
    with transaction() as tx:  # until the next night, what is kept of these is of other days
        tx.execute(text(change), {"zone": "Asia/Tokyo", "slugs": ["konser-0", "konser-30"]})
    assert [top(period) for period in looked_at] == [top_by_hand(period) for period in looked_at]
