"""`python -m tests.benchmarks.pages`: an event's page and a list from the shared cache and from the database.

    python -m tests.benchmarks.pages [--rounds 200] [--tiers 5] [--listed 20]

Prints p50 and p95 in milliseconds, and our processor time, of the same read by three ways in turn: from the
database, from the local Firestore (by Google's client, as another instance finds it), from this instance's
memory; and of telling a change, once without and once within the second after another one. The local Firestore
is a Python program on a PostgreSQL of its own: figures of the cloud's differ.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from alembic import command
from alembic.config import Config

from infra.local.postgres import Postgres
from shared.catalog import public_views
from shared.catalog.search import EventSearch
from shared.cloud import cache, clients, read_through_cache
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from tests.conformance.local_cloud import running
from tests.factories import a_tier, an_event
from tests.stack import ROOT


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pages")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--tiers", type=int, default=5)
    parser.add_argument("--listed", type=int, default=20)
    chosen = parser.parse_args()
    with _services():
        event_id = _fill(chosen.listed, chosen.tiers)
        print(f"load before: {os.getloadavg()[0]:.1f}\n{'milliseconds':<34}{'p50':>8}{'p95':>8}{'CPU':>8}")
        for name, read in {
            f"page, {chosen.tiers} tiers": lambda: public_views.get_event(None, event_id),
            f"list of {chosen.listed}": lambda: public_views.list_events(None, EventSearch()),
        }.items():
            for way, prepare in {"database": _off, "Firestore": _elsewhere, "memory": _on}.items():
                print(_line(f"{name}: {way}", read, prepare, chosen.rounds), flush=True)
        _on()
        first, again = (lambda: cache.invalidate(f"changed:{uuid4()}")), (lambda: cache.invalidate("changed:same"))
        print(_line("a change, marked", first, _on, chosen.rounds))
        print(_line("a change within the second", again, _on, chosen.rounds))


def _line(name: str, act: Callable[[], object], prepare: Callable[[], None], rounds: int) -> str:
    took, processor = [], 0.0
    for turn in range(rounds + 5):
        prepare()
        clock, used = time.perf_counter(), time.process_time()
        act()
        if turn >= 5:  # the first ones prepare statements, open channels and fill the cache
            took.append((time.perf_counter() - clock) * 1000)
            processor += time.process_time() - used
    p50, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    return f"{name:<34}{p50:>8.2f}{p95:>8.2f}{processor / rounds * 1000:>8.2f}"


def _off() -> None:
    _set("off")


def _on() -> None:
    _set("on")


def _elsewhere() -> None:
    _set("on")
    read_through_cache.instance_cache.clear()


def _set(state: str) -> None:
    if settings().shared_cache != state:
        os.environ["SHARED_CACHE"] = state
        settings.cache_clear()


def _fill(listed: int, tiers: int) -> str:
    soon = datetime.now(UTC) + timedelta(days=30)
    with transaction() as tx:
        return [str(an_event(tx, starts_at=soon, tiers=[a_tier()] * tiers).id) for _ in range(listed)][-1]


@contextmanager
def _services() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="karcis-pages-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may have to run as another user
        with Postgres(folder / "postgres") as server:
            for database in ("pages", "cloud"):
                server.create_database(database)
            os.environ["DATABASE_URL"] = server.url("pages")
            settings.cache_clear()
            command.upgrade(Config(str(ROOT / "alembic.ini")), "head")
            with running(server.url("cloud"), folder) as cloud:
                os.environ["FIRESTORE_EMULATOR_HOST"] = cloud.grpc_address
                yield
            clients.engine().dispose()


if __name__ == "__main__":
    main()
