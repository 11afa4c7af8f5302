"""The figures of an event day by day: kept as they happen, or counted from the rows they are about.

Triggers keep them in the transaction of what they count (migration 0044). A kept figure is the sum of its rows, so that
a sale adds rows and waits for none; `compact` puts them together. What `figures` says is counted for parts of days, and
by `recount`, which corrects what is kept.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, text

from shared.cloud import audit
from shared.cloud.database import Transaction, transaction
from shared.reports import figures, periods
from shared.reports.figures import Figure
from shared.reports.periods import Period, take_minutes

log = logging.getLogger(__name__)

Rows = Sequence[RowMapping]

RECOUNTED_DAYS = 2
"""Every night the events are counted anew whose figures have changed within so many days."""
RECOUNT_SECONDS = 120
"""The time after which a night counts no further event anew: what it still has to close and check has its turn."""

_SALES = (*figures.SALES, figures.VALUE)
_BY_DAY = (*_SALES, *figures.RETURNS, *figures.OUTCOMES)
_COUNTED_FIGURES = f"""
    SELECT day, tier_id, {figures.sums(*_BY_DAY)} FROM (
        SELECT {periods.day("o.paid_at")} AS day, i.tier_id, {figures.columns(*_SALES)},
            {figures.zeros(*figures.RETURNS, *figures.OUTCOMES)}
        FROM {figures.SALES_SOURCE}  -- Uses index: orders_event_created
        WHERE o.event_id = :event_id AND o.status IN ('paid', 'refunded') AND {periods.contains("o.paid_at")}
        GROUP BY 1, 2
        UNION ALL
        SELECT {periods.day("p.created_at")}, NULL, {figures.zeros(*_SALES)},
            {figures.columns(*figures.RETURNS)}, {figures.zeros(*figures.OUTCOMES)}
        FROM {figures.RETURNS_SOURCE}  -- Uses index: ledger_postings_event
        WHERE p.event_id = :event_id AND {figures.IS_RETURN} AND {periods.contains("p.created_at")}
        GROUP BY 1
        UNION ALL
        SELECT {periods.day("o.created_at")}, t.tier_id, {figures.zeros(*_SALES, *figures.RETURNS)},
            {figures.columns(*figures.OUTCOMES, times="t.orders")}
        FROM {figures.ORDERS_SOURCE}, order_tiers(o.id) t  -- Uses index: orders_event_created
        WHERE o.event_id = :event_id AND {periods.contains("o.created_at")}
        GROUP BY 1, 2, t.orders
    ) AS found GROUP BY day, tier_id
"""
_COUNTED_PAYMENTS = f"""
    SELECT day, tier_id, status, method, gateway, {figures.sums(*figures.BY_PAYMENT)} FROM (
        SELECT {periods.day("o.created_at")} AS day, t.tier_id, p.status, p.payment_method AS method, p.gateway,
            {figures.columns(*figures.BY_PAYMENT, times="t.orders")}
        FROM {figures.PAYMENTS_SOURCE}, order_tiers(o.id) t  -- Uses index: orders_event_created
        WHERE o.event_id = :event_id AND {periods.contains("o.created_at")}
        GROUP BY 1, 2, 3, 4, 5, t.orders
    ) AS found GROUP BY day, tier_id, status, method, gateway
"""


@dataclass(frozen=True)
class _Kept:
    """A table of kept figures. Each of its rows has `keys` beside its event; `counted` is what they must add up to.

    `insert` and `delete` begin statements that change it: written out, so that schemas/database_roles.py sees them.
    """

    table: str
    insert: str
    delete: str
    keys: str
    figures: tuple[Figure, ...]
    counted: str

    @property
    def names(self) -> str:
        """Its columns of figures."""
        return ", ".join(figure.name for figure in self.figures)

    @cached_property
    def read(self) -> TextClause:
        """The kept rows of the days and the tier."""
        return text(f"""
            SELECT {self.keys}, {figures.sums(*self.figures)} FROM {self.table}  -- Uses index: {self.table}_event
            WHERE event_id = :event_id AND (CAST(:tier_id AS uuid) IS NULL OR tier_id = CAST(:tier_id AS uuid))
              AND (CAST(:first AS date) IS NULL OR day >= CAST(:first AS date))
              AND (CAST(:after AS date) IS NULL OR day < CAST(:after AS date))
            GROUP BY {self.keys} HAVING {figures.is_any(*self.figures)}
        """)

    @cached_property
    def count(self) -> TextClause:
        """The figures by day as the orders tell them, counted anew."""
        return text(f"""
            SELECT * FROM ({self.counted}) AS counted
            WHERE CAST(:tier_id AS uuid) IS NULL OR tier_id = CAST(:tier_id AS uuid)
        """)

    @cached_property
    def correct(self) -> TextClause:
        """Add what is missing from what is counted: one statement, which sees one moment."""
        negated = ", ".join(f"-{figure.name}" for figure in self.figures)
        return text(f"""
            {self.insert} (event_id, timezone, {self.keys}, {self.names})
            SELECT :event_id, timezone, {self.keys}, {figures.sums(*self.figures)} FROM (
                SELECT CAST(:zone AS text) AS timezone, {self.keys}, {self.names} FROM ({self.counted}) AS counted
                UNION ALL
                SELECT timezone, {self.keys}, {negated} FROM {self.table} WHERE event_id = :event_id
            ) AS differences GROUP BY timezone, {self.keys} HAVING {figures.is_any(*self.figures)}
        """)

    @cached_property
    def compact(self) -> TextClause:
        """Put together the rows of the days to which some have been added."""
        return text(f"""
            WITH days AS (
                SELECT DISTINCT event_id, day FROM {self.table} WHERE NOT is_sum  -- Uses index: {self.table}_movements
            ), gone AS (
                {self.delete} kept USING days
                WHERE kept.event_id = days.event_id AND kept.day = days.day RETURNING kept.*
            )
            {self.insert} (event_id, timezone, {self.keys}, {self.names}, is_sum, created_at)
            SELECT event_id, timezone, {self.keys}, {figures.sums(*self.figures)}, true, max(created_at)
            FROM gone GROUP BY event_id, timezone, {self.keys} HAVING {figures.is_any(*self.figures)}
        """)


_FIGURES = _Kept(
    table="daily_figures",
    insert="INSERT INTO daily_figures",
    delete="DELETE FROM daily_figures",
    keys="day, tier_id",
    figures=_BY_DAY,
    counted=_COUNTED_FIGURES,
)
_PAYMENTS = _Kept(
    table="daily_payments",
    insert="INSERT INTO daily_payments",
    delete="DELETE FROM daily_payments",
    keys="day, tier_id, status, method, gateway",
    figures=figures.BY_PAYMENT,
    counted=_COUNTED_PAYMENTS,
)
_TABLES = (_FIGURES, _PAYMENTS)

_HAS_OTHER_DAYS = text("""
    SELECT EXISTS (SELECT 1 FROM daily_figures WHERE event_id = :event_id AND timezone <> :zone)
        OR EXISTS (SELECT 1 FROM daily_payments WHERE event_id = :event_id AND timezone <> :zone)
""")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('daily_figures', 0))")
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('daily_figures', 0))")
_ZONE = text("SELECT timezone FROM events WHERE id = :event_id")
_ALL = text("""
    SELECT id FROM events e
    WHERE EXISTS (SELECT 1 FROM orders WHERE event_id = e.id)  -- Uses index: orders_event_created
""")
# What changed first has to be counted first: it is the next of which nobody asks any more.
_CHANGED = text("""
    WITH kept AS (
        SELECT event_id, timezone, created_at FROM daily_figures
        UNION ALL SELECT event_id, timezone, created_at FROM daily_payments)
    SELECT k.event_id FROM kept k JOIN events e ON e.id = k.event_id
    WHERE k.created_at > now() - make_interval(days => :days) OR k.timezone <> e.timezone
    GROUP BY k.event_id ORDER BY max(k.created_at), k.event_id
""")


@dataclass(frozen=True)
class DailyFigures:
    """The figures of each day and tier, and those of payments by their state, method and gateway too."""

    sales: Rows
    payments: Rows


def read(tx: Transaction, event_id: UUID, period: Period, tier_id: UUID | None) -> DailyFigures:
    """The figures of an event in a period, of all tiers or one.

    They are counted where nothing is kept of just that: parts of days at the ends of the period, and all of it where
    the event's time zone has changed and its days with it.
    """
    values = {"event_id": event_id, "tier_id": tier_id}
    if tx.execute(_HAS_OTHER_DAYS, {**values, "zone": period.zone}).scalar_one():
        return count(tx, event_id, period, tier_id)
    days = {"first": period.first, "after": period.after}
    parts = [_executed(tx, [table.read for table in _TABLES], {**values, **days})]
    parts += [count(tx, event_id, edge, tier_id) for edge in period.edges]
    return DailyFigures([row for part in parts for row in part.sales], [row for part in parts for row in part.payments])


def count(tx: Transaction, event_id: UUID, period: Period, tier_id: UUID | None) -> DailyFigures:
    """An event's figures, counted from its orders, payments and postings, whatever is kept."""
    values = {**period.values, "event_id": event_id, "tier_id": tier_id}
    return _executed(tx, [table.count for table in _TABLES], values)


def recount(event_id: UUID) -> int:
    """Count the figures of an event anew; return how many that were kept differed, and are right now.

    It is exact while tickets are sold: what it adds is the difference at one moment, and triggers add what comes after.
    """
    with transaction() as tx:
        take_minutes(tx)
        tx.execute(_LOCK)  # two corrections at once would correct twice
        zone = tx.execute(_ZONE, {"event_id": event_id}).scalar_one()
        values = {**Period(zone).values, "event_id": event_id}
        corrected = sum(tx.execute(table.correct, values).rowcount for table in _TABLES)
        if corrected:
            audit.record(tx, "reconcile_fix_figures", subject="event", subject_id=event_id, corrected=corrected)
    return corrected


def all_events() -> Sequence[UUID]:
    """The events that have figures: those with an order."""
    with transaction() as tx:
        return tx.execute(_ALL).scalars().all()


def recount_changed(*, seconds: float = RECOUNT_SECONDS) -> int:
    """Count the events anew whose figures have changed lately, or whose days have; return how many were corrected.

    After `seconds` it counts no further one: those that changed last are left to the next night.
    """
    deadline = time.monotonic() + seconds
    with transaction() as tx:
        changed = tx.execute(_CHANGED, {"days": RECOUNTED_DAYS}).scalars().all()
    corrected = 0
    for position, event_id in enumerate(changed):
        if time.monotonic() > deadline:
            log.warning("figures.recount_left", extra={"count": len(changed) - position})
            break
        corrected += recount(event_id) > 0
    return corrected


def compact() -> None:
    """Put together the rows that were added since the last time, unless a recount is running.

    What they add up to stays the same at every moment.
    """
    with transaction() as tx:
        if tx.execute(_TRY_LOCK).scalar_one():
            for table in _TABLES:
                tx.execute(table.compact)


def _executed(tx: Transaction, statements: Sequence[TextClause], values: dict[str, Any]) -> DailyFigures:
    sales, payments = (tx.execute(statement, values).mappings().all() for statement in statements)
    return DailyFigures(sales, payments)
