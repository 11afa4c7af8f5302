"""An event's sales as its organizer sees them (AR-001..003, AR-005, AR-006, REP-1).

Each figure is defined in `figures`. The report is cached for all instances and dropped when the event's stock moves,
so that it is right within seconds of a sale.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, text

from shared.cloud import clock
from shared.cloud.database import Transaction, replica_snapshot, transaction
from shared.cloud.read_through_cache import read_through
from shared.identity.tokens import Principal
from shared.problems import NotFound
from shared.reports import daily_figures, figures, periods, report_card
from shared.reports.access import ReportedEvent, require_event
from shared.reports.figures import Figure
from shared.reports.periods import SalesQuery
from shared.reports.report_card import ReportCard
from shared.reports.schemas import (
    CheckIns,
    Funnel,
    PaymentsByMethod,
    PaymentsByStatus,
    PeriodSales,
    SalesReport,
    TierSales,
    Totals,
)
from shared.sales import inventory
from shared.states import PaymentStatus

Row = RowMapping
Rows = Sequence[RowMapping]
Earnings = Callable[[Rows], dict[str, int | None]]

CACHE_SECONDS = 15
"""The longest that a report is served unchanged. REP-1 allows 30 s, and a read replica may be behind for some."""

_TIERS = text(f"""
    SELECT t.id AS tier_id, t.name, t.kind, t.price, {figures.columns(*figures.STOCK)}
    FROM {figures.STOCK_SOURCE}  -- Uses index: ticket_tiers_event
    WHERE t.event_id = :event_id AND (CAST(:tier_id AS uuid) IS NULL OR t.id = CAST(:tier_id AS uuid))
    ORDER BY t.position, t.id
""")
_OPEN = text(f"""
    SELECT {figures.columns(figures.OPEN_ORDERS)} FROM {figures.ORDERS_SOURCE}  -- Uses index: orders_event_created
    WHERE o.event_id = :event_id AND o.status IN ('reserved', 'pending_payment') AND {periods.contains("o.created_at")}
      AND (CAST(:tier_id AS uuid) IS NULL OR EXISTS (
        SELECT 1 FROM order_items i WHERE i.order_id = o.id AND i.tier_id = CAST(:tier_id AS uuid)))
""")
_CHECK_INS = text(f"""
    SELECT {figures.columns(*figures.CHECK_INS)} FROM {figures.TICKETS_SOURCE}  -- Uses index: tickets_event
    WHERE k.event_id = :event_id AND (CAST(:tier_id AS uuid) IS NULL OR EXISTS (
        SELECT 1 FROM order_items i WHERE i.id = k.order_item_id AND i.tier_id = CAST(:tier_id AS uuid)))
""")


def read(caller: Principal, event_id: UUID, wanted: SalesQuery) -> SalesReport:
    """The sales of an event, for its organizer or an admin. Raises NotFound, also for a tier of another event."""
    with transaction() as tx:
        event = require_event(tx, caller, event_id, subject="sales")

    def read_now() -> SalesReport:
        with replica_snapshot() as tx:
            return report(tx, event, wanted)

    period = wanted.within(event.timezone)
    key = f"sales:{event_id}:{wanted.tier_id}:{period.since}:{period.until}"
    mark = inventory.cache_mark(event_id)
    return read_through(key, mark, seconds=CACHE_SECONDS, model=SalesReport, read=read_now).value


def report(tx: Transaction, event: ReportedEvent, wanted: SalesQuery) -> SalesReport:
    """The sales as they are at this moment; `tx` is a snapshot. Raises NotFound for a tier of another event."""
    periods.plan_for_these_values(tx)
    period = wanted.within(event.timezone)
    values = {**period.values, "event_id": event.id, "tier_id": wanted.tier_id}
    found = daily_figures.read(tx, event.id, period, wanted.tier_id)
    tiers = [_tier(row, found.sales) for row in _rows(tx, _TIERS, values)]
    if wanted.tier_id and not tiers:
        raise NotFound
    earnings = _of_one_tier if wanted.tier_id else _earnings
    return SalesReport(
        event_id=event.id,
        currency="IDR",
        timezone=event.timezone,
        as_of=clock.now(),
        totals=Totals(**_stock(tiers), **earnings(found.sales)),
        tiers=tiers,
        by_day=_by_period(found.sales, earnings, lambda day: day),
        by_week=_by_period(found.sales, earnings, periods.week_of),
        by_month=_by_period(found.sales, earnings, periods.month_of),
        payment_status=_by_status(found.payments),
        payment_methods=_by_method(found.payments),
        funnel=_funnel(found.sales, tx.execute(_OPEN, values).scalar_one()),
        check_ins=CheckIns(**_rows(tx, _CHECK_INS, values)[0]),
        report_card=_card(tiers),
    )


def _rows(tx: Transaction, statement: TextClause, values: Mapping[str, Any]) -> Rows:
    return tx.execute(statement, values).mappings().all()


def _tier(row: Row, sales: Rows) -> TierSales:
    return TierSales(**row, **_sum(figures.SALES, [each for each in sales if each["tier_id"] == row["tier_id"]]))


def _stock(tiers: Sequence[TierSales]) -> dict[str, int]:
    return {figure.name: sum(getattr(tier, figure.name) for tier in tiers) for figure in figures.STOCK}


def _earnings(rows: Rows) -> dict[str, int | None]:
    amounts = _sum((*figures.SALES, *figures.RETURNS), rows)
    return {**amounts, figures.NET.name: figures.net(amounts)}


def _of_one_tier(rows: Rows) -> dict[str, int | None]:
    unknown = dict.fromkeys(figure.name for figure in (*figures.RETURNS, figures.NET))
    return {**_sum(figures.SALES, rows), **unknown}


def _by_period(rows: Rows, earnings: Earnings, period_of: Callable[[date], date]) -> list[PeriodSales]:
    found: dict[date, list[Row]] = defaultdict(list)
    for row in rows:
        if any(row[figure.name] for figure in (*figures.SALES, *figures.RETURNS)):
            found[period_of(row["day"])].append(row)
    return [PeriodSales(period=start, **earnings(found[start])) for start in sorted(found)]


def _funnel(rows: Rows, still_open: int) -> Funnel:
    states = {figures.OPEN_ORDERS.name: still_open, **_sum(figures.OUTCOMES, rows)}
    return Funnel(reserved=sum(states.values()), **states)


def _by_status(payments: Rows) -> list[PaymentsByStatus]:
    statuses = [status for status in PaymentStatus if any(row["status"] == status for row in payments)]
    return [
        PaymentsByStatus(
            status=status, **_sum(figures.BY_PAYMENT, [row for row in payments if row["status"] == status])
        )
        for status in statuses
    ]


def _by_method(payments: Rows) -> list[PaymentsByMethod]:
    """The methods by which money came in, the most money first."""
    paid = [row for row in payments if row["status"] in (PaymentStatus.PAID, PaymentStatus.REFUNDED)]
    ways = dict.fromkeys((row["method"], row["gateway"]) for row in paid)
    found = [
        PaymentsByMethod(
            method=method,
            gateway=gateway,
            **_sum(
                (figures.PAYMENTS, figures.RECEIVED),
                [row for row in paid if (row["method"], row["gateway"]) == (method, gateway)],
            ),
        )
        for method, gateway in ways
    ]
    return sorted(found, key=lambda each: (-each.received, -each.payments, each.method, each.gateway))


def _card(tiers: Sequence[TierSales]) -> ReportCard:
    return report_card.card(
        [
            report_card.category(tier.tier_id, tier.name, slots=tier.quota, sold=tier.sold, available=tier.available)
            for tier in tiers
        ]
    )


def _sum(wanted: Sequence[Figure], rows: Iterable[Row]) -> dict[str, int]:
    kept = list(rows)
    return {figure.name: sum(row[figure.name] for row in kept) for figure in wanted}
