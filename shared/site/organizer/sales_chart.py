"""Sales over time: the steps of the chart, those without a movement too (AR-003)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from shared.reports import periods
from shared.reports.schemas import PeriodSales, SalesReport
from shared.site import charts
from shared.site.charts import Column

Step = Literal["day", "week", "month"]
STEPS: tuple[Step, ...] = ("day", "week", "month")
MAX_DAYS = 31
MAX_WEEKS = 26

_NEXT: dict[Step, Callable[[date], date]] = {
    "day": lambda start: start + timedelta(days=1),
    "week": lambda start: start + timedelta(days=7),
    "month": lambda start: periods.month_of(start + timedelta(days=31)),
}


@dataclass(frozen=True)
class SalesChart:
    """The gross sales by `step`: the rows of the table, newest first, and a column for each step in between."""

    step: Step
    rows: list[PeriodSales]
    columns: list[Column]
    first: date | None
    last: date | None
    most: int


def of(report: SalesReport, wanted: str) -> SalesChart:
    """The chart by the wanted step, or by the finest that is still readable."""
    step = next((each for each in STEPS if each == wanted), _readable(report))
    found = {"day": report.by_day, "week": report.by_week, "month": report.by_month}[step]
    if not found:
        return SalesChart(step, [], [], None, None, 0)
    gross = {each.period: each.gross for each in found}
    starts = _from_to(found[0].period, found[-1].period, _NEXT[step])
    values = [gross.get(start, 0) for start in starts]
    return SalesChart(step, found[::-1], charts.columns(values), starts[0], starts[-1], max(values))


def _readable(report: SalesReport) -> Step:
    if not report.by_day:
        return "day"
    days = (report.by_day[-1].period - report.by_day[0].period).days + 1
    return "day" if days <= MAX_DAYS else "week" if days <= MAX_WEEKS * 7 else "month"


def _from_to(first: date, last: date, following: Callable[[date], date]) -> list[date]:
    starts = [first]
    while starts[-1] < last:
        starts.append(following(starts[-1]))
    return starts
