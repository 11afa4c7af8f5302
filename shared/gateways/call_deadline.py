"""A deadline for calls to gateways while somebody waits for a page, shorter than the gateways' own time-outs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_until: ContextVar[float | None] = ContextVar("call_deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Calls in this block end `seconds` from now, all together, and are not repeated.

    Their time-outs say nothing of how the gateway is: they neither open its circuit nor close it.
    """
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def seconds_left() -> float | None:
    """The seconds that calls may still take; None without a deadline."""
    until = _until.get()
    return None if until is None else until - time.monotonic()
