"""Transactions. The HTTP edge, jobs and orchestrators open them; operations take one as `tx`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.cloud import tracing
from shared.cloud.clients import engine

__all__ = ["DATABASE_AWAY", "Transaction", "after_commit", "autocommit", "pending_work", "snapshot", "transaction"]

DATABASE_AWAY = (DBAPIError, PoolTimeout, ConnectionError)
"""What is raised where the database cannot be reached, or does not answer."""
_BEGIN_REPEATABLE_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ"
_SPAN_ATTRIBUTES = {"db.system.name": "postgresql"}
_PENDING_WORK = "notes"  # in `Connection.info`, which outlives a transaction: made anew for each


@dataclass
class PendingWork:
    """The work that a transaction leaves to be done once it has committed."""

    after_commit: list[Callable[[], None]] = field(default_factory=list)
    outbox_ids: list[int] = field(default_factory=list)


@contextmanager
def transaction() -> Iterator[Transaction]:
    """One transaction at READ COMMITTED (PS-026): committed at the end of the block, rolled back on any error.

    Callbacks of `after_commit` run once the commit is durable and the connection is back in the pool; a roll-back
    discards them.
    """
    with _begin("transaction") as connection:
        yield connection


@contextmanager
def snapshot() -> Iterator[Transaction]:
    """A transaction whose statements all see the same moment, so that a response never mixes two states.

    It is for reading. It may insert rows, as the audit trail does, but changing a row that was changed meanwhile is an
    error (REPEATABLE READ).
    """
    with _begin("snapshot") as connection:
        with _driver_autocommit(connection):  # else the driver sends a BEGIN of its own first
            connection.exec_driver_sql(_BEGIN_REPEATABLE_READ)
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


@contextmanager
def _begin(kind: str) -> Iterator[Transaction]:
    with tracing.span(kind, "client", _SPAN_ATTRIBUTES), engine().connect() as connection:
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


def after_commit(tx: Transaction, act: Callable[[], None]) -> None:
    """Run `act` after `tx` has committed. It may never be called, as a crash can come first."""
    pending_work(tx).after_commit.append(act)


def pending_work(tx: Transaction) -> PendingWork:
    """The work that is done once `tx` has committed."""
    found: PendingWork = tx.info[_PENDING_WORK]
    return found
