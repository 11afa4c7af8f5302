"""Real threads that start in the same instant."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import text

from shared.cloud.database import Transaction
from tests.waiting import PATIENCE_SECONDS, until

T = TypeVar("T")

_WAITING = text("""
    WITH RECURSIVE waiting AS (
        SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))
        UNION SELECT l.pid FROM pg_locks l JOIN waiting ON waiting.pid = ANY(pg_blocking_pids(l.pid))
        WHERE NOT l.granted)
    SELECT count(*) FROM waiting
""")


def at_the_same_time(acts: Sequence[Callable[[], T]]) -> list[T]:
    """Run all `acts` in threads of their own, released together; their results in order, or the first error."""
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        gate.wait(timeout=PATIENCE_SECONDS)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def behind(tx: Transaction, act: Callable[[], T]) -> "Future[T]":
    """Start `act` in a thread of its own; back once it waits for a lock that `tx` holds, or has not had to.

    Called again, it starts another act behind the first one, whether or not that one waits for the same lock.
    """
    before = _waiting(tx)
    pool = ThreadPoolExecutor(1)
    acting = pool.submit(act)
    pool.shutdown(wait=False)
    until(lambda: acting.done() or _waiting(tx) > before, what="for a lock to be waited for")
    return acting


def _waiting(tx: Transaction) -> int:
    """The number of those who wait for `tx` to end, or for somebody who does."""
    count: int = tx.execute(_WAITING).scalar_one()
    return count
