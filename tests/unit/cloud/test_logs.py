"""SEC-013, M-003, M-006: whoever logs it, personal data is masked in the line that is printed, which stays JSON."""

import io
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cloud import logs
from shared.cloud.logs import JsonLines, LineHandler, begin_request, mask

TOKEN = "vN3k-8hJ2pQ_rT5wXyZ0aBcDeFgHiJkLmNoPqRsTuVw"


def printed(message: str = "order.paid", *args: object, **extra: Any) -> dict[str, Any]:
    record = logging.LogRecord("shared.sales", logging.INFO, __file__, 1, message, args, None)
    vars(record).update(extra)
    line: dict[str, Any] = json.loads(JsonLines().format(record))
    return line


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        ("siti.rahma@example.com", "s***@example.com"),
        ("s@example.com", "s***@example.com"),
        ("siti+tiket@mail.example.co.id", "s***@mail.example.co.id"),
        ("o'brien@example.com", "o'b***@example.com"),
        ("josé@example.com", "j***@example.com"),
        ("siti@bücher.example", "s***@bücher.example"),
        ("?to=siti%40example.com&x=1", "?to=s***%40example.com&x=1"),
        ("081234567890", "08****890"),
        ("+6281234567890", "+628****890"),
        ("6281234567890", "628****890"),
        ("0812-3456-7890", "08****890"),
        ("+62 812 3456 789", "+62 8****789"),
        ("(0812) 3456-7890", "08****890"),
        ("telepon: (0812)34567890", "telepon: 08****890"),
        ("0812.3456.7890", "08****890"),
        ("+62.812.3456.7890", "+62.8****890"),
        ("+62 (812) 3456-7890", "+62****890"),
        ("+44 20 7946 0958", "+44****958"),
        ("tel\n081234567890", "tel\n08****890"),
        ("NIK 3174012345678901", "NIK ************8901"),
        ("NIK 3174 0123 4567 8901", "NIK ************8901"),
        ("NIK 3174.0123.4567.8901", "NIK ************8901"),
        ("NIK 317401 234567 8901", "NIK ************8901"),
        ("NIK 31.74.01.234567.8901", "NIK ************8901"),
        ("kartu 4111-1111-1111-1111", "kartu ************1111"),
        ("account 1234567890", "account ****7890"),
        ("rekening BCA: 1234567890, no. rek. 123-456-7890", "rekening BCA: ****7890, no. rek. ****7890"),
        ('{"account_number": "1234567890"}', '{"account_number": "****7890"}'),
        ("Key (account_number)=(1234567890)", "Key (account_number)=(****7890)"),
        ("va_number=8808123456789", "va_number=****6789"),
        ("Bearer abcdefgh.ijk", "[token]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.c2ln", "[token]"),
        (f"refresh={TOKEN}", "refresh=[token]"),
    ],
)
def test_what_tells_on_somebody_is_hidden(raw: str, masked: str):
    assert mask(raw) == masked
    assert mask(masked) == masked, "masked once more, it is the same"


@pytest.mark.parametrize(
    "harmless",
    [
        "7d9f0d0e-6281-4234-8567-89abcdef0812",
        "2026-11-21T08:12:34.567890+00:00",
        "order.reserved",
        "karcis-orders-light.2-59",
        "a" * 43,
        "0123456789abcdef" * 4,  # a hash
        "Rp 1.500.000",
        "Rp 62.800.000.000",
        "received_amount 1234567890",
        "1763731234.567890",
        "0.8123456789012345",
        "62.81234567890",
        "account 7d9f0d0e-6281-4234-8567-89abcdef0812",
        "account 12345678-1234-1234-1234-123456789012",
        "organizer_payable 10.20.30.400000",
    ],
)
def test_what_tells_nothing_is_left_alone(harmless: str):
    assert mask(harmless) == harmless


def test_every_text_of_a_line_is_masked_and_no_number():
    line = printed(
        "mail for %s",
        "siti@example.com",
        people=[{"siti@example.com": ("081234567890",)}],
        amount=6281234567890,
        order_id=UUID(int=1),
    )
    assert line["message"] == "mail for s***@example.com"
    assert line["people"] == [{"s***@example.com": ["08****890"]}]
    assert line["amount"] == 6281234567890
    assert line["order_id"] == str(UUID(int=1))


def test_an_accounts_number_is_known_by_the_name_of_its_field():
    line = printed(account={"account_number": "1234567890", "va_number": 8808123456789}, amount=1234567890)
    assert line["account"] == {"account_number": "****7890", "va_number": "****6789"}
    assert line["amount"] == 1234567890


def test_so_is_the_text_of_an_error():
    try:
        raise ValueError("siti@example.com\n081234567890")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), (ValueError, error, None))
    trace = json.loads(JsonLines().format(record))["stack_trace"]
    assert "s***@example.com\n08****890" in trace


def test_a_line_names_its_place_in_the_trace_as_cloud_logging_wants_it():
    begin_request("purchase-1", {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    line = printed()
    assert line["correlation_id"] == "purchase-1"
    assert line["logging.googleapis.com/trace"] == "projects/karcis-local/traces/0af7651916cd43dd8448eb211c80319c"
    assert line["logging.googleapis.com/spanId"] == "b7ad6b7169203331"
    assert line["logging.googleapis.com/trace_sampled"] is False


def test_an_error_is_a_report_for_error_reporting_and_a_warning_is_not():
    def logged(level: int) -> dict[str, Any]:
        try:
            raise ValueError("siti@example.com")
        except ValueError as error:
            record = logging.LogRecord("x", level, __file__, 1, "failed", (), (ValueError, error, error.__traceback__))
        line: dict[str, Any] = json.loads(JsonLines().format(record))
        return line

    report = logged(logging.ERROR)
    assert report["@type"] == "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"
    assert report["serviceContext"] == {"service": "local", "version": "local"}
    assert report["stack_trace"].startswith("Traceback (most recent call last):\n")
    assert report["stack_trace"].endswith("ValueError: s***@example.com\n")
    assert "@type" not in logged(logging.WARNING)


PIECES = st.sampled_from([*"0123456789", *"aefjkryv", *"@%+. -_/:()=", "eyJ", "bearer ", "account", "rek", "628", "08"])


@given(st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text("0123456789abcdef-", max_size=44), st.uuids()))
def test_a_text_that_no_pattern_looks_at_is_one_that_they_leave_alone(text: str | UUID):
    assert mask(str(text)) == logs._masked_by_patterns(str(text))


def test_a_thread_that_formats_its_line_keeps_no_other_from_writing():
    output = io.StringIO()
    handler = LineHandler(output)

    class Formatter(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            with ThreadPoolExecutor(1) as other:  # the lock lets its own thread in once more
                is_free = other.submit(_is_free, handler).result()
            return f"{record.getMessage()}: {'free' if is_free else 'held'}"

    handler.setFormatter(Formatter())
    handler.handle(logging.LogRecord("x", logging.INFO, __file__, 1, "order.%s", ("paid",), None))
    assert output.getvalue() == "order.paid: free\n"


def _is_free(handler: logging.Handler) -> bool:
    assert handler.lock
    if not handler.lock.acquire(blocking=False):
        return False
    handler.lock.release()
    return True


def line(text: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, __file__, 1, text, None, None)


class BlockedStream(io.StringIO):
    """A stream whose first write takes until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.begun, self.may_end = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.writes += 1
        if self.writes == 1:
            self.begun.set()
            self.may_end.wait(60)
        return super().write(text)


def test_what_others_log_while_a_thread_writes_is_written_by_it_in_one_piece():
    output = BlockedStream()
    handler = LineHandler(output)
    with ThreadPoolExecutor(1) as writer:
        writer.submit(handler.handle, line("first"))
        output.begun.wait()
        handler.handle(line("second"))  # waits for nobody
        handler.handle(line("third"))
        assert output.getvalue() == ""
        output.may_end.set()
    assert (output.getvalue(), output.writes) == ("first\nsecond\nthird\n", 2)


def test_each_line_of_many_threads_is_written_once_and_whole():
    output = io.StringIO()
    handler = LineHandler(output)
    with ThreadPoolExecutor(16) as threads:
        for number in range(2000):
            threads.submit(handler.handle, line(f"line {number}"))
    assert sorted(output.getvalue().splitlines()) == sorted(f"line {number}" for number in range(2000))


def test_a_stream_that_fails_once_keeps_no_later_line_away(capsys: pytest.CaptureFixture[str]):
    output = io.StringIO()
    output.close()
    handler = LineHandler(output)
    handler.handle(line("lost"))
    assert "--- Logging error ---" in capsys.readouterr().err
    handler.setStream(io.StringIO())
    handler.handle(line("there"))
    assert handler.stream.getvalue() == "there\n"  # type: ignore[attr-defined]


def test_a_line_that_cannot_be_formatted_is_told_of_and_ends_nothing(capsys: pytest.CaptureFixture[str]):
    handler = LineHandler(io.StringIO())
    handler.handle(logging.LogRecord("x", logging.INFO, __file__, 1, "%d", ("none",), None))
    assert "--- Logging error ---" in capsys.readouterr().err
