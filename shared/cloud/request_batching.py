"""Doing the work of many waiting requests at once: the first that comes leads, and takes along all that wait."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Outcome = TypeVar("Outcome")


class _Waiting(Generic[Ask, Outcome]):
    """One caller's ask, and in the end its outcome or the error that met the whole batch."""

    __slots__ = ("ask", "error", "is_leader", "outcome", "turn")

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.turn = threading.Event()
        self.is_leader = False
        self.outcome: Outcome
        self.error: BaseException | None = None


class RequestBatcher(Generic[Ask, Outcome]):
    """Calls `work` with the asks of all threads that wait, at most `most` together, one batch at a time.

    `work` gives one outcome per ask, in order. While a batch runs, the next one gathers: nobody waits
    for company, and under load the batches grow by themselves. An exception of `work` reaches every
    caller of that batch.
    """

    def __init__(self, work: Callable[[Sequence[Ask]], Sequence[Outcome]], most: int = 64) -> None:
        self._work = work
        self._most = most
        self._lock = threading.Lock()
        self._queue: list[_Waiting[Ask, Outcome]] = []
        self._is_led = False

    def __call__(self, ask: Ask) -> Outcome:
        """Do this one ask, together with whoever else waits, and give its outcome."""
        mine: _Waiting[Ask, Outcome] = _Waiting(ask)
        with self._lock:
            self._queue.append(mine)
            mine.is_leader = not self._is_led
            self._is_led = True
        if not mine.is_leader:
            mine.turn.wait()
        if mine.is_leader:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.outcome

    def _lead(self) -> None:
        """Work off one batch, with the leader's own ask in it, then pass the lead to the first who waits."""
        with self._lock:
            batch, self._queue = self._queue[: self._most], self._queue[self._most :]
        try:
            outcomes = self._work([waiting.ask for waiting in batch])
            for waiting, outcome in zip(batch, outcomes, strict=True):
                waiting.outcome = outcome
        except BaseException as error:  # noqa: BLE001 - whatever happened, every caller must hear of it
            for waiting in batch:
                waiting.error = error
        finally:
            self._pass_on(batch)

    def _pass_on(self, batch: list[_Waiting[Ask, Outcome]]) -> None:
        with self._lock:
            successor = self._queue[0] if self._queue else None
            self._is_led = successor is not None
            if successor is not None:
                successor.is_leader = True
        for waiting in batch:
            waiting.turn.set()
        if successor is not None:
            successor.turn.set()
