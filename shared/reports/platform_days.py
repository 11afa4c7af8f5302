"""The platform's figures by day in Jakarta: those of days that are closed are read, and the others counted.

A posting is never changed, and bears the moment at which its transaction began: once a day is over and the transactions
of its last minutes have ended, its figures stay (`platform_closing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, TextClause, text

from shared.accounting import statements
from shared.cloud.database import Transaction
from shared.reports import figures, periods
from shared.reports.periods import Period

Rows = Sequence[RowMapping]

SALES_COLUMNS = "day, method, gateway, transactions, turnover"
SALES_COUNTED = f"""
    SELECT {periods.day("l.created_at")} AS day, p.payment_method AS method, p.gateway,
        {figures.columns(*figures.TRANSACTIONS)}
    FROM {figures.TRANSACTIONS_SOURCE}  -- Uses index: ledger_postings_age
    WHERE l.kind = 'sale' AND {periods.contains("l.created_at")}
    GROUP BY 1, 2, 3
"""
BOOKS_COLUMNS = f"day, postings, refunded_amount, {', '.join(statements.REVENUE_ACCOUNTS)}"
BOOKS_COUNTED = f"""
    SELECT {periods.day("p.created_at")} AS day, count(DISTINCT p.id) AS postings,
        {figures.columns(figures.REFUNDED_AMOUNT)}, {statements.REVENUE_COLUMNS}
    FROM {figures.RETURNS_SOURCE}  -- Uses index: ledger_postings_age
    WHERE {periods.contains("p.created_at")}
    GROUP BY 1
"""
_COUNT = (text(SALES_COUNTED), text(BOOKS_COUNTED))
_DAYS = "day >= CAST(:first AS date) AND day < CAST(:after AS date)"
_READ = (
    text(f"SELECT {SALES_COLUMNS} FROM daily_platform_sales WHERE {_DAYS}"),
    text(f"SELECT {BOOKS_COLUMNS} FROM daily_platform_books WHERE {_DAYS}"),
)
_OPEN_SINCE = text("SELECT max(day) + 1 FROM daily_platform_books")


@dataclass(frozen=True)
class PlatformDays:
    """Sales by day, method and gateway, and what else was booked by day; parts of a day may be rows of their own."""

    sales: Rows
    books: Rows


def read(tx: Transaction, period: Period) -> PlatformDays:
    """The figures of a period in Jakarta that has both ends; `tx` is a snapshot."""
    closed = _closed_days(period, tx.execute(_OPEN_SINCE).scalar())
    if closed is None:
        return _executed(tx, _COUNT, period.values)
    rest = [Period(period.zone, period.since, closed.since), Period(period.zone, closed.until, period.until)]
    parts = [_executed(tx, _READ, {"first": closed.first, "after": closed.after})]
    parts += [_executed(tx, _COUNT, each.values) for each in rest if each.since != each.until]
    return PlatformDays([row for part in parts for row in part.sales], [row for part in parts for row in part.books])


def _closed_days(period: Period, open_since: date | None) -> Period | None:
    """The whole days of the period before `open_since`; None where there are none."""
    if period.first is None or period.after is None or open_since is None:
        return None
    after = min(period.after, open_since)
    return periods.of_days(period.first, after, period.zone) if period.first < after else None


def _executed(tx: Transaction, queries: Sequence[TextClause], values: dict[str, Any]) -> PlatformDays:
    sales, books = (tx.execute(query, values).mappings().all() for query in queries)
    return PlatformDays(sales, books)
