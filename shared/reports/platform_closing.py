"""The closing of days: the platform's figures of a day that is over are counted once, and kept.

A day is closed two hours after its end. The last two closed ones are counted anew every night, should a transaction of
one have taken longer. What is not closed is counted by whoever reads it (`platform_days`), so that a night without a
closing makes reports slower, and never wrong. Each day is closed in a transaction of its own, also one that is counted
anew: whatever ends a run takes nothing away that was kept. One run closes for some minutes at most: where many days are
open, the next nights go on.
"""

import time
from datetime import date, timedelta

from sqlalchemy import text

from shared import local_time
from shared.cloud.database import transaction
from shared.reports import periods
from shared.reports.platform_days import BOOKS_COLUMNS, BOOKS_COUNTED, SALES_COLUMNS, SALES_COUNTED

REOPENED_DAYS = 2
RUN_SECONDS = 120
"""The time after which a run closes no further day: what the night still has to check must have its turn."""

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('daily_platform', 0))")
_FIRST = text("""
    SELECT COALESCE(
        (SELECT GREATEST(min(day), max(day) + 1 - CAST(:days AS int)) FROM daily_platform_books),
        (SELECT CAST(min(created_at) AT TIME ZONE CAST(:zone AS text) AS date) FROM ledger_postings))
""")
_IS_OVER = text("""
    SELECT CAST(:day AS date) < CAST((now() - interval '2 hours') AT TIME ZONE CAST(:zone AS text) AS date)
""")
_REOPEN = (
    text("DELETE FROM daily_platform_sales WHERE day = :day"),
    text("DELETE FROM daily_platform_books WHERE day = :day"),
)
_CLOSE = (
    text(f"INSERT INTO daily_platform_sales ({SALES_COLUMNS}) {SALES_COUNTED}"),
    text(f"INSERT INTO daily_platform_books ({BOOKS_COLUMNS}) {BOOKS_COUNTED}"),
)
_CLOSE_EMPTY = text("INSERT INTO daily_platform_books (day) VALUES (:day) ON CONFLICT DO NOTHING")


def close(*, seconds: float = RUN_SECONDS) -> int:
    """Close the days that are over, the last two closed ones again; return how many were closed.

    After `seconds` it leaves the rest to the next run, but closes one day at least that was not closed before.
    """
    deadline = time.monotonic() + seconds
    count = 0
    with transaction() as tx:
        first: date | None = tx.execute(_FIRST, {"days": REOPENED_DAYS, "zone": local_time.HOME_ZONE}).scalar()
    if first is not None:
        while (count <= REOPENED_DAYS or time.monotonic() < deadline) and _close(first + timedelta(days=count)):
            count += 1
    return count


def _close(day: date) -> bool:
    """Close a day, or close it again, in a transaction of its own; False where it is not over."""
    with transaction() as tx:
        periods.take_minutes(tx)
        tx.execute(_LOCK)
        if not tx.execute(_IS_OVER, {"day": day, "zone": local_time.HOME_ZONE}).scalar_one():
            return False
        values = periods.of_days(day, day + timedelta(days=1), local_time.HOME_ZONE).values
        for statement in _REOPEN:
            tx.execute(statement, {"day": day})
        for statement in _CLOSE:
            tx.execute(statement, values)
        tx.execute(_CLOSE_EMPTY, {"day": day})
    return True
