"""The load of `reserve` in a rush: each instance reports its latency and failures, and the waiting room adapts.

A row per instance, written every few seconds of a rush by one of its requests: no two instances wait for each other.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import text

from shared.cloud.database import DATABASE_AWAY, Transaction, autocommit
from shared.problems import Problem, TryAgain

REPORT_SECONDS = 2.0
RECENT_SECONDS = 10
"""A report older than this says nothing about now."""

_WRITE = text("""
    INSERT INTO reserve_load (instance_id, requests, failures, milliseconds)
    VALUES (:instance_id, :requests, :failures, :milliseconds)
    ON CONFLICT (instance_id) DO UPDATE SET requests = excluded.requests, failures = excluded.failures,
        milliseconds = excluded.milliseconds, measured_at = now()
""")
_READ = text("""
    SELECT COALESCE(sum(requests), 0)::int, COALESCE(sum(failures), 0)::int, COALESCE(sum(milliseconds), 0)::int
    FROM reserve_load WHERE measured_at > now() - make_interval(secs => :seconds)
""")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReserveLoad:
    """Requests, how many of them failed on our side, and their milliseconds in all."""

    requests: int = 0
    failures: int = 0
    milliseconds: int = 0

    @property
    def mean_milliseconds(self) -> float:
        """The mean time of a request."""
        return self.milliseconds / self.requests if self.requests else 0.0

    @property
    def failed_share(self) -> float:
        """The part of the requests that failed."""
        return self.failures / self.requests if self.requests else 0.0


class _Meter:
    """Counts the requests of this instance until they are reported."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instance_id = uuid4()
        self._counted = ReserveLoad()
        self._reported = time.monotonic()

    def add(self, seconds: float, *, failed: bool) -> None:
        """Count a request; report all of them if a report is due."""
        now = time.monotonic()
        with self._lock:
            before = self._counted
            self._counted = ReserveLoad(
                before.requests + 1, before.failures + failed, before.milliseconds + round(seconds * 1000)
            )
            due = now - self._reported >= REPORT_SECONDS
            if due:
                counted, self._counted, self._reported = self._counted, ReserveLoad(), now
        if due:
            self._report(counted)

    def _report(self, counted: ReserveLoad) -> None:
        try:
            with autocommit() as connection:
                connection.execute(_WRITE, {"instance_id": self._instance_id, **vars(counted)})
        except DATABASE_AWAY as error:  # the order is what counts
            log.warning("reserve_load.unreported", extra={"error": type(error).__name__})


_meter = _Meter()


def reset() -> None:
    """Forget what was counted, as in a new instance."""
    global _meter
    _meter = _Meter()


@contextmanager
def measured() -> Iterator[None]:
    """Count the block as one request. A refusal is no failure, except TryAgain."""
    begun = time.monotonic()
    failed = True
    try:
        yield
        failed = False
    except Problem as problem:
        failed = isinstance(problem, TryAgain)
        raise
    finally:
        _meter.add(time.monotonic() - begun, failed=failed)


def recent(tx: Transaction) -> ReserveLoad:
    """The sum of what all instances have reported lately."""
    return ReserveLoad(*tx.execute(_READ, {"seconds": RECENT_SECONDS}).one())
