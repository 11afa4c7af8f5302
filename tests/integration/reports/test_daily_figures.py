"""The figures that are kept by day are those of the orders, at every moment, whatever has become of either."""

import importlib
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.clients import engine
from shared.cloud.database import Transaction, snapshot, transaction
from shared.reports import daily_figures, recount_command
from shared.reports.periods import Period
from shared.sales import orders
from tests.factories import Event, a_tier, a_user, an_event, an_order
from tests.integration.refunds.sales import a_paid_order
from tests.integration.reports.steps import give_back, organizer_of, paid_at, sales, summed
from tests.threads import behind

pytestmark = pytest.mark.usefixtures("database")

TABLES = ("daily_figures", "daily_payments")


@pytest.fixture
def event() -> Event:
    with transaction() as tx:
        return an_event(tx, tiers=[a_tier(name="Reguler"), a_tier(name="VIP", price=250_000)])


@pytest.fixture
def busy_event(event: Event) -> Event:
    """Five orders of one or two tiers: paid, given back in part, still held, cancelled."""
    with transaction() as tx:
        buyer = a_user(tx)
    a_paid_order(event, quantities=(1, 2))
    give_back(a_paid_order(event, buyer=buyer, quantities=(2,)), buyer, organizer_of(event), tickets=1)
    a_paid_order(event, quantities=(0, 1))
    an_order(event)
    cancelled = an_order(event, quantities=(1, 1))
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, cancelled.id))
    return event


def rows_of(event: Event) -> int:
    with transaction() as tx:
        counts = (f"(SELECT count(*) FROM {table} WHERE event_id = :id)" for table in TABLES)
        return tx.execute(text(f"SELECT {' + '.join(counts)}"), {"id": event.id}).scalar_one()


def is_right(event: Event, zone: str = "Asia/Jakarta") -> bool:
    """True if what is kept is what is counted, of the event and of each tier."""
    with snapshot() as tx:
        return all(
            summed(daily_figures.read(tx, event.id, Period(zone), tier_id))
            == summed(daily_figures.count(tx, event.id, Period(zone), tier_id))
            for tier_id in (None, *event.tier_ids)
        )


def test_to_reserve_writes_no_figure_and_a_sale_writes_some(event: Event):
    an_order(event, quantities=(1, 1))
    assert rows_of(event) == 0
    a_paid_order(event)
    assert rows_of(event) > 0


def test_what_is_kept_is_what_is_counted(busy_event: Event):
    assert is_right(busy_event)
    assert daily_figures.recount(busy_event.id) == 0


def test_rows_are_put_together_and_the_report_stays_the_same(busy_event: Event):
    before, rows = sales(busy_event), rows_of(busy_event)
    daily_figures.compact()
    assert rows_of(busy_event) < rows
    assert {**sales(busy_event), "as_of": None} == {**before, "as_of": None}
    together = rows_of(busy_event)
    a_paid_order(busy_event)
    daily_figures.compact()
    assert rows_of(busy_event) == together
    assert is_right(busy_event)


def test_rows_are_not_put_together_while_figures_are_recounted(busy_event: Event):
    rows = rows_of(busy_event)
    with transaction() as tx:
        tx.execute(daily_figures._LOCK)
        daily_figures.compact()
    assert rows_of(busy_event) == rows


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM daily_figures WHERE event_id = :id",
        "DELETE FROM daily_payments WHERE event_id = :id",
        "UPDATE daily_figures SET gross = gross + 1, day = day - 3 WHERE event_id = :id AND sold > 0",
        "INSERT INTO daily_figures SELECT * FROM daily_figures WHERE event_id = :id",
        "UPDATE daily_payments SET method = 'BCA', received = 0 WHERE event_id = :id",
    ],
    ids=["no figures", "no payments", "another day", "twice", "another method"],
)
def test_what_went_wrong_is_found_and_corrected_once(busy_event: Event, damage: str):
    with transaction() as tx:
        tx.execute(text(damage), {"id": busy_event.id})
    assert not is_right(busy_event)
    assert daily_figures.recount_changed() >= 1 or daily_figures.recount(busy_event.id) > 0
    assert is_right(busy_event)
    assert daily_figures.recount(busy_event.id) == 0
    with transaction() as tx:
        audited = text("SELECT count(*) FROM audit_log WHERE action = 'reconcile_fix_figures' AND subject_id = :id")
        assert tx.execute(audited, {"id": str(busy_event.id)}).scalar_one() == 1


def test_a_night_without_time_leaves_what_changed_last_to_the_next_one(event: Event, monkeypatch: pytest.MonkeyPatch):
    with transaction() as tx:
        other = an_event(tx)
    a_paid_order(event)
    a_paid_order(other)
    long_ago = "UPDATE {} SET created_at = now() - interval '47 hours' WHERE event_id = :id"
    with transaction() as tx:
        for table in TABLES:
            tx.execute(text(long_ago.format(table)), {"id": event.id})
            others = text(f"DELETE FROM {table} WHERE event_id NOT IN (:event, :other)")
            tx.execute(others, {"event": event.id, "other": other.id})
    counted: list[UUID] = []

    def counts(event_id: UUID) -> int:
        counted.append(event_id)
        return 0

    monkeypatch.setattr(daily_figures, "recount", counts)
    daily_figures.recount_changed()
    assert counted == [event.id, other.id]
    daily_figures.recount_changed(seconds=-1)
    assert len(counted) == 2


def test_two_recounts_at_the_same_moment_correct_once(busy_event: Event, monkeypatch: pytest.MonkeyPatch):
    record, first, others = audit.record, iter([True]), list[Future[int]]()

    def record_and_begin_another(tx: Transaction, *about: Any, **details: Any) -> None:
        record(tx, *about, **details)
        if next(first, False):
            others.append(behind(tx, lambda: daily_figures.recount(busy_event.id)))

    monkeypatch.setattr(audit, "record", record_and_begin_another)
    with transaction() as tx:
        tx.execute(text("DELETE FROM daily_figures WHERE event_id = :id"), {"id": busy_event.id})
    assert daily_figures.recount(busy_event.id) > 0
    assert [each.result() for each in others] == [0]
    assert is_right(busy_event)


def test_a_sale_that_commits_during_a_recount_counts_once(busy_event: Event):
    order = an_order(busy_event, quantities=(1, 1))
    with transaction() as tx:
        orders.mark_paid(tx, orders.lock(tx, order.id), datetime.now(UTC))
        assert daily_figures.recount(busy_event.id) == 0
        daily_figures.compact()
    assert is_right(busy_event)
    assert daily_figures.recount(busy_event.id) == 0


def test_figures_move_to_the_days_of_the_event_s_new_zone(busy_event: Event):
    paid_at(a_paid_order(busy_event).id, datetime(2026, 11, 20, 16, 30, tzinfo=UTC))  # the next day in Jayapura
    with transaction() as tx:
        changed = text("UPDATE events SET timezone = 'Asia/Jayapura' WHERE id = :id")
        tx.execute(changed, {"id": busy_event.id})
    report = sales(busy_event)
    assert report["by_day"][0]["period"] == "2026-11-21"
    assert daily_figures.recount_changed() == 1
    daily_figures.compact()
    assert {**sales(busy_event), "as_of": None} == {**report, "as_of": None}
    assert is_right(busy_event, "Asia/Jayapura")
    with transaction() as tx:
        zones = text("SELECT DISTINCT timezone FROM daily_figures WHERE event_id = :id")
        assert tx.execute(zones, {"id": busy_event.id}).scalars().all() == ["Asia/Jayapura"]


def test_what_was_sold_before_figures_were_kept_is_counted_by_the_migrations(busy_event: Event):
    figures = importlib.import_module("schemas.migrations.versions.0045_figures_of_before")
    values = importlib.import_module("schemas.migrations.versions.0064_values_of_before")
    with transaction() as tx:
        tx.execute(text("DELETE FROM daily_payments WHERE event_id = :id"), {"id": busy_event.id})
        lost = "DELETE FROM daily_figures WHERE event_id = :id AND tier_id IS NOT NULL"
        tx.execute(text(lost), {"id": busy_event.id})
    with engine().begin() as connection:
        for statement in (figures.FIGURES, figures.PAYMENTS, values.VALUES, values.VALUES):
            connection.exec_driver_sql(statement, (busy_event.id,))
    assert is_right(busy_event)
    assert daily_figures.recount(busy_event.id) == 0


def test_operators_recount_events_by_a_command(busy_event: Event, capsys: pytest.CaptureFixture[str]):
    with transaction() as tx:
        tx.execute(text("DELETE FROM daily_figures WHERE event_id = :id"), {"id": busy_event.id})
    assert recount_command.main([]) == 2
    assert recount_command.main([str(busy_event.id)]) == 0
    assert recount_command.main(["all"]) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith(str(busy_event.id))
    assert not first.endswith(" 0 corrected")
    assert f"{busy_event.id}  0 corrected" in others
    assert is_right(busy_event)
