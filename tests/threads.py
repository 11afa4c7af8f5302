"""Real threads that start in the same instant."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import text

from shared.cloud.database import Transaction
from tests.waiting import PATIENCE_SECONDS, until

T = TypeVar("T")

_SOMEBODY_WAITS = text("""
    SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))
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
    """Start `act` in a thread of its own; back once it waits for a lock that `tx` holds, or has not had to."""
    pool = ThreadPoolExecutor(1)
    acting = pool.submit(act)
    pool.shutdown(wait=False)
    until(lambda: acting.done() or tx.execute(_SOMEBODY_WAITS).scalar_one(), what="for a lock to be waited for")
    return acting
