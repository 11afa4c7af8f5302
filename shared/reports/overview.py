"""The platform's figures, for admins (AR-007..010): out of the ledger, so that they agree with it to the rupiah.

Days that are over are counted once (`platform_days`). The answer is kept for a minute: nobody decides by the second.
"""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from sqlalchemy import text

from shared import local_time
from shared.accounting import statements
from shared.accounting.statements import RevenueLine
from shared.cloud import authorization, clock
from shared.cloud.database import Transaction, replica_snapshot, transaction
from shared.cloud.read_through_cache import read_through
from shared.identity.tokens import Principal
from shared.models import ResponseModel
from shared.reports import figures, periods, platform_days
from shared.reports.periods import Period, PeriodQuery
from shared.reports.platform_days import PlatformDays, Rows

DEFAULT_DAYS = 30
CACHE_SECONDS = 60
TOP_EVENTS = 10
_MARK = "changed:platform"
"""Nothing invalidates it."""

_NOW = text(f"SELECT {figures.columns(*figures.PLATFORM)}")
_FIRST = "CAST(CAST(:since AS timestamptz) AT TIME ZONE {zone} + interval '1 day - 1 microsecond' AS date)"
_AFTER = "CAST(CAST(:until AS timestamptz) AT TIME ZONE {zone} AS date)"
_IS_WHOLE_DAY = f"{{day}} >= {_FIRST} AND {{day}} < {_AFTER}"
"""The condition that a day of a zone lies within the period as a whole."""
_OF_WHOLE_DAY = _IS_WHOLE_DAY.format(day="CAST(o.paid_at AT TIME ZONE e.timezone AS date)", zone="e.timezone")
_ITS_SALES = f"""
    SELECT o.event_id, {figures.columns(figures.SOLD, figures.REFUNDED, figures.VALUE)}
    FROM {figures.SALES_SOURCE} JOIN events e ON e.id = o.event_id
    WHERE o.status = 'paid' AND {periods.contains("o.paid_at")} AND
"""
# Of whole days of an event, its kept figures; of the others, and of an event whose zone has just changed, its orders.
_TOP = text(f"""
    WITH kept AS (
        SELECT d.event_id, d.timezone, d.sold, d.refunded, d.value, e.timezone <> d.timezone AS has_moved
        FROM daily_figures d JOIN events e ON e.id = d.event_id  -- Uses index: daily_figures_day
        WHERE d.day >= CAST(:since AS date) - 2 AND d.day <= CAST(:until AS date) + 2
            AND ({_IS_WHOLE_DAY.format(day="d.day", zone="d.timezone")} OR e.timezone <> d.timezone)
    ), moved AS (SELECT DISTINCT event_id FROM kept WHERE has_moved)
    SELECT f.event_id, e.title, e.organizer_id, {figures.sums(figures.SOLD, figures.VALUE)} FROM (
        SELECT event_id, sold, refunded, value FROM kept WHERE event_id NOT IN (SELECT event_id FROM moved)
        UNION ALL
        ({_ITS_SALES} o.event_id NOT IN (SELECT event_id FROM moved) AND NOT ({_OF_WHOLE_DAY})
            AND (o.paid_at < CAST(:since AS timestamptz) + interval '26 hours'  -- Uses index: orders_paid
                OR o.paid_at >= CAST(:until AS timestamptz) - interval '26 hours')
        GROUP BY o.event_id)
        UNION ALL
        ({_ITS_SALES} o.event_id IN (SELECT event_id FROM moved) GROUP BY o.event_id)
    ) AS f JOIN events e ON e.id = f.event_id
    WHERE NOT e.is_synthetic
    GROUP BY f.event_id, e.title, e.organizer_id HAVING sum(f.sold) + sum(f.refunded) > 0
    ORDER BY sold DESC, value DESC, f.event_id LIMIT :top
""")


class Transactions(ResponseModel):
    """Sales that were booked in the period; money in rupiah."""

    transactions: Annotated[int, figures.TRANSACTION_COUNT.field]
    turnover: Annotated[int, figures.TURNOVER.field]


class OverviewTotals(Transactions):
    """The platform in the period, and as it is now."""

    refunded_amount: Annotated[int, figures.REFUNDED_AMOUNT.field]
    events_on_sale: Annotated[int, figures.EVENTS_ON_SALE.field]
    organizers: Annotated[int, figures.ORGANIZERS.field]
    customers: Annotated[int, figures.CUSTOMERS.field]


class MethodTransactions(Transactions):
    """Sales by the method of the payment that completed them, as the buyer chose it."""

    method: str
    gateway: str


class DayTransactions(Transactions):
    """A day in Jakarta."""

    period: date


class TopEvent(ResponseModel):
    """A best-selling event; money in rupiah."""

    event_id: UUID
    title: str
    organizer_id: UUID
    sold: Annotated[int, figures.SOLD.field]
    value: Annotated[int, figures.VALUE.field]


class PlatformOverview(ResponseModel):
    """The platform in a period from `since` (included) until `until` (excluded). Money in rupiah, days in Jakarta.

    `revenue` is what GET /admin/ledger/revenue says, day by day.
    """

    currency: Literal["IDR"]
    as_of: datetime
    since: datetime
    until: datetime
    totals: OverviewTotals
    by_day: list[DayTransactions]
    payment_methods: list[MethodTransactions]
    revenue: list[RevenueLine]
    revenue_total: int
    top_events: list[TopEvent]


def read(admin: Principal, wanted: PeriodQuery) -> PlatformOverview:
    """The platform's figures of a period, the last thirty days by default. The look is audited."""
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="platform")
    period = period_of(wanted)

    def read_now() -> PlatformOverview:
        with replica_snapshot() as tx:
            return overview(tx, period)

    key = f"platform:{wanted.from_}:{wanted.to}"
    return read_through(key, _MARK, seconds=CACHE_SECONDS, model=PlatformOverview, read=read_now).value


def overview(tx: Transaction, period: Period) -> PlatformOverview:
    """The platform's figures at this moment; `tx` is a snapshot, and `period` has both ends."""
    periods.plan_for_these_values(tx)
    found = platform_days.read(tx, period)
    revenue = [
        statements.revenue_line(day, amounts) for day, amounts in _summed(found.books, "day") if amounts["postings"]
    ]
    return PlatformOverview(
        currency="IDR",
        as_of=clock.now(),
        since=period.since,
        until=period.until,
        totals=_totals(tx, found),
        by_day=[DayTransactions(period=day, **amounts) for day, amounts in _summed(found.sales, "day")],
        payment_methods=_by_method(found.sales),
        revenue=revenue,
        revenue_total=sum(line.total for line in revenue),
        top_events=[TopEvent(**row) for row in tx.execute(_TOP, {**period.values, "top": TOP_EVENTS}).mappings()],
    )


def period_of(wanted: PeriodQuery) -> Period:
    """The requested period. It ends now if no end is given, and lasts thirty days if no beginning is."""
    period = wanted.within(local_time.HOME_ZONE)
    until = period.until or clock.now()
    return Period(local_time.HOME_ZONE, period.since or until - timedelta(days=DEFAULT_DAYS), until)


def _totals(tx: Transaction, found: PlatformDays) -> OverviewTotals:
    sums = {figure.name: sum(row[figure.name] for row in found.sales) for figure in figures.TRANSACTIONS}
    refunded = sum(row[figures.REFUNDED_AMOUNT.name] for row in found.books)
    return OverviewTotals(**sums, refunded_amount=refunded, **tx.execute(_NOW).mappings().one())


def _by_method(sales: Rows) -> list[MethodTransactions]:
    """The sales of each method and gateway, those of the highest turnover first."""
    found = [
        MethodTransactions(method=method, gateway=gateway, **amounts)
        for (method, gateway), amounts in _summed(sales, "method", "gateway")
    ]
    return sorted(found, key=lambda each: (-each.turnover, each.method, each.gateway))


def _summed(rows: Rows, *keys: str) -> list[tuple[Any, dict[str, int]]]:
    """The numbers in these rows added up by the columns `keys`, in their order; of one key its value, else a tuple."""
    sums: dict[Any, Counter[str]] = {}
    for row in rows:
        key = row[keys[0]] if len(keys) == 1 else tuple(row[name] for name in keys)
        sums.setdefault(key, Counter()).update({name: value for name, value in row.items() if isinstance(value, int)})
    return sorted((key, dict(amounts)) for key, amounts in sums.items())
