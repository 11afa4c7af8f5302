"""Spans of the traces that are recorded, by OpenTelemetry; it is imported by the first of them and not before.

    with span("transaction"):
        ...

Where we are is kept by `trace_context`, not by OpenTelemetry's own context: one truth for logs, headers and spans.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from shared.cloud import trace_context
from shared.cloud.clients import LazyClient
from shared.cloud.settings import settings
from shared.cloud.trace_context import SpanContext
from shared.problems import Problem

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

CLOUD_TRACE = "https://telemetry.googleapis.com/v1/traces"
"""Google's own OTLP endpoint, before Cloud Trace; the exporter for its older API is deprecated."""
TRACE_SCOPE = "https://www.googleapis.com/auth/trace.append"
SEND_WITHIN_SECONDS = 2

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Facts = Mapping[str, str | int]


@contextmanager
def span(name: str, kind: Kind = "internal", facts: Facts | None = None) -> Iterator[None]:
    """Measure a block. `facts` carry OpenTelemetry's names and nothing personal; of an error only its class is kept."""
    position = trace_context.current()
    if not position.is_recorded:
        yield
        return
    measured = _start(name, kind, position, facts or {})
    try:
        with trace_context.moved_to(f"{measured.get_span_context().span_id:016x}"):
            yield
    except BaseException as error:
        _note(measured, error)
        raise
    finally:
        measured.end()


def flush() -> None:
    """Send what the running request has measured, before its answer: afterwards Cloud Run takes the CPU away."""
    if trace_context.current().is_recorded:
        provider().force_flush()  # for SEND_WITHIN_SECONDS at most, which the exporter keeps


@LazyClient
def provider() -> "TracerProvider":
    """The tracer that makes spans and sends them in batches, as `TRACE_EXPORTER` says."""
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    made = make_provider()
    made.add_span_processor(BatchSpanProcessor(_exporter()))
    return made


def make_provider() -> "TracerProvider":
    """A maker of spans that sends them nowhere. It records all: which traces are, has been decided before."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    chosen = settings()
    service = {"service.name": chosen.function, "service.version": chosen.k_revision or "local"}
    resource = Resource({**service, "gcp.project_id": chosen.google_cloud_project})
    return TracerProvider(sampler=ALWAYS_ON, resource=resource)


def _exporter() -> "SpanExporter":
    if settings().trace_exporter == "cloud":
        import google.auth
        from google.auth.transport.requests import AuthorizedSession
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        credentials, _ = google.auth.default(scopes=[TRACE_SCOPE])
        session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
        return OTLPSpanExporter(CLOUD_TRACE, timeout=SEND_WITHIN_SECONDS, session=session)
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter

    return ConsoleSpanExporter()


def _start(name: str, kind: Kind, position: SpanContext, facts: Facts) -> "Span":
    from opentelemetry import trace
    from opentelemetry.context import Context

    parent = trace.SpanContext(
        trace_id=int(position.trace_id, 16),
        span_id=int(position.span_id, 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    return (
        provider()
        .get_tracer("karcis")
        .start_span(
            name,
            context=trace.set_span_in_context(trace.NonRecordingSpan(parent), Context()),
            kind=trace.SpanKind[kind.upper()],
            attributes=dict(facts),
        )
    )


def _note(measured: "Span", error: BaseException) -> None:
    from opentelemetry.trace import StatusCode

    measured.set_attribute("error.type", type(error).__name__)
    if not (isinstance(error, Problem) and error.status < 500):  # a refusal is an answer like any other
        measured.set_status(StatusCode.ERROR)
