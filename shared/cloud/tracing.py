"""Spans of recorded traces, by OpenTelemetry, which is imported with the first of them.

    with span("transaction"):
        ...

The current span is kept by `trace_context`, not by OpenTelemetry's context: one truth for logs, headers and spans.
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

SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int]


@contextmanager
def span(name: str, kind: SpanKind = "internal", attributes: Attributes | None = None) -> Iterator[None]:
    """Record a block as a span, with attributes that hold no personal data; of an error only its class is recorded."""
    span_context = trace_context.current()
    if not span_context.is_recorded:
        yield
        return
    measured = _start(name, kind, span_context, attributes or {})
    try:
        with trace_context.in_span(f"{measured.get_span_context().span_id:016x}"):
            yield
    except BaseException as error:
        _note(measured, error)
        raise
    finally:
        measured.end()


def flush() -> None:
    """Send the spans of the running request before its response, after which Cloud Run throttles the CPU."""
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
    """A tracer provider without exporter. It samples everything, as sampling is decided before."""
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


def _start(name: str, kind: SpanKind, span_context: SpanContext, attributes: Attributes) -> "Span":
    from opentelemetry import trace
    from opentelemetry.context import Context

    parent = trace.SpanContext(
        trace_id=int(span_context.trace_id, 16),
        span_id=int(span_context.span_id, 16),
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
            attributes=dict(attributes),
        )
    )


def _note(measured: "Span", error: BaseException) -> None:
    from opentelemetry.trace import StatusCode

    measured.set_attribute("error.type", type(error).__name__)
    if not (isinstance(error, Problem) and error.status < 500):  # a refusal is an answer like any other
        measured.set_status(StatusCode.ERROR)
