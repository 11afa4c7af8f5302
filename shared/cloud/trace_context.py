"""The trace context of the running code (W3C), for log lines, messages, tasks and calls to gateways.

A trace is one request and everything it causes. It goes on over the outbox, Pub/Sub and Cloud Tasks, because
`traceparent` travels with them. Which traces are recorded is decided by their id alone, so that every hop decides
the same; the caller's own wish is not believed (Cloud Run marks all but one request in ten seconds as unsampled).
"""

import random
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from shared.cloud.settings import settings

_W3C = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_GOOGLE = re.compile(r"([0-9a-fA-F]{32})/(\d{1,20})(?:;o=\d+)?")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True)
class SpanContext:
    """A span in a trace: 32 and 16 hexadecimal digits."""

    trace_id: str
    span_id: str

    @property
    def is_recorded(self) -> bool:
        """True if this trace is among the `TRACE_PERCENT` that are recorded, here and at every other hop."""
        if settings().trace_exporter == "none":
            return False
        return int(self.trace_id[16:], 16) * 100 < settings().trace_percent << 64

    @property
    def traceparent(self) -> str:
        """The header that propagates the trace."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.is_recorded else '00'}"


_span_context: ContextVar[SpanContext | None] = ContextVar("span_context", default=None)


def current() -> SpanContext:
    """The current span context; outside of a request, that of a new trace."""
    return _span_context.get() or begin({})


def begin(carrier: Mapping[str, str]) -> SpanContext:
    """Continue the trace in `carrier` (headers in lower case, or a message's attributes), or begin a new one."""
    span_context = _w3c(carrier.get("traceparent", "")) or _google(carrier.get("x-cloud-trace-context", "")) or _new()
    _span_context.set(span_context)
    return span_context


@contextmanager
def in_span(span_id: str) -> Iterator[None]:
    """Run a block in another span of the same trace."""
    token = _span_context.set(SpanContext(current().trace_id, span_id))
    try:
        yield
    finally:
        _span_context.reset(token)


def _w3c(written: str) -> SpanContext | None:
    found = _W3C.fullmatch(written)
    return _valid(found[1], found[2]) if found else None


def _google(written: str) -> SpanContext | None:
    found = _GOOGLE.fullmatch(written)
    return _valid(found[1].lower(), f"{int(found[2]) & (2**64 - 1):016x}") if found else None


def _valid(trace_id: str, span_id: str) -> SpanContext | None:
    return None if trace_id == _NO_TRACE or span_id == _NO_SPAN else SpanContext(trace_id, span_id)


def _new() -> SpanContext:
    # A trace's id is no secret, so it need not come from the kernel.
    return SpanContext(f"{random.getrandbits(128):032x}", f"{random.getrandbits(64):016x}")
