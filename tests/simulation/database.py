"""The one real PostgreSQL: virtual time in SQL, a pool for each function as in the cloud, and empty for each seed."""

import logging
import re
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from pg8000 import InterfaceError
from sqlalchemy import Engine, ExceptionContext, event, text

from infra.local.postgres import Postgres
from shared.cloud import clients
from shared.cloud.permissions import database_role
from tests import product_database
from tests.simulation import transitions
from tests.simulation.clock import BEGINNING, Clock
from tests.simulation.faults import Crash, FaultKind, Faults, Point
from tests.simulation.revisions import Revision
from tests.simulation.sessions import Session

_OURS, _OWNER = "simulation", "postgres"
ROOT = Path(__file__).parents[2]
TEMPLATE = "template"

SERVER = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "256MB",
    "search_path": "public, sim, pg_catalog",
    "sim.now": BEGINNING.isoformat(),
    "autovacuum": "off",  # what it does, and when, would change plans and the order of rows
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "bgwriter_lru_maxpages": "0",
    "track_counts": "off",
    "plan_cache_mode": "force_generic_plan",  # a third of the processor time: nothing is planned twice
}

_PRODUCT_SESSIONS = f"FROM pg_stat_activity WHERE datname = current_database() AND application_name <> '{_OURS}'"

_WRITTEN_TABLES = text("""
    SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
        AND pg_relation_size(quote_ident(tablename)::regclass) > 0 ORDER BY tablename
""")
_RESTART_SEQUENCES = "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence"
_PARAMETER = re.compile(r"(?<!:):([a-z]\w*)")


@contextmanager
def server(folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL server with the migrated database `template`, whose defaults and triggers see virtual time."""
    postgres = Postgres(folder, settings=SERVER)
    postgres.start()
    try:
        postgres.create_database(TEMPLATE)
        product_database.use(postgres.url(TEMPLATE))
        _prepare_template()
        yield postgres
    finally:
        postgres.stop()


def _prepare_template() -> None:
    from infra.deploy import privileges

    owner = clients.make_engine()
    with owner.begin() as tx:
        tx.exec_driver_sql((Path(__file__).parent / "virtual_time.sql").read_text(encoding="utf-8"))
    logging.disable(logging.WARNING)
    command.upgrade(Config(str(ROOT / "alembic.ini")), "head")
    logging.disable(logging.NOTSET)
    with owner.begin() as tx:
        privileges.grant_functions(tx)
        tx.exec_driver_sql((Path(__file__).parent / "transitions.sql").read_text(encoding="utf-8"))
        for table in sorted({machine for machine, _, _ in transitions.POSSIBLE}):
            tx.exec_driver_sql(
                f"CREATE TRIGGER note_transition AFTER INSERT OR UPDATE OF status ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION sim.note_transition()"
            )
        tx.exec_driver_sql("ALTER TABLE mail_quotas ALTER day SET DEFAULT sim.now()::date")
    owner.dispose()


class Database:
    """The product's database, with one pool for each revision: functions share it here, each acting as its own role."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._pools: dict[str, Engine] = {}
        self._was_cut = self._is_away = False
        self._role = _OWNER
        self.owner = self._connected(clients.make_engine(), lambda: _OWNER, prepares_all=True)
        """Connections of the simulation itself, with all rights; no fault strikes them."""
        event.listen(self.owner, "connect", lambda each, _: each.execute_simple(f"SET application_name = '{_OURS}'"))
        self.commits = 0
        """How many transactions of the product have been committed."""
        self._reading = self.owner.connect()
        self._reader: Any = self._reading.connection.driver_connection  # no SQLAlchemy: a third of a look's time
        self._reader.autocommit = True

    def pool_for(self, function: str, revision: Revision) -> Engine:
        """The pool of a revision, with the rights of a function of it until the next call."""
        self._role = database_role(function)
        if revision.name not in self._pools:
            engine = self._connected(revision.make_engine(role=""), lambda: self._role, prepares_all=False)
            self._pools[revision.name] = self._with_faults(engine)
        return self._pools[revision.name]

    def reset(self, seed: int) -> None:
        """Empty every table that was written to: the next seed finds what a new database has."""
        with self.owner.begin() as tx:
            tx.exec_driver_sql("SET LOCAL session_replication_role = replica")  # the books refuse to be emptied
            tables = ", ".join(tx.execute(_WRITTEN_TABLES).scalars())
            if tables:
                tx.exec_driver_sql(f"TRUNCATE {tables} CASCADE")
            tx.exec_driver_sql(_RESTART_SEQUENCES)
            for sequence in ("identifiers", "draws"):
                tx.exec_driver_sql(f"SELECT setval('sim.{sequence}', {1 + seed % 1_000_000_000 * 1_000_000})")

    def rows(self, query: str, **values: Any) -> list[Any]:
        """Look into the database, unseen by the product."""
        statement, names = _numbered(query)
        found = self._reader.execute_unnamed(statement, vals=[values[name] for name in names])
        if not found.rows:
            return []
        row = _row_type(tuple(column["name"] for column in found.columns))
        return [row(*each) for each in found.rows]

    def cut_connections(self) -> None:
        """End every session of the product, as a restart of the server does."""
        self._was_cut = True
        self.rows(f"SELECT pg_terminate_backend(pid) {_PRODUCT_SESSIONS}")
        while self.rows(f"SELECT pid {_PRODUCT_SESSIONS}"):  # asked for a time-out, each would be waited for by itself
            self.rows("SELECT pg_sleep(0.001)")

    def replace_cut_connections(self) -> None:
        """Be there again, and let go of connections that were cut: in the cloud each is tried before it is used."""
        self._is_away = False
        if self._was_cut:
            for pool in self._pools.values():
                pool.dispose()
        self._was_cut = False

    @property
    def is_in_use(self) -> bool:
        """True if code of the product holds a connection."""
        return any(pool.pool.checkedout() for pool in self._pools.values())  # type: ignore[attr-defined]

    @contextmanager
    def other_process(self) -> Iterator[None]:
        """Let another process use it for a block, with its own rights."""
        role = self._role
        yield
        self._role = role

    def close(self) -> None:
        """Close all connections."""
        self._reading.close()
        for pool in (self.owner, *self._pools.values()):
            pool.dispose()

    def _connected(self, engine: Engine, role: Callable[[], str], *, prepares_all: bool) -> Engine:
        engine.pool._recycle = -1  # age in virtual time says nothing about a connection
        engine.pool._pool.use_lifo = True  # type: ignore[attr-defined]  # the one that has prepared the most
        event.listen(engine, "connect", lambda each, _: Session(each, self._clock, role, prepares_all=prepares_all))
        return engine

    def _with_faults(self, engine: Engine) -> Engine:
        engine.dialect.do_commit = partial(self._commit, engine.dialect.do_commit)  # type: ignore[method-assign]
        event.listen(engine, "before_cursor_execute", self._before_statement)
        event.listen(engine, "after_cursor_execute", self._after_statement)
        event.listen(engine, "handle_error", _keep_connection)
        event.listen(engine, "do_connect", self._refuse_while_away)
        return engine

    def _commit(self, commit: Callable[[Any], None], connection: Any) -> None:
        self._faults.pass_by(Point.COMMIT, "before")
        commit(connection)
        self._committed()

    def _before_statement(self, connection: Any, *_: Any) -> None:
        if connection.connection.driver_connection.autocommit:
            self._faults.pass_by(Point.COMMIT, "before")
        elif self._faults.is_dead:
            self._faults.pass_by(Point.STATEMENT)
        if struck := self._faults.due(Point.STATEMENT):
            self._is_away = struck is FaultKind.DATABASE_AWAY
            self.cut_connections()

    def _after_statement(self, connection: Any, *_: Any) -> None:
        if connection.connection.driver_connection.autocommit:
            self._committed()

    def _committed(self) -> None:
        self.commits += 1
        self._faults.pass_by(Point.COMMIT, "after")
        if self._faults.due(Point.COMMIT):
            self.cut_connections()
            raise InterfaceError("network error")

    def _refuse_while_away(self, *_: Any) -> None:
        if self._is_away:
            raise InterfaceError("Can't create a connection to the server")


def _keep_connection(context: ExceptionContext) -> None:
    """The process that begins after a crash takes over its connections, rolled back: a new one has prepared nothing."""
    if isinstance(context.original_exception, Crash):
        context.is_disconnect = False


@cache
def _numbered(query: str) -> tuple[str, list[str]]:
    """A query with `$1` and so on in place of `:name`, and the names."""
    names = list(dict.fromkeys(_PARAMETER.findall(query)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", query), names


@cache
def _row_type(names: tuple[str, ...]) -> Callable[..., Any]:
    return namedtuple("Row", names, rename=True)
