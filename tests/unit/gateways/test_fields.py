"""Fields of gateways' JSON: read exactly or refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.gateways.errors import PayloadUnreadable
from shared.gateways.fields import Fields, header, parse_object, wib_text


@pytest.mark.parametrize(
    ("written", "amount"),
    [(10000, 10000), (10000.0, 10000), ("10000.00", 10000), ("10000", 10000), (0, 0), ("1e4", 10000)],
)
def test_whole_rupiah_are_read_however_they_are_written(written: Any, amount: int) -> None:
    assert Fields("xendit", {"amount": written}).rupiah("amount") == amount


@pytest.mark.parametrize("written", ["10000.50", 0.5, "ten", "NaN", "Infinity", True, [], {}, None, ""])
def test_anything_else_is_no_amount(written: Any) -> None:
    with pytest.raises(PayloadUnreadable, match="amount"):
        Fields("xendit", {"amount": written}).rupiah("amount")


def test_times_become_utc() -> None:
    fields = Fields("x", {"iso": "2026-11-21T10:00:00.123Z", "wib": "2026-11-21 17:00:00"})
    assert fields.iso_time("iso") == datetime(2026, 11, 21, 10, 0, 0, 123000, UTC)
    assert fields.wib_time("wib") == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert fields.iso_time("absent") is fields.wib_time("absent") is None


def test_times_are_written_in_western_indonesian_time() -> None:
    assert wib_text(datetime(2026, 11, 21, 20, tzinfo=UTC)) == "2026-11-22 03:00:00 +0700"


@pytest.mark.parametrize("written", ["yesterday", "2026-11-21T10:00:00", 5])
def test_a_time_without_its_offset_is_no_time(written: Any) -> None:
    with pytest.raises(PayloadUnreadable):
        Fields("x", {"at": written}).iso_time("at")


def test_a_malformed_local_time_is_no_time() -> None:
    with pytest.raises(PayloadUnreadable):
        Fields("x", {"at": "21/11/2026"}).wib_time("at")


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_unreadable(body: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        parse_object("xendit", body)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (rb'"half \ud83c"', "half \ufffd"),
        (rb'"whole \ud83c\udf89"', "whole \U0001f389"),
        (rb'"nul \u0000"', "nul \ufffd"),
        (b'"raw nul \x00"', "raw nul \ufffd"),
        (b'"no utf-8 \xff"', "no utf-8 \ufffd"),
        (b"1e999", "1e999"),
        (b"-Infinity", "-Infinity"),
        (b"NaN", "NaN"),
        (b"9" * 5000, "9" * 2000),
        (b"12345", 12345),
        (b"1.5", 1.5),
        (rb'{"\ud83c": ["\ud83c"]}', {"\ufffd": ["\ufffd"]}),
        (b'"[" ', "["),
    ],
)
def test_what_can_not_be_stored_is_cleaned_and_the_rest_of_the_document_is_good(written: bytes, kept: Any) -> None:
    assert parse_object("xendit", b'{"a": ' + written + b', "b": 1}').body == {"a": kept, "b": 1}


def test_what_is_nested_too_deeply_is_left_out() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    found = parse_object("xendit", b'{"a": ' + deep + b', "b": {"c": "}{"}}').body
    assert found["b"] == {"c": "}{"}
    assert len(str(found["a"])) < 100


@pytest.mark.parametrize("amount", ["1e999", 10**16, "9" * 100, "1e-400"])
def test_an_amount_that_nobody_has_is_no_amount(amount: Any) -> None:
    with pytest.raises(PayloadUnreadable):
        Fields("x", {"amount": amount}).rupiah("amount")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+07:00", "9999-12-31T23:59:59-07:00"])
def test_a_time_that_no_clock_shows_is_no_time(moment: str) -> None:
    with pytest.raises(PayloadUnreadable):
        Fields("x", {"at": moment}).iso_time("at")


@pytest.mark.parametrize("entries", ["text", [1], 5])
def test_a_list_of_objects_holds_objects(entries: Any) -> None:
    with pytest.raises(PayloadUnreadable):
        Fields("x", {"list": entries}).objects("list")


def test_header_names_have_no_case() -> None:
    assert header({"X-Callback-Token": "t"}, "x-callback-token") == "t"
    assert header({}, "x-callback-token") is None
