"""Deadlines of request bodies, as a thread that waits for a body serves no other request.

gunicorn, which functions-framework serves with, reads a body with calls that block without a time-out, however slowly
it comes. So one watchdog thread checks all bodies that threads wait for, and shuts the sockets of late ones for
reading; their readers see the end of the stream at once, and the response is 408.

    a body            5 seconds, and one more for each 16 KiB received (photos and banners on slow lines)
    while more than half of the threads wait for bodies
                      the longest-running body of each address goes on, up to half of the threads; each other body
                      ends that has been idle for a quarter of a second
    a discarded body  a second in all, a tenth of it idle
"""

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from flask import Request

from shared.cloud.settings import settings
from shared.problems import Malformed, Problem

BODY_SECONDS = 5.0
MIN_BYTES_PER_SECOND = 16_384
CROWDED_IDLE_SECONDS = 0.25
DISCARDED_SECONDS = 1.0
DISCARDED_IDLE_SECONDS = 0.1
_CHECK_INTERVAL_SECONDS = 0.05
_SLEEP_AFTER_CHECKS = 20
"""The watchdog sleeps after so many checks without a body, until a thread waits for one."""


class RequestTimeout(Problem):
    """The body of the request did not come in time. Send it again, at once and whole."""

    status, slug = 408, "request-timeout"


class Readable(Protocol):
    """The input stream of a request's body."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        ...


@dataclass(eq=False)
class BodyRead:
    """One body that is read, and how long that may take."""

    connection: socket.socket
    address: str
    begun: float = field(default_factory=time.monotonic)
    progressed_at: float = field(default_factory=time.monotonic)
    received: int = 0
    max_seconds: float = BODY_SECONDS
    max_idle_seconds: float = BODY_SECONDS
    has_ended: bool = False
    """True if the deadline has passed, so that nothing more is read."""

    def is_late(self, now: float) -> bool:
        """True if the deadline has passed."""
        seconds = self.max_seconds + self.received / MIN_BYTES_PER_SECOND
        return now - self.begun > seconds or self.is_idle(now, self.max_idle_seconds)

    def is_idle(self, now: float, seconds: float) -> bool:
        """True if nothing was received for this long."""
        return now - self.progressed_at > seconds

    def progress(self, size: int) -> None:
        """Record received bytes."""
        self.received += size
        self.progressed_at = time.monotonic()

    def shorten_deadline(self) -> None:
        """Allow little time for the rest of the body, which is discarded."""
        self.begun = self.progressed_at = time.monotonic()
        self.received = 0
        self.max_seconds, self.max_idle_seconds = DISCARDED_SECONDS, DISCARDED_IDLE_SECONDS

    def end(self) -> None:
        """Shut the socket for reading, which wakes the reader."""
        self.has_ended = True
        try:
            self.connection.shutdown(socket.SHUT_RD)
        except OSError:  # the caller has gone
            return


def late_reads(waiting: list[BodyRead], now: float, max_waiting: int) -> list[BodyRead]:
    """The bodies of `waiting` to end now, so that at most `max_waiting` are waited for at a time."""
    ended = [each for each in waiting if each.is_late(now)]
    rest = sorted((each for each in waiting if each not in ended), key=lambda each: each.begun)
    if len(rest) <= max_waiting:
        return ended
    first_of_each = {each.address: each for each in reversed(rest)}
    kept = [each for each in rest if first_of_each[each.address] is each][:max_waiting]
    return ended + [each for each in rest if each not in kept and each.is_idle(now, CROWDED_IDLE_SECONDS)]


class BodyWatchdog:
    """Ends the bodies of one process that are late. `max_waiting` says how many may be waited for at a time."""

    def __init__(self, max_waiting: Callable[[], int]) -> None:
        self._max_waiting = max_waiting
        self._waiting: set[BodyRead] = set()
        self._changed = threading.Condition()
        self._is_started = self._is_sleeping = False

    @contextmanager
    def over(self, reading: BodyRead) -> Iterator[None]:
        """Watch a body while a thread waits for it."""
        with self._changed:
            self._waiting.add(reading)
            self._wake()
        try:
            yield
        finally:
            with self._changed:
                self._waiting.discard(reading)  # from here on nobody touches its socket

    def _wake(self) -> None:
        if not self._is_started:
            self._is_started = True
            threading.Thread(target=self._run, name="bodies", daemon=True).start()
        elif self._is_sleeping:
            self._changed.notify()

    def _run(self) -> None:
        idle_checks = 0
        while True:
            with self._changed:
                if idle_checks >= _SLEEP_AFTER_CHECKS:
                    self._is_sleeping = True
                    self._changed.wait_for(lambda: self._waiting)
                    self._is_sleeping = False
                for reading in late_reads(list(self._waiting), time.monotonic(), self._max_waiting()):
                    reading.end()
                idle_checks = 0 if self._waiting else idle_checks + 1
            time.sleep(_CHECK_INTERVAL_SECONDS)


class TimedBody(io.RawIOBase):
    """A request's body that raises RequestTimeout where it does not come in time."""

    def __init__(self, source: Readable, reading: BodyRead, length: int | None = None) -> None:
        """`length` is that of the whole body, if it is known: at its end nobody waits for more."""
        self._source = source
        self._left = length
        self.reading = reading

    def readable(self) -> bool:
        """True, as io.RawIOBase asks for."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """The next bytes. Raises RequestTimeout, and Malformed where the caller broke off."""
        if self.reading.has_ended:
            raise RequestTimeout
        if self._left == 0:
            return 0
        piece = self._next(min(len(buffer), MIN_BYTES_PER_SECOND))
        if self._left is not None:
            self._left = max(0, self._left - len(piece))
        self.reading.progress(len(piece))
        buffer[: len(piece)] = piece
        return len(piece)

    def _next(self, size: int) -> bytes:
        try:
            with _watch.over(self.reading):
                piece = self._source.read(size)
        except Exception as error:
            if self.reading.has_ended:
                raise RequestTimeout from error
            raise Malformed("The body broke off, or its chunks are not as HTTP/1.1 has them.") from error
        if self.reading.has_ended:
            raise RequestTimeout
        return piece


def set_deadline(request: Request, address: str) -> None:
    """Set a deadline for the body of `request`, which comes from `address`, before anybody reads of it."""
    connection = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if connection is not None and not isinstance(request.environ["wsgi.input"], TimedBody):
        reading = BodyRead(connection, address)
        request.environ["wsgi.input"] = TimedBody(request.environ["wsgi.input"], reading, request.content_length)


def shorten_deadline(request: Request) -> None:
    """Allow little time for the rest of the body, which is discarded."""
    body = request.environ["wsgi.input"]
    if isinstance(body, TimedBody):
        body.reading.shorten_deadline()


def close_connection(request: Request) -> None:
    """Read nothing more from this connection, which closes after the response."""
    body = request.environ["wsgi.input"]
    if isinstance(body, TimedBody):
        body.reading.end()


_watch = BodyWatchdog(lambda: max(1, settings().threads // 2))
