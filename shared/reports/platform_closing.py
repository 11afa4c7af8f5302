"""The closing of days: the platform's figures of a day that is over are counted once, and kept.

A day is closed two hours after its end. The last two closed ones are counted anew every night, should a transaction of
one have taken longer. What is not closed is counted by whoever reads it (`platform_days`), so that a night without a
closing makes reports slower, and never wrong. Each day is closed in a transaction of its own, and one run closes for
some minutes at most: where many days are open, the next nights go on.
"""

import time
from datetime import timedelta

from sqlalchemy import text

from shared import local_time
from shared.cloud.database import transaction
from shared.reports import periods
from shared.reports.platform_days import BOOKS_COLUMNS, BOOKS_COUNTED, SALES_COLUMNS, SALES_COUNTED

REOPENED_DAYS = 2
RUN_SECONDS = 120
"""The time after which a run closes no further day: what the night still has to check must have its turn."""

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('daily_platform', 0))")
_IS_REOPENED = "day > (SELECT max(day) FROM daily_platform_books) - CAST(:days AS int)"
_REOPEN = (
    text(f"DELETE FROM daily_platform_sales WHERE {_IS_REOPENED}"),
    text(f"DELETE FROM daily_platform_books WHERE {_IS_REOPENED}"),
)
_NEXT = text("""
    SELECT day FROM (SELECT COALESCE(
        (SELECT max(day) + 1 FROM daily_platform_books),
        (SELECT CAST(min(created_at) AT TIME ZONE CAST(:zone AS text) AS date) FROM ledger_postings)) AS day) AS next
    WHERE day < CAST((now() - interval '2 hours') AT TIME ZONE CAST(:zone AS text) AS date)
""")
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
    with transaction() as tx:
        tx.execute(_LOCK)
        for statement in _REOPEN:
            tx.execute(statement, {"days": REOPENED_DAYS})
    count = 0
    while (count <= REOPENED_DAYS or time.monotonic() < deadline) and _close_next():
        count += 1
    return count


def _close_next() -> bool:
    """Close the first day that is not, in a transaction of its own; False where none is over."""
    with transaction() as tx:
        periods.take_minutes(tx)
        tx.execute(_LOCK)
        day = tx.execute(_NEXT, {"zone": local_time.HOME_ZONE}).scalar()
        if day is None:
            return False
        values = periods.of_days(day, day + timedelta(days=1), local_time.HOME_ZONE).values
        for statement in _CLOSE:
            tx.execute(statement, values)
        tx.execute(_CLOSE_EMPTY, {"day": day})
    return True
