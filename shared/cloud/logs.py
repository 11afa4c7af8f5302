"""Structured logs: one JSON object a line, with trace and correlation id, and personal data masked."""

import json
import logging
import random
import re
import sys
import traceback
from collections import deque
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO
from uuid import UUID

from shared.cloud import trace_context
from shared.cloud.settings import settings

_correlation: ContextVar[str] = ContextVar("correlation_id", default="")
_problem: ContextVar[str | None] = ContextVar("problem", default=None)
_REPORTED_ERROR = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"

_DELIMITERS = r"\s\"'<>@,;:()\[\]{}=&?/|*"  # what surrounds an address in a text, and the stars of one that is masked
_EMAIL = re.compile(rf"([^{_DELIMITERS}])[^{_DELIMITERS}]*?(@|%40)([\w-]+(?:\.[\w-]+)+)")
_PHONE = re.compile(r"(?<![\w.*-])\(?(0[ -]?8|\+62[ .-]?8|\+\d\d)(?:[ .()-]{0,2}\d){4,9}[ .()-]{0,2}(\d{3})(?![\w-])")
_PHONE_WITHOUT_PLUS = re.compile(r"(?<![\w.*-])(62[ -]?8)(?:[ -]?\d){4,9}[ -]?(\d{3})(?![\w-])")  # no dots: an amount
# NIKs and card numbers, grouped as people write them. Any other grouping would match amounts and timestamps too.
_IDENTITY = re.compile(
    r"(?<![\w.*-])(?:\d{12}|(?:\d{4}[ .-]){3}|(?:\d{6}[ .-]){2}|(?:\d\d[ .-]){3}\d{6}[ .-])(\d{4})(?![\w-])"
)
# A bank account number is known by the word before it: ten digits alone may be an amount, a time or a gateway's id.
_ACCOUNT_FIELD = re.compile(r"(?i)account_?(?:number|no)|rekening|norek|^va_?number")
_ACCOUNT = re.compile(
    r"(?i)((?:account|rekening|norek|\brek\b|\bva)(?:[ _]?(?:number|nomor|no|bca|bni|bri|bsi|mandiri|permata))?"
    r"[\s\"'():=.]{0,5})"
    r"\d(?:[ .-]?\d){1,13}[ .-]?(\d{4})(?![\w-])"
)
_BEARER = re.compile(r"(?i)(bearer\s+|eyJ)[A-Za-z0-9_\-.=]{8,}")
_OPAQUE = re.compile(r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{43}(?![\w-])")  # 256 random bits
# Most texts of a line match this one pattern, and then none of those above is tried: personal numbers have at least six
# digits and tokens 43 letters, and none is found within hexadecimal digits and ids, which have no word boundary.
_MAX_HARMLESS = 42
_HARMLESS = re.compile(
    r"(?i)(?!.*eyj)(?:[a-z_./{}:-]*\d){0,5}[a-z_./{}:-]*"
    r"|[0-9a-f]*[a-f][0-9a-f]*|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def mask(words: str) -> str:
    """Hide personal data (SEC-013): `u***@example.com`, `08****123`, `************1234`, and no token at all.

    A bank account number, known by a word before it, keeps its last four digits: `account ****7890`.
    """
    if len(words) <= _MAX_HARMLESS and _HARMLESS.fullmatch(words):
        return words
    return _masked_by_patterns(words)


def _masked_by_patterns(words: str) -> str:
    if "@" in words or "%40" in words:
        words = _EMAIL.sub(r"\1***\2\3", words)
    words = _OPAQUE.sub("[token]", _BEARER.sub("[token]", words))
    words = _IDENTITY.sub(r"************\1", words)
    words = _ACCOUNT.sub(r"\1****\2", words)
    return _PHONE_WITHOUT_PLUS.sub(r"\1****\2", _PHONE.sub(r"\1****\2", words))


def correlation_id() -> str:
    """The id shared by everything that one request causes, across functions and queues."""
    return _correlation.get() or begin_request()


def begin_request(given: str | None = None, carrier: Mapping[str, str] | None = None) -> str:
    """Start a request's context with the caller's correlation id (if it looks like one) or a new one.

    `carrier` holds the caller's place in a trace: headers in lower case, or a message's attributes.
    """
    wanted = given if given and re.fullmatch(r"[A-Za-z0-9_.:-]{8,80}", given) else _new_correlation()
    _correlation.set(wanted)
    _problem.set(None)
    trace_context.begin(carrier or {})
    return wanted


def _new_correlation() -> str:
    """A new id, which need not be hard to guess."""
    return str(UUID(int=random.getrandbits(128), version=4))


def continue_as(correlation: str) -> None:
    """Adopt the correlation id of the subject that this request turned out to be about."""
    _correlation.set(correlation)


def set_problem(slug: str) -> None:
    """Remember the problem that this request is answered with, for its access line."""
    _problem.set(slug)


def problem() -> str | None:
    """The problem that this request is answered with; None without one."""
    return _problem.get()


def outgoing_context() -> dict[str, str]:
    """The context that travels with a message: correlation id and trace, for its consumer to continue."""
    return {"correlation_id": correlation_id(), "traceparent": trace_context.current().traceparent}


class JsonLines(logging.Formatter):
    """Cloud Logging's structured format; event names as messages, facts as fields, everything masked."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line: dict[str, Any] = {
            "severity": record.levelname,
            "message": mask(record.getMessage()),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "logger": record.name,
            "function": settings().function,
            "correlation_id": mask(_correlation.get()),
        }
        line.update(_trace_fields())
        line.update(masked({key: value for key, value in vars(record).items() if key not in _STANDARD}))
        if record.exc_info:
            line["stack_trace"] = mask("".join(traceback.format_exception(*record.exc_info)))
            if record.levelno >= logging.ERROR:
                line.update(_reported_error())
        return json.dumps(line)


def _trace_fields() -> dict[str, Any]:
    """The keys by which Cloud Logging shows a line under its trace (docs/reference/google-cloud.md), masked."""
    span_context = trace_context.current()
    project, trace = settings().google_cloud_project, mask(span_context.trace_id)
    return {
        "logging.googleapis.com/trace": f"projects/{project}/traces/{trace}",
        "logging.googleapis.com/spanId": mask(span_context.span_id),
        "logging.googleapis.com/trace_sampled": span_context.is_recorded,
    }


def _reported_error() -> dict[str, Any]:
    """The fields that make Error Reporting take a line: it groups by `stack_trace`, within a function's revision."""
    service = {"service": settings().function, "version": settings().k_revision or "local"}
    return {"@type": _REPORTED_ERROR, "serviceContext": service}


def masked(value: Any) -> Any:
    """A value for JSON with each text in it masked: in finished JSON numbers might look like telephones'."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {_masked_key(str(key)): _masked_field(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(each) for each in value]
    return mask(str(value))


_masked_key = lru_cache(maxsize=1024)(mask)


def _masked_field(name: str, value: Any) -> Any:
    """The masked value of a field; its name counts as the word before it: `account_number`."""
    if isinstance(value, str | int) and _is_account_field(name):
        return mask(f"account {value}").removeprefix("account ")
    return masked(value)


@lru_cache(maxsize=1024)
def _is_account_field(name: str) -> bool:
    return _ACCOUNT_FIELD.search(name) is not None


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes each line in one piece, and those of several threads together. No thread waits for another.

    While a thread writes, others run; with the lock held meanwhile most of them came to wait for it. So a thread only
    adds its line where another is writing, which looks for more before it goes on.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: deque[str] = deque()

    def handle(self, record: logging.LogRecord) -> bool:
        """Format and write a record, if the filters let it through."""
        if not self.filter(record):
            return False
        try:
            self._lines.append(self.format(record) + self.terminator)
            self._write_lines()
        except Exception:  # noqa: BLE001 - logging tells of it and goes on, as its own handlers do
            self.handleError(record)
        return True

    def _write_lines(self) -> None:
        lock = self.lock
        while lock and self._lines and lock.acquire(blocking=False):
            try:
                self.stream.write("".join(self._lines.popleft() for _ in range(len(self._lines))))
                self.stream.flush()
            finally:
                lock.release()


def configure() -> None:
    """Send every logger's lines to standard output as JSON.

    Call it after functions-framework has set up its own logging.
    """
    handler = LineHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings().log_level)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
