"""`python -m tests.benchmarks.search`: browsing and searching among 100,000 events, beside the same query in plain SQL.

    python -m tests.benchmarks.search [--events 100000] [--rounds 40]

Prints p50 and p95 in milliseconds of each kind of search through the operation that the endpoint calls
(both statements and the tiers of the page, without the shared cache), of the page's bare statement on the
same connection, and the ratio of the two. Values change from round to round.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pg8000.native
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

from infra.local.postgres import Postgres
from shared.catalog import search
from shared.catalog.search import EventSearch
from shared.cloud import clients
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from tests.benchmarks.search_data import fill
from tests.stack import ROOT

_THEMES = ("jazz", "gamelan", "kopi", "batik", "wayang", "sastra")
_TOWNS = ("jakarta", "bandung", "surabaya", "medan", "solo")
_CATEGORIES = ("musik", "olahraga", "seni", "kuliner")

KINDS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "list": lambda _: {},
    "list, page 50": lambda chance: {"page": 50 + chance.randrange(10)},
    "category": lambda chance: {"category": chance.choice(_CATEGORIES)},
    "latest first": lambda _: {"sort": "-date"},
    "cheapest first": lambda _: {"sort": "price"},
    "price range": lambda chance: {"price_min": (low := chance.randrange(1, 300) * 5000), "price_max": low + 200_000},
    "price and date": lambda chance: {"price_max": 200_000, "from": f"2027-0{chance.randrange(1, 9)}-01"},
    "place": lambda chance: {"location": chance.choice(_TOWNS)},
    "city": lambda chance: {"city": chance.choice(_TOWNS)},
    "venue": lambda chance: {"location": f"gedung kopi {chance.randrange(200)}"},
    "place, category": lambda chance: {"location": chance.choice(_TOWNS), "category": chance.choice(_CATEGORIES)},
    "one word": lambda chance: {"q": chance.choice(_THEMES)},
    "two words": lambda chance: {"q": f"{chance.choice(_THEMES)} {chance.choice(_TOWNS)}"},
    "a beginning": lambda chance: {"q": f"konser {chance.choice(_THEMES)[:3]}"},
    "a common word": lambda _: {"q": "pertunjukan"},
    "words by date": lambda chance: {"q": chance.choice(_THEMES), "sort": "date"},
}


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.search")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    chosen = parser.parse_args()
    with _database(chosen.events) as url:
        print(f"{'':<18}{'operation, ms':>18}{'plain SQL, ms':>18}{'ratio':>8}{'found':>9}")
        print(f"{chosen.events:>10} events{'p50':>10}{'p95':>9}{'p50':>9}{'p95':>9}{'p50':>8}")
        for kind, values in KINDS.items():
            print(_line(kind, values, url, chosen.rounds), flush=True)


def _line(kind: str, values: Callable[[random.Random], dict[str, Any]], url: str, rounds: int) -> str:
    chance = random.Random(kind)
    searches = [_search(values(chance)) for _ in range(rounds)]
    plain = _plain(url, searches)
    operation, found = [], 0
    for wanted in searches:
        begun = time.perf_counter()
        with transaction() as tx:
            found = search.search_upcoming(tx, wanted).total
        operation.append((time.perf_counter() - begun) * 1000)
    (ours, our95), (bare, bare95) = _quantiles(operation), _quantiles(plain)
    return f"{kind:<18}{ours:>9.1f}{our95:>9.1f}{bare:>9.1f}{bare95:>9.1f}{ours / bare:>8.1f}{found:>9}"


def _search(values: dict[str, Any]) -> EventSearch:
    return EventSearch.model_validate_strings({name: str(value) for name, value in values.items()})


def _plain(url: str, searches: list[EventSearch]) -> list[float]:
    address = make_url(url)
    connection = pg8000.native.Connection(
        "postgres", host=address.host or "", port=address.port or 5432, database=address.database
    )
    took = []
    for wanted in searches:
        asked = search.build_query(wanted)
        used = {name: value for name, value in asked.values.items() if f":{name}" in asked.page}
        begun = time.perf_counter()
        connection.run(asked.page, **used)
        took.append((time.perf_counter() - begun) * 1000)
    connection.close()
    return took


def _quantiles(values: list[float]) -> tuple[float, float]:
    return statistics.median(values), statistics.quantiles(values, n=20)[-1]


@contextmanager
def _database(events: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="karcis-search-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may have to run as another user
        with Postgres(Path(folder) / "postgres") as server:
            server.create_database("search")
            os.environ["DATABASE_URL"] = server.url("search")
            settings.cache_clear()
            command.upgrade(Config(str(ROOT / "alembic.ini")), "head")
            with clients.engine().connect() as connection:
                connection.exec_driver_sql("SET statement_timeout = '10min'")
                fill(connection, events)
                connection.commit()
                connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
            yield server.url("search")
            clients.engine().dispose()


if __name__ == "__main__":
    main()
