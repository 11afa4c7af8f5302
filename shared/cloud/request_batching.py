"""Request batching: concurrent requests wait for one another and are handled together by the first of them."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

Request = TypeVar("Request")
Outcome = TypeVar("Outcome")


class _PendingRequest(Generic[Request, Outcome]):
    """One caller's request, and once it is done its outcome or the error of its batch."""

    __slots__ = ("batch", "error", "outcome", "request", "turn")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.turn = threading.Lock()  # held until the caller may go on: a lock costs a third of an Event
        self.turn.acquire()
        self.batch: Sequence[_PendingRequest[Request, Outcome]] = ()
        self.outcome: Outcome
        self.error: BaseException | None = None


class RequestBatcher(Generic[Request, Outcome]):
    """Calls `work` with the requests of all waiting threads, at most `max_batch_size` together, one batch at a time.

    `work` returns one outcome per request, in order. While a batch runs, the next one gathers, so batches grow with the
    load and no request waits for others without need. An exception of `work` is raised to every caller of its batch.

    functions-framework ends a request that runs out of time by an exception in its thread, wherever that is. Nobody
    else waits for such a thread: it leaves the queue, and what it led goes to the next.
    """

    def __init__(self, work: Callable[[Sequence[Request]], Sequence[Outcome]], max_batch_size: int = 64) -> None:
        self._work = work
        self._max_batch_size = max_batch_size
        self._lock = threading.Lock()
        self._queue: list[_PendingRequest[Request, Outcome]] = []
        self._leader: _PendingRequest[Request, Outcome] | None = None

    def __call__(self, request: Request) -> Outcome:
        """Handle one request, together with others that wait, and return its outcome."""
        mine: _PendingRequest[Request, Outcome] = _PendingRequest(request)
        try:
            with self._lock:
                self._queue.append(mine)
                self._leader = self._leader or mine
            if self._leader is not mine:
                mine.turn.acquire()
            if self._leader is mine:
                self._run_batch(mine)
        except BaseException:
            self._withdraw(mine)
            raise
        if mine.error is not None:
            raise mine.error
        return mine.outcome

    def _run_batch(self, leader: _PendingRequest[Request, Outcome]) -> None:
        """Handle one batch, which contains the leader's own request, then make the first waiting thread the leader."""
        try:
            with self._lock:
                leader.batch, self._queue = self._queue[: self._max_batch_size], self._queue[self._max_batch_size :]
            outcomes = self._work([waiting.request for waiting in leader.batch])
            for waiting, outcome in zip(leader.batch, outcomes, strict=True):
                waiting.outcome = outcome
        except BaseException as error:  # whatever happened, every caller must hear of it
            for waiting in leader.batch:
                waiting.error = error
            raise
        finally:
            self._finish(leader)

    def _finish(self, leader: _PendingRequest[Request, Outcome]) -> None:
        """Wake the callers of a batch, and the next leader. To do so twice changes nothing."""
        with self._lock:
            if self._leader is leader:
                self._leader = self._queue[0] if self._queue else None
            successor = self._leader
        for waiting in (*leader.batch, *([successor] if successor else [])):
            if waiting.turn.locked():
                with suppress(RuntimeError):  # somebody else has just done so
                    waiting.turn.release()

    def _withdraw(self, mine: _PendingRequest[Request, Outcome]) -> None:
        with self._lock:
            if mine in self._queue:
                self._queue.remove(mine)
        self._finish(mine)
