"""Spans of a recorded trace hang together, say nothing of people, and cost nothing where none is recorded (M-005)."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from google.auth.credentials import AnonymousCredentials
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.cloud import trace_context, tracing
from shared.cloud.settings import settings
from shared.problems import NotFound
from tests.unit.web.apps import call, echo_function

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{SPAN}-00"}


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Every trace is recorded, and kept here."""
    monkeypatch.setenv("TRACE_EXPORTER", "console")
    monkeypatch.setenv("TRACE_PERCENT", "100")
    settings.cache_clear()
    exporter = InMemorySpanExporter()
    provider = tracing.make_provider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.provider.provide(provider)
    yield exporter
    tracing.provider.provide(None)
    monkeypatch.undo()
    settings.cache_clear()


def one(spans: tuple[ReadableSpan, ...], name: str) -> ReadableSpan:
    (found,) = [span for span in spans if span.name == name]
    return found


def test_a_span_lies_within_its_caller_s_and_what_is_handed_on_lies_within_the_span(exported: InMemorySpanExporter):
    trace_context.begin(HEADERS)
    with tracing.span("outer", "server", {"http.route": "/x"}):
        handed_on = trace_context.current().traceparent
        with tracing.span("inner"):
            pass
    spans = exported.get_finished_spans()
    outer, inner = one(spans, "outer"), one(spans, "inner")
    assert f"{outer.context.trace_id:032x}" == f"{inner.context.trace_id:032x}" == TRACE
    assert outer.parent
    assert inner.parent
    assert f"{outer.parent.span_id:016x}" == SPAN
    assert inner.parent.span_id == outer.context.span_id
    assert handed_on == f"00-{TRACE}-{outer.context.span_id:016x}-01"
    assert dict(outer.attributes or {}) == {"http.route": "/x"}


def test_of_an_error_its_class_is_kept_and_a_refusal_is_no_error(exported: InMemorySpanExporter):
    trace_context.begin(HEADERS)
    for error in (ValueError("siti@example.com"), NotFound()):
        with pytest.raises(type(error)), tracing.span(type(error).__name__):
            raise error
    spans = exported.get_finished_spans()
    failed, refused = one(spans, "ValueError"), one(spans, "NotFound")
    assert (failed.status.is_ok, refused.status.is_ok) == (False, True)
    assert dict(failed.attributes or {}) == {"error.type": "ValueError"}
    assert "siti" not in failed.to_json()


def test_an_endpoint_is_one_span_named_by_its_route(exported: InMemorySpanExporter):
    call(echo_function(), "GET", "/api/v1/echo/siti", headers=HEADERS)
    span = one(exported.get_finished_spans(), "GET /api/v1/echo/{name}")
    assert f"{span.context.trace_id:032x}" == TRACE
    assert "siti" not in span.to_json()


class _Collector(BaseHTTPRequestHandler):
    """Cloud Trace's endpoint: notes the names of the spans it is sent."""

    received: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        content = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
            self.received.extend(span.name for scope in resource.scope_spans for span in scope.spans)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_spans_are_with_cloud_trace_before_the_answer_is(exported: InMemorySpanExporter, monkeypatch):
    monkeypatch.setenv("TRACE_EXPORTER", "cloud")
    settings.cache_clear()
    monkeypatch.setattr("google.auth.default", lambda **_: (AnonymousCredentials(), "karcis-local"))
    with ThreadingHTTPServer(("127.0.0.1", 0), _Collector) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        monkeypatch.setattr(tracing, "CLOUD_TRACE", f"http://127.0.0.1:{server.server_port}/v1/traces")
        tracing.provider.provide(None)
        call(echo_function(), "GET", "/api/v1/echo/siti", headers=HEADERS)
        assert _Collector.received == ["GET /api/v1/echo/{name}"]
        tracing.provider().shutdown()
        server.shutdown()
