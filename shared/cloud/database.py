"""Transactions. Whoever opens one is the edge, a job, or an orchestrator; every operation takes it as `tx`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection as Transaction

from shared.cloud import tracing
from shared.cloud.clients import engine

__all__ = ["Transaction", "after_commit", "autocommit", "notes", "snapshot", "transaction"]

_ONE_VIEW = "BEGIN ISOLATION LEVEL REPEATABLE READ"
_FACTS = {"db.system.name": "postgresql"}
_NOTES = "notes"  # in `Connection.info`, which outlives a transaction: made anew for each


@dataclass
class Notes:
    """The work that a transaction leaves to be done once it has committed."""

    after_commit: list[Callable[[], None]] = field(default_factory=list)
    outbox_ids: list[int] = field(default_factory=list)


@contextmanager
def transaction() -> Iterator[Transaction]:
    """One transaction at READ COMMITTED (PS-026): committed at the end of the block, rolled back on any error.

    What was put off with `after_commit` runs once the commit is durable and the connection is back in
    the pool; after a roll-back it is forgotten.
    """
    with _begun("transaction") as connection:
        yield connection


@contextmanager
def snapshot() -> Iterator[Transaction]:
    """A transaction whose every statement sees the same moment: an answer made of several never mixes two.

    For reading. It may add rows, as the audit trail does; to change one that somebody else has changed
    meanwhile is an error (REPEATABLE READ).
    """
    with _begun("snapshot") as connection:
        with _by_itself(connection):  # else the driver sends a BEGIN of its own first
            connection.exec_driver_sql(_ONE_VIEW)
        yield connection


@contextmanager
def autocommit() -> Iterator[Transaction]:
    """A connection on which every statement is a transaction of its own, and costs no BEGIN and COMMIT."""
    with tracing.span("statements", "client", _FACTS), engine().connect() as connection, _by_itself(connection):
        yield connection


@contextmanager
def _begun(kind: str) -> Iterator[Transaction]:
    with tracing.span(kind, "client", _FACTS), engine().connect() as connection:
        info, notes = connection.info, Notes()
        info[_NOTES] = notes
        try:
            with connection.begin():
                yield connection
        finally:
            info.pop(_NOTES, None)  # by now a connection that was lost has another `info`, or none
    for act in notes.after_commit:
        act()


@contextmanager
def _by_itself(connection: Transaction) -> Iterator[None]:
    """Let the driver send each statement by itself, without a BEGIN.

    This is the driver's own switch. SQLAlchemy's sets the isolation level anew afterwards: three round trips.
    """
    driver: Any = connection.connection.driver_connection
    driver.autocommit = True
    try:
        yield
    finally:
        driver.autocommit = False


def after_commit(tx: Transaction, act: Callable[[], None]) -> None:
    """Run `act` after `tx` has committed. It must cope with never being called: a crash can come first."""
    notes(tx).after_commit.append(act)


def notes(tx: Transaction) -> Notes:
    """The work that waits until `tx` commits."""
    found: Notes = tx.info[_NOTES]
    return found
