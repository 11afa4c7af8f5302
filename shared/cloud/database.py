"""Transactions. Whoever opens one is the edge, a job, or an orchestrator; every operation takes it as `tx`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection as Transaction

from shared.cloud.clients import engine

__all__ = ["Transaction", "after_commit", "autocommit", "transaction"]

_AFTER_COMMIT = "after_commit"


@contextmanager
def transaction() -> Iterator[Transaction]:
    """One transaction at READ COMMITTED (PS-026): committed at the end of the block, rolled back on any error.

    What was put off with `after_commit` runs once the commit is durable and the connection is back in
    the pool; after a roll-back it is forgotten.
    """
    with engine().connect() as connection:
        put_off: list[Callable[[], None]] = []
        connection.info[_AFTER_COMMIT] = put_off
        try:
            with connection.begin():
                yield connection
        finally:
            del connection.info[_AFTER_COMMIT]
    for act in put_off:
        act()


@contextmanager
def autocommit() -> Iterator[Transaction]:
    """A connection on which every statement is a transaction of its own, and costs no BEGIN and COMMIT."""
    with engine().connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def after_commit(tx: Transaction, act: Callable[[], None]) -> None:
    """Run `act` after `tx` has committed. It must cope with never being called: a crash can come first."""
    tx.info[_AFTER_COMMIT].append(act)
