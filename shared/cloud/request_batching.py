"""Request batching: concurrent requests wait for one another and are handled together by the first of them."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Request = TypeVar("Request")
Outcome = TypeVar("Outcome")


class _PendingRequest(Generic[Request, Outcome]):
    """One caller's request, and once it is done its outcome or the error of its batch."""

    __slots__ = ("error", "is_leader", "outcome", "request", "turn")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.turn = threading.Lock()  # held until the outcome is there: a lock costs a third of an Event
        self.turn.acquire()
        self.is_leader = False
        self.outcome: Outcome
        self.error: BaseException | None = None


class RequestBatcher(Generic[Request, Outcome]):
    """Calls `work` with the requests of all waiting threads, at most `max_batch_size` together, one batch at a time.

    `work` returns one outcome per request, in order. While a batch runs, the next one gathers, so batches grow with the
    load and no request waits for others without need. An exception of `work` is raised to every caller of its batch.
    """

    def __init__(self, work: Callable[[Sequence[Request]], Sequence[Outcome]], max_batch_size: int = 64) -> None:
        self._work = work
        self._max_batch_size = max_batch_size
        self._lock = threading.Lock()
        self._queue: list[_PendingRequest[Request, Outcome]] = []
        self._has_leader = False

    def __call__(self, request: Request) -> Outcome:
        """Handle one request, together with others that wait, and return its outcome."""
        mine: _PendingRequest[Request, Outcome] = _PendingRequest(request)
        with self._lock:
            self._queue.append(mine)
            mine.is_leader = not self._has_leader
            self._has_leader = True
        if not mine.is_leader:
            mine.turn.acquire()
        if mine.is_leader:
            self._run_batch()
        if mine.error is not None:
            raise mine.error
        return mine.outcome

    def _run_batch(self) -> None:
        """Handle one batch, which contains the leader's own request, then make the first waiting thread the leader."""
        with self._lock:
            batch, self._queue = self._queue[: self._max_batch_size], self._queue[self._max_batch_size :]
        try:
            outcomes = self._work([waiting.request for waiting in batch])
            for waiting, outcome in zip(batch, outcomes, strict=True):
                waiting.outcome = outcome
        except BaseException as error:  # noqa: BLE001 - whatever happened, every caller must hear of it
            for waiting in batch:
                waiting.error = error
        finally:
            self._finish(batch)

    def _finish(self, batch: list[_PendingRequest[Request, Outcome]]) -> None:
        with self._lock:
            successor = self._queue[0] if self._queue else None
            self._has_leader = successor is not None
            if successor is not None:
                successor.is_leader = True
        for waiting in batch:
            waiting.turn.release()
        if successor is not None:
            successor.turn.release()
