"""Real threads that start in the same instant."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.waiting import PATIENCE_SECONDS

T = TypeVar("T")


def at_the_same_time(acts: Sequence[Callable[[], T]]) -> list[T]:
    """Run all `acts` in threads of their own, released together; their results in order, or the first error."""
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        gate.wait(timeout=PATIENCE_SECONDS)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
