"""A trace is gone on with as the W3C and Google's front end write it, and recorded or not by its id alone."""

from collections.abc import Iterator

import pytest

from shared.cloud import trace_context
from shared.cloud.settings import settings
from shared.cloud.trace_context import SpanContext

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TRACE_EXPORTER", "console")
    monkeypatch.setenv("TRACE_PERCENT", "50")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_both_headers_are_understood_and_the_standard_one_counts():
    assert trace_context.begin({"traceparent": f"00-{TRACE}-{SPAN}-01"}) == SpanContext(TRACE, SPAN)
    google = {"x-cloud-trace-context": f"{TRACE.upper()}/{int(SPAN, 16)};o=1"}
    assert trace_context.begin(google) == SpanContext(TRACE, SPAN)
    both = {**google, "traceparent": f"00-{'1' * 32}-{SPAN}-00"}
    assert trace_context.begin(both).trace_id == "1" * 32
    assert trace_context.current().trace_id == "1" * 32


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{'x' * 32}-{SPAN}-01",
    ],
)
def test_what_is_none_begins_a_new_trace(traceparent: str):
    begun = trace_context.begin({"traceparent": traceparent})
    assert begun.trace_id not in (TRACE, "0" * 32)
    assert (len(begun.trace_id), len(begun.span_id)) == (32, 16)


def test_a_block_in_another_span_is_in_the_same_trace():
    trace_context.begin({"traceparent": f"00-{TRACE}-{SPAN}-00"})
    with trace_context.in_span("1" * 16):
        assert trace_context.current() == SpanContext(TRACE, "1" * 16)
    assert trace_context.current() == SpanContext(TRACE, SPAN)


@pytest.mark.usefixtures("recorded")
def test_every_hop_decides_alike_whatever_the_caller_wishes():
    low, high = f"{'0' * 16}7fffffffffffffff", f"{'0' * 16}8000000000000000"
    assert trace_context.begin({"traceparent": f"00-{low}-{SPAN}-00"}).traceparent == f"00-{low}-{SPAN}-01"
    assert trace_context.begin({"traceparent": f"00-{high}-{SPAN}-01"}).traceparent == f"00-{high}-{SPAN}-00"


def test_nothing_is_recorded_where_there_is_nowhere_to_send_it():
    assert trace_context.begin({"traceparent": f"00-{'0' * 31}1-{SPAN}-01"}).is_recorded is False
