"""`python -m tests.benchmarks.reports`: the dashboard of an event with 100,000 orders, and its exports.

    python -m tests.benchmarks.reports [--orders 100000] [--rounds 40] [--explain]

Prints p50 and p95 in milliseconds of the report as it is read from the database (what an instance does on a cache
miss), of the same counted from the orders in place of the kept figures (the baseline, with its ratio), of its first
reading when neither PostgreSQL nor the system has read a file before, and of what the cache answers in its place; then
seconds and the peak of memory of each export of all attendees, each in a process of its own. `--explain` prints the
plans.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from uuid import UUID

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, TextClause

from infra.local.postgres import Postgres
from shared.cloud import clients, clock
from shared.cloud.database import snapshot
from shared.cloud.settings import settings
from shared.identity.tokens import Principal
from shared.reports import attendees, daily_figures, order_search, overview, periods, platform_closing, sales
from shared.reports.access import ReportedEvent
from shared.reports.attendees import AttendeeQuery
from shared.reports.order_search import OrderSearch
from shared.reports.periods import PeriodQuery, SalesQuery
from shared.reports.schemas import SalesReport
from tests.benchmarks.reports_data import fill
from tests.stack import ROOT

STARTS = 5
"""How often PostgreSQL is started anew: as many first readings."""
FORMS = ("csv", "xlsx", "pdf")


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reports")
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--export", nargs=4, metavar=("FORM", "EVENT", "ORGANIZER", "URL"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.export:
        _export(*chosen.export)
        return
    with filled_database(chosen.orders) as (server, event):
        _dashboards(server, event, chosen.rounds)
        if chosen.explain:
            _explain(event)
        for form in FORMS:
            arguments = ["--export", form, str(event.id), str(event.organizer_id), server.url("reports")]
            subprocess.run([sys.executable, "-m", "tests.benchmarks.reports", *arguments], check=True)


def _dashboards(server: Postgres, event: ReportedEvent, rounds: int) -> None:
    def read(wanted: SalesQuery) -> SalesReport:
        with snapshot() as tx:
            return sales.report(tx, event, wanted)

    def count() -> None:
        with snapshot() as tx:
            periods.plan_for_these_values(tx)
            daily_figures.count(tx, event.id, SalesQuery().within(event.timezone), None)

    def found(wanted: OrderSearch) -> None:
        with snapshot() as tx:
            order_search.search(tx, caller, event.id, wanted)

    def read_overview() -> None:
        with snapshot() as tx:
            overview.overview(tx, overview.period_of(PeriodQuery()))

    report = read(SalesQuery())
    print(f"{report.funnel.reserved} orders, {report.totals.sold} units sold, {len(report.by_day)} days, ms:")
    one_tier = SalesQuery(tier_id=report.tiers[1].tier_id)
    a_week = SalesQuery.model_validate({"from": report.by_day[10].period, "to": report.by_day[17].period})
    kept = print_line("report, from the database", rounds, lambda: read(SalesQuery()))
    counted = print_line("baseline: counted from the orders", 10, count)
    print(f"{'':<40}{counted / kept:.0f} times as long")
    moments = SalesQuery.model_validate({"from": "2020-01-01T00:00:01Z", "to": clock.now()})
    print_line("report, until a moment", rounds, lambda: read(moments))
    print_line("the same of one tier", rounds, lambda: read(one_tier))
    print_line("the same of a week", rounds, lambda: read(a_week))
    stored = report.model_dump_json()
    print_line("report, parsed from the cache", rounds, lambda: SalesReport.model_validate_json(stored))
    page = random.Random(1)
    caller = Principal(event.organizer_id, "organizer", event.organizer_id)
    print_line("attendees, a page of the first 50", rounds, lambda: attendees.page(
        caller, event.id, AttendeeQuery(page=page.randrange(1, 50))))  # fmt: skip
    print_line("attendees, found by a name", rounds, lambda: attendees.page(
        caller, event.id, AttendeeQuery(q=f"konser {page.randrange(10_000)}-")))  # fmt: skip
    print_line("orders, a page of the first 50", rounds, lambda: found(OrderSearch(page=page.randrange(1, 50))))
    print_line("orders, found by a name", rounds, lambda: found(OrderSearch(q=f"konser {page.randrange(10_000)}-")))
    print_line(
        "orders, found by the beginning of an id", rounds, lambda: found(OrderSearch(q=f"{page.randrange(16**8):08x}"))
    )
    print_line("platform overview, 30 days", 10, read_overview)
    print_line("report, nothing read before", STARTS, lambda: read(SalesQuery()), before=lambda: _start_anew(server))
    print_line("baseline, nothing read before", STARTS, count, before=lambda: _start_anew(server))


def _start_anew(server: Postgres) -> None:
    with snapshot() as tx:
        folder = Path(tx.exec_driver_sql("SHOW data_directory").scalar_one())
    clients.engine().dispose()
    server.stop()
    _forget_files(folder)
    server.start()
    with snapshot() as tx:
        tx.exec_driver_sql("SELECT 1")


def _forget_files(folder: Path) -> None:
    """Have the system keep nothing of these files in memory."""
    os.sync()
    for file in filter(Path.is_file, folder.rglob("*")):
        descriptor = os.open(file, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def print_line(what: str, rounds: int, act: Callable[[], object], before: Callable[[], None] | None = None) -> float:
    """Print how long it takes, in milliseconds; return the median."""
    took = []
    for _ in range(rounds):
        if before:
            before()
        begun = time.perf_counter()
        act()
        took.append((time.perf_counter() - begun) * 1000)
    middle = statistics.median(took)
    print(f"{what:<40}p50{middle:>8.1f}   p95{statistics.quantiles(took, n=20)[-1]:>8.1f}", flush=True)
    return middle


def _explain(event: ReportedEvent) -> None:
    period = SalesQuery().within(event.timezone)
    values = {**period.values, "event_id": event.id, "tier_id": None, "first": None, "after": None}
    statements: dict[str, TextClause] = {
        name: value for name, value in vars(sales).items() if isinstance(value, TextClause)
    }
    for table in daily_figures._TABLES:
        statements |= {f"{table.table}, kept": table.read, f"{table.table}, counted": table.count}
    for name, statement in statements.items():
        with snapshot() as tx:
            periods.plan_for_these_values(tx)
            used = {key: value for key, value in values.items() if f":{key}" in statement.text}
            plan = tx.execute(type(statement)(f"EXPLAIN (ANALYZE, BUFFERS) {statement.text}"), used).scalars()
            print(f"\n{name}\n" + "\n".join(plan))


def _export(form: str, event_id: str, organizer_id: str, url: str) -> None:
    _use(url)
    organizer = UUID(organizer_id)
    before = _peak_mb()
    begun = time.perf_counter()
    file = attendees.export(
        Principal(organizer, "organizer", organizer),
        UUID(event_id),
        AttendeeQuery(format=form),
        form,  # type: ignore[arg-type]
    )
    took = time.perf_counter() - begun
    size = file.content.seek(0, os.SEEK_END) / 2**20
    file.content.close()
    print(
        f"export as {form:<5}{took:>6.1f} s   {_peak_mb():>4.0f} MB at most, {before:.0f} before   file {size:.1f} MB",
        flush=True,
    )


def _peak_mb() -> float:
    """The most memory that this process has had; `ru_maxrss` would count its parent's at the fork."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def _use(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    settings.cache_clear()
    clients.engine.provide(None)  # the one to an earlier database


_FILLING = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "4GB", "shared_buffers": "4GB"}
"""Settings with which ten million orders are filled in within an hour."""


@contextmanager
def filled_database(
    orders: int, more: Callable[[Connection], None] | None = None
) -> Iterator[tuple[Postgres, ReportedEvent]]:
    """A database with an event of that many orders, and others of as many; with what `more` adds."""
    with tempfile.TemporaryDirectory(prefix="karcis-reports-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may have to run as another user
        with Postgres(Path(folder) / "postgres", settings=_FILLING) as server:
            server.create_database("reports")
            os.environ["STATEMENT_TIMEOUT_MS"] = "0"  # nobody waits
            _use(server.url("reports"))
            command.upgrade(Config(str(ROOT / "alembic.ini")), "head")
            with clients.engine().connect() as connection:
                connection.exec_driver_sql("SET statement_timeout = 0")
                event_id, organizer_id = fill(connection, orders)
                if more:
                    more(connection)
                connection.commit()
                own = connection.execution_options(isolation_level="AUTOCOMMIT")
                own.exec_driver_sql("ANALYZE")  # as autovacuum would have by now
                for each in daily_figures.all_events():  # what was filled in without triggers
                    daily_figures.recount(each)
                daily_figures.compact()
                platform_closing.close(seconds=inf)
                own.exec_driver_sql("VACUUM ANALYZE")
            del os.environ["STATEMENT_TIMEOUT_MS"]
            _use(server.url("reports"))
            yield server, ReportedEvent(event_id, organizer_id, "Konser 0", "konser-0", "Asia/Jakarta")
            clients.engine().dispose()


if __name__ == "__main__":
    main()
