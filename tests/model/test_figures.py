"""Every figure of the reports is what a count by hand finds, and what the ledger says, whatever has happened.

Twelve histories in every run, the same ones; `EXPLORE=1` takes a thousand new ones.
"""

import csv
import io
import os
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared import local_time
from shared.accounting import statements
from shared.accounting.statements import TrialBalanceQuery
from shared.cloud.database import snapshot, transaction
from shared.reports import daily_figures, journal, overview, sales
from shared.reports.access import ReportedEvent
from shared.reports.journal import JournalQuery
from shared.reports.periods import Period, SalesQuery
from tests.conftest import EXPLORES
from tests.factories import a_user
from tests.integration.reports.steps import summed
from tests.model import expected_figures
from tests.model.expected_figures import Books, Filter
from tests.model.histories import History

pytestmark = pytest.mark.usefixtures("database", "files")

FIRST_SEED = int(os.environ.get("EXPLORE") or 0)
SEEDS = range(FIRST_SEED, FIRST_SEED + (1000 if EXPLORES else 12))
STEPS = 30


def report(history: History, within: Filter) -> tuple[dict[str, Any], Books]:
    """The product's report, and the rows of the same moment."""
    wanted = SalesQuery(**{"from": within.first, "to": within.last, "tier_id": within.tier_id})
    with snapshot() as tx:
        zone = tx.execute(text("SELECT timezone FROM events WHERE id = :id"), {"id": history.event.id}).scalar_one()
        event = ReportedEvent(history.event.id, history.event.organizer_id, "", "", zone)
        return sales.report(tx, event, wanted).model_dump(mode="json"), Books.read(tx, history.event.id)


def some_filters(history: History) -> list[Filter]:
    """All there is, some days, one tier, and both."""
    today = datetime.now(UTC).date()
    first = today - timedelta(days=history.chance.randrange(40))
    last = first + timedelta(days=history.chance.randrange(20))
    tier_id = history.chance.choice(history.event.tier_ids)
    return [Filter(), Filter(first, last), Filter(tier_id=tier_id), Filter(first, None, tier_id)]


def without(names: set[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def periods(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["period"]: {name: value for name, value in row.items() if name != "period"} for row in rows}


@pytest.mark.parametrize("seed", SEEDS)
def test_each_figure_is_what_a_count_by_hand_finds(seed: int):
    history = History(seed)
    history.run(STEPS)
    for within in some_filters(history):
        found, books = report(history, within)
        assert found["totals"] == expected_figures.totals(books, within)
        days = expected_figures.by_day(books, within)
        assert periods(found["by_day"]) == days
        assert periods(found["by_week"]) == expected_figures.summed(days, expected_figures.monday)
        assert periods(found["by_month"]) == expected_figures.summed(days, expected_figures.first_of_month)
        assert without({"tier_id", "name", "kind", "price", "quota", "held", "available"}, found["tiers"]) == [
            expected_figures.sales(books, Filter(within.first, within.last, tier.id))
            for tier in books.tiers
            if within.tier_id in (None, tier.id)
        ]
        assert found["funnel"] == expected_figures.funnel(books, within)
        assert found["check_ins"] == expected_figures.check_ins(books, within)
        by_status = expected_figures.payments(books, within, "status")
        assert {
            (row["status"],): [row["payments"], row["amount"], row["received"]] for row in found["payment_status"]
        } == by_status
        by_method = expected_figures.payments(books, within, "payment_method", "gateway", only=("paid", "refunded"))
        assert {
            (row["method"], row["gateway"]): [row["payments"], row["received"]] for row in found["payment_methods"]
        } == {way: [count, received] for way, (count, _, received) in by_method.items()}
    agrees_with_the_ledger(*report(history, Filter()))
    are_kept_as_they_are_counted(history)


def are_kept_as_they_are_counted(history: History) -> None:
    """Also in a period that begins and ends within days; and once more after the rows are put together."""
    until = datetime.now(UTC) - timedelta(seconds=history.chance.randrange(3 * 86_400))
    since = until - timedelta(seconds=history.chance.randrange(20 * 86_400))
    for tier_id in (None, *history.event.tier_ids):
        with snapshot() as tx:
            zone = tx.execute(text("SELECT timezone FROM events WHERE id = :id"), {"id": history.event.id}).scalar_one()
            for period in (Period(zone), Period(zone, since, until), Period(zone, since)):
                kept = daily_figures.read(tx, history.event.id, period, tier_id)
                assert summed(kept) == summed(daily_figures.count(tx, history.event.id, period, tier_id))
    assert daily_figures.recount(history.event.id) == 0
    if history.chance.random() < 0.5:
        daily_figures.compact()
        assert daily_figures.recount(history.event.id) == 0


def agrees_with_the_ledger(found: dict[str, Any], books: Books) -> None:
    totals = found["totals"]
    booked: dict[tuple[str, str], int] = defaultdict(int)
    """The sums of the entries by kind of posting and of account."""
    for entry in books.entries:
        booked[entry.kind, entry.account.partition(":")[0]] += entry.amount

    def of_account(account: str) -> int:
        return sum(amount for (_, booked_on), amount in booked.items() if booked_on == account)

    assert totals["net"] == -of_account("organizer_payable")
    assert totals["penalty"] == -of_account("penalty_revenue")
    assert totals["commission"] == -booked["sale", "commission_revenue"]
    platform_waived = booked["sale", "promotion_cost"] - totals["platform_discount"]
    assert totals["fees"] + totals["waived_fees"] + platform_waived == -booked["sale", "platform_fee_revenue"]
    paid_orders = [order for order in books.orders if order.paid_at]
    assert totals["gross"] - totals["discount"] + totals["fees"] == sum(order.total_amount for order in paid_orders)
    came_in = sum(booked[kind, "gateway_clearing"] for kind in ("sale", "unallocated_payment", "unusable_payment"))
    assert sum(row["received"] for row in found["payment_methods"]) == came_in
    assert sum(tier.sold for tier in books.tiers) == totals["sold"] == found["report_card"]["sold"]
    returned = booked_kinds(booked, expected_figures.RETURNS)
    assert totals["organizer_refunds"] == returned["organizer_payable"]


def booked_kinds(booked: dict[tuple[str, str], int], kinds: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for (kind, account), amount in booked.items():
        found[account] += amount if kind in kinds else 0
    return found


def test_the_platform_s_figures_are_those_of_all_histories_and_of_the_books():
    with snapshot() as tx:
        until = datetime.now(UTC) + timedelta(minutes=1)
        found = overview.overview(tx, Period(local_time.HOME_ZONE, until - timedelta(days=100), until))
        postings = (
            tx.execute(
                text("""
            SELECT o.total_amount FROM ledger_postings p JOIN orders o ON o.id = p.order_id WHERE p.kind = 'sale'
        """)
            )
            .scalars()
            .all()
        )
        entries = tx.execute(
            text("""
            SELECT split_part(e.account, ':', 1) AS account, e.amount, p.kind FROM ledger_entries e
            JOIN ledger_postings p ON p.id = e.posting_id
        """)
        ).all()
        balance = statements.trial_balance(tx, TrialBalanceQuery())
    assert found.totals.transactions == len(postings) == sum(way.transactions for way in found.payment_methods) > 0
    assert found.totals.turnover == sum(postings) == sum(day.turnover for day in found.by_day)
    leaves = ("refunds_payable", "dashboard_refunds", "unallocated", "goodwill_refunds", "gateway_clearing")
    assert found.totals.refunded_amount == -sum(
        entry.amount for entry in entries if entry.kind in expected_figures.RETURNS and entry.account in leaves
    )
    ours = ("platform_fee_revenue", "commission_revenue", "penalty_revenue", "payment_differences", "promotion_cost")
    assert found.revenue_total == -sum(entry.amount for entry in entries if entry.account in ours)
    sums: dict[str, int] = defaultdict(int)
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    with journal.export(admin, JournalQuery()).content as file:
        for line in csv.DictReader(io.StringIO(file.read().decode("utf-8-sig"), newline="")):
            sums[line["Account"].partition(":")[0]] += int(line["Debit"] or 0) - int(line["Credit"] or 0)
    assert sums == {line.account: line.balance for line in balance.lines}
    assert balance.difference == 0
