"""Sales over time: the steps without a movement are in the chart too (AR-003)."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest

from shared.reports import periods, report_card
from shared.reports.schemas import CheckIns, Funnel, PeriodSales, SalesReport, TierSales, Totals
from shared.site.organizer import sales_chart


def filled(model: Any, **values: Any) -> Any:
    return model(**{**dict.fromkeys(model.model_fields, 0), **values})


def a_report(gross: dict[date, int]) -> SalesReport:
    """A report of sales on these days."""

    def by(step: Any) -> list[PeriodSales]:
        sums: dict[date, int] = {}
        for day, amount in gross.items():
            sums[step(day)] = sums.get(step(day), 0) + amount
        return [filled(PeriodSales, period=start, gross=amount) for start, amount in sums.items()]

    tiers: list[TierSales] = []
    return SalesReport(
        event_id=uuid4(),
        currency="IDR",
        timezone="Asia/Jakarta",
        as_of=datetime.now(UTC),
        totals=filled(Totals),
        tiers=tiers,
        by_day=by(lambda day: day),
        by_week=by(periods.week_of),
        by_month=by(periods.month_of),
        payment_status=[],
        payment_methods=[],
        funnel=filled(Funnel),
        check_ins=filled(CheckIns),
        report_card=report_card.card([]),
    )


def test_a_day_without_sales_has_its_place_and_no_row():
    chart = sales_chart.of(a_report({date(2026, 11, 1): 100, date(2026, 11, 4): 50}), "")
    assert (chart.step, [column.height > 0 for column in chart.columns]) == ("day", [True, False, False, True])
    assert [row.period.day for row in chart.rows] == [4, 1]
    assert (chart.first, chart.last, chart.most) == (date(2026, 11, 1), date(2026, 11, 4), 100)


@pytest.mark.parametrize(
    ("last", "step"), [(date(2026, 1, 31), "day"), (date(2026, 2, 1), "week"), (date(2026, 12, 1), "month")]
)
def test_the_finest_step_that_can_still_be_read_is_taken(last: date, step: str):
    assert sales_chart.of(a_report({date(2026, 1, 1): 1, last: 1}), "nonsense").step == step


def test_months_follow_each_other_whatever_their_length():
    chart = sales_chart.of(a_report({date(2026, 1, 31): 1, date(2026, 12, 1): 1}), "month")
    assert len(chart.columns) == 12


def test_nothing_sold_is_no_chart():
    assert sales_chart.of(a_report({}), "week").columns == []
