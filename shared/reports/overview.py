"""The platform's figures, for admins (AR-007..010): out of the ledger, so that they agree with it to the rupiah.

They are kept for a minute: nobody decides by the second, and the books of a busy month are large.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from sqlalchemy import RowMapping, text

from shared import local_time
from shared.accounting import statements
from shared.accounting.statements import RevenueLine, RevenueQuery
from shared.cloud import authorization, clock
from shared.cloud.database import Transaction, replica_snapshot, transaction
from shared.cloud.read_through_cache import read_through
from shared.identity.tokens import Principal
from shared.models import ResponseModel
from shared.reports import figures, periods
from shared.reports.periods import Period, PeriodQuery

DEFAULT_DAYS = 30
CACHE_SECONDS = 60
TOP_EVENTS = 10
_MARK = "changed:platform"
"""Nothing invalidates it."""

_NOW = text(f"SELECT {figures.columns(*figures.PLATFORM)}")
_SALES = text(f"""
    SELECT GROUPING(p.payment_method) AS is_day, {periods.day("l.created_at")} AS day, p.payment_method AS method,
        p.gateway, {figures.columns(*figures.TRANSACTIONS)}
    FROM {figures.TRANSACTIONS_SOURCE}  -- Uses index: ledger_postings_age
    WHERE l.kind = 'sale' AND {periods.contains("l.created_at")}
    GROUP BY GROUPING SETS ((2), (p.payment_method, p.gateway)) ORDER BY day, turnover DESC, method, gateway
""")
_REFUNDED = text(f"""
    SELECT {figures.columns(figures.REFUNDED_AMOUNT)}
    FROM {figures.RETURNS_SOURCE}  -- Uses index: ledger_postings_age
    WHERE {figures.IS_RETURN} AND {periods.contains("p.created_at")}
""")
_TOP = text(f"""
    SELECT o.event_id, e.title, e.organizer_id, {figures.columns(*figures.TOP_SELLERS)}
    FROM {figures.SALES_SOURCE} JOIN events e ON e.id = o.event_id  -- Uses index: orders_paid
    WHERE o.status = 'paid' AND NOT e.is_synthetic AND {periods.contains("o.paid_at")}
    GROUP BY o.event_id, e.title, e.organizer_id ORDER BY sold DESC, value DESC, o.event_id LIMIT :top
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
    sales = tx.execute(_SALES, period.values).mappings().all()
    days = [row for row in sales if row["is_day"]]
    revenue = _revenue(tx, period)
    return PlatformOverview(
        currency="IDR",
        as_of=clock.now(),
        since=period.since,
        until=period.until,
        totals=_totals(tx, period, days),
        by_day=[DayTransactions(**row, period=row["day"]) for row in days],
        payment_methods=[MethodTransactions(**row) for row in sales if not row["is_day"]],
        revenue=revenue,
        revenue_total=sum(line.total for line in revenue),
        top_events=[TopEvent(**row) for row in tx.execute(_TOP, {**period.values, "top": TOP_EVENTS}).mappings()],
    )


def period_of(wanted: PeriodQuery) -> Period:
    """The requested period. It ends now if no end is given, and lasts thirty days if no beginning is."""
    asked = wanted.within(local_time.HOME_ZONE)
    until = asked.until or clock.now()
    return Period(local_time.HOME_ZONE, asked.since or until - timedelta(days=DEFAULT_DAYS), until)


def _totals(tx: Transaction, period: Period, days: Sequence[RowMapping]) -> OverviewTotals:
    sums = {figure.name: sum(row[figure.name] for row in days) for figure in figures.TRANSACTIONS}
    refunded = tx.execute(_REFUNDED, period.values).mappings().one()
    return OverviewTotals(**sums, **refunded, **tx.execute(_NOW).mappings().one())


def _revenue(tx: Transaction, period: Period) -> list[RevenueLine]:
    if period.since is None or period.until is None or period.until <= period.since:
        return []
    return statements.revenue(tx, RevenueQuery.model_validate({"from": period.since, "to": period.until}))
