"""Transactions. The HTTP edge, jobs and orchestrators open them; operations take one as `tx`."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, TextClause
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.cloud import tracing
from shared.cloud.circuit_breaker import CircuitBreaker
from shared.cloud.clients import engine, replica_engine
from shared.cloud.settings import settings

__all__ = [
    "DATABASE_AWAY",
    "Transaction",
    "after_commit",
    "autocommit",
    "batches",
    "pending_work",
    "replica_snapshot",
    "snapshot",
    "transaction",
]

BATCH_ROWS = 2_000
"""The rows that `batches` fetches at a time."""
REPLICA_RETRY_SECONDS = 30.0
"""The time for which reports are read from the primary after the replica could not be reached."""

log = logging.getLogger(__name__)

DATABASE_AWAY = (DBAPIError, PoolTimeout, ConnectionError)
"""The errors of a database that cannot be reached or does not answer."""
_BEGIN_REPEATABLE_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ"
_SPAN_ATTRIBUTES = {"db.system.name": "postgresql"}
_replica_breaker = CircuitBreaker()
_PENDING_WORK = "notes"  # in `Connection.info`, which outlives a transaction: made anew for each


@dataclass
class PendingWork:
    """The work that a transaction leaves to be done once it has committed."""

    after_commit: list[Callable[[], object]] = field(default_factory=list)
    messages: list[Row[Any]] = field(default_factory=list)
    """The rows of the outbox that it has added."""


@contextmanager
def transaction() -> Iterator[Transaction]:
    """One transaction at READ COMMITTED (PS-026): committed at the end of the block, rolled back on any error.

    Callbacks of `after_commit` run once the commit is durable and the connection is back in the pool; a roll-back
    discards them.
    """
    with _begin("transaction", _connect) as connection:
        yield connection


@contextmanager
def snapshot() -> Iterator[Transaction]:
    """A transaction whose statements all see the same moment, so that a response never mixes two states.

    It is for reading. It may insert rows, as the audit trail does, but changing a row that was changed meanwhile is an
    error (REPEATABLE READ).
    """
    with _snapshot(_connect) as connection:
        yield connection


@contextmanager
def replica_snapshot() -> Iterator[Transaction]:
    """A snapshot of the read replica, which may be some seconds behind; for reports, which write nothing.

    It reads the primary if no replica is configured or reachable.
    """
    with _snapshot(_connect_to_replica) as connection:
        yield connection


@contextmanager
def autocommit() -> Iterator[Transaction]:
    """A connection on which every statement is a transaction of its own, and costs no BEGIN and COMMIT."""
    with (
        tracing.span("statements", "client", _SPAN_ATTRIBUTES),
        engine().connect() as connection,
        _driver_autocommit(connection),
    ):
        yield connection


def batches(tx: Transaction, statement: TextClause, values: Mapping[str, Any]) -> Iterator[Row[Any]]:
    """The rows of a query, `BATCH_ROWS` at a time through a cursor of the database: all of the same moment."""
    streamed = tx.execution_options(stream_results=True, yield_per=BATCH_ROWS)
    yield from streamed.execute(statement, values)


@contextmanager
def _snapshot(connect: Callable[[], Transaction]) -> Iterator[Transaction]:
    with _begin("snapshot", connect) as connection:
        with _driver_autocommit(connection):  # else the driver sends a BEGIN of its own first
            connection.exec_driver_sql(_BEGIN_REPEATABLE_READ)
        yield connection


def _connect() -> Transaction:
    return engine().connect()


def _connect_to_replica() -> Transaction:
    has_replica = settings().replica_url or settings().replica_instance
    if not has_replica or not _replica_breaker.allows_call(REPLICA_RETRY_SECONDS):
        return _connect()
    try:
        connection = replica_engine().connect()
    except (DBAPIError, ConnectionError) as error:
        count = _replica_breaker.record_failure(REPLICA_RETRY_SECONDS)
        log.warning("database.replica_unreachable", extra={"error": type(error).__name__, "count": count})
        return _connect()
    _replica_breaker.record_success()
    return connection


@contextmanager
def _begin(kind: str, connect: Callable[[], Transaction]) -> Iterator[Transaction]:
    with tracing.span(kind, "client", _SPAN_ATTRIBUTES), connect() as connection:
        info, notes = connection.info, PendingWork()
        info[_PENDING_WORK] = notes
        try:
            with connection.begin():
                yield connection
        finally:
            info.pop(_PENDING_WORK, None)  # by now a connection that was lost has another `info`, or none
    for act in notes.after_commit:
        act()


@contextmanager
def _driver_autocommit(connection: Transaction) -> Iterator[None]:
    """Make the driver send statements without a BEGIN.

    This is the driver's own switch. SQLAlchemy's resets the isolation level afterwards, in three round trips.
    """
    driver: Any = connection.connection.driver_connection
    driver.autocommit = True
    try:
        yield
    finally:
        driver.autocommit = False


def after_commit(tx: Transaction, act: Callable[[], object]) -> None:
    """Run `act` after `tx` has committed. It may never be called, as a crash can come first."""
    pending_work(tx).after_commit.append(act)


def pending_work(tx: Transaction) -> PendingWork:
    """The work that is done once `tx` has committed."""
    found: PendingWork = tx.info[_PENDING_WORK]
    return found
