"""A gateway's JSON: cleaned where it is parsed, then read field by field and strictly.

A gateway's documents are foreign: half of an emoji, a NUL, 1e999 or a thousand brackets must not stop a document
that is otherwise good, and no database takes them. `parse_json` is the one place where such documents come in.
PayloadUnreadable says that a field is not as documented.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.gateways.errors import PayloadUnreadable
from shared.gateways.statuses import WebhookEvent, WebhookEventKind

_WESTERN_INDONESIA = timezone(timedelta(hours=7))
_WIB_FORMAT = "%Y-%m-%d %H:%M:%S"
_LONGEST_TEXT = 2000
_LONGEST_ID = 200
_LONGEST_NUMBER = 30
_MAX_RUPIAH = 10**15
_DEEPEST = 40
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class Fields:
    """A JSON object of `gateway`, asked for one field at a time."""

    def __init__(self, gateway: str, body: object) -> None:
        if not isinstance(body, Mapping):
            raise PayloadUnreadable(gateway, "no JSON object")
        self.gateway = gateway
        self.body: Mapping[str, Any] = body

    def text(self, name: str) -> str:
        """A field that must be there and not empty; numbers come back as their text."""
        found = self.optional_text(name)
        if found is None:
            raise self._unreadable(name)
        return found

    def optional_text(self, name: str) -> str | None:
        """A text field, None where it is absent, null or empty."""
        value = self.body.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._unreadable(name)
        written = str(value)
        if len(written) > _LONGEST_TEXT:
            raise self._unreadable(name)
        return written

    def lenient_text(self, name: str) -> str | None:
        """A text field, None where it can't be read either."""
        try:
            return self.optional_text(name)
        except PayloadUnreadable:
            return None

    def rupiah(self, name: str) -> int:
        """An amount in whole rupiah, written as 10000, 10000.0 or "10000.00"."""
        found = self.optional_rupiah(name)
        if found is None:
            raise self._unreadable(name)
        return found

    def optional_rupiah(self, name: str) -> int | None:
        """An amount in whole rupiah, None where it is absent, null or empty."""
        written = self.optional_text(name)
        if written is None:
            return None
        try:
            amount = Decimal(written)
        except InvalidOperation:
            raise self._unreadable(name) from None
        if not amount.is_finite() or abs(amount) > _MAX_RUPIAH or amount != amount.to_integral_value():
            raise self._unreadable(name)
        return int(amount)

    def iso_time(self, name: str) -> datetime | None:
        """An ISO 8601 time with its offset, as UTC; None where it is absent."""
        written = self.optional_text(name)
        if written is None:
            return None
        try:
            moment = datetime.fromisoformat(written)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise self._unreadable(name)

    def wib_time(self, name: str) -> datetime | None:
        """Midtrans's "YYYY-MM-DD HH:MM:SS", which is GMT+7 without saying so, as UTC; None where absent."""
        written = self.optional_text(name)
        if written is None:
            return None
        try:
            return datetime.strptime(written, _WIB_FORMAT).replace(tzinfo=_WESTERN_INDONESIA).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self._unreadable(name) from None

    def objects(self, name: str) -> list["Fields"]:
        """A list of objects, empty where it is absent or null."""
        values = self.body.get(name) or []
        if not isinstance(values, list):
            raise self._unreadable(name)
        return [Fields(self.gateway, value) for value in values]

    def _unreadable(self, name: str) -> PayloadUnreadable:
        return PayloadUnreadable(self.gateway, f"field {name} is missing or malformed")


def parse_json(gateway: str, body: bytes, *, number: Callable[[str], Any] | None = None) -> Any:
    """The JSON in `body`, cleaned of what can't be stored or printed. Raises PayloadUnreadable.

    Numbers that no database takes stay the text they were; `number` reads all numbers instead.
    """
    written = _without_depths(body.decode("utf-8-sig", errors="replace"))
    try:
        found = json.loads(
            written,
            strict=False,
            parse_int=number or _integer,
            parse_float=number or _float,
            parse_constant=str,
        )
    except (ValueError, RecursionError):
        raise PayloadUnreadable(gateway, "no JSON") from None
    return _clean(found)


def parse_object(gateway: str, body: bytes) -> Fields:
    """The JSON object in `body`. Raises PayloadUnreadable."""
    return Fields(gateway, parse_json(gateway, body))


def clean_text(text: str) -> str:
    """A foreign text without what can't be stored: NUL, and halves of surrogate pairs."""
    return _UNSTORABLE.sub("\ufffd", text)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_clean(each) for each in value]
    if isinstance(value, dict):
        return {clean_text(name): _clean(each) for name, each in value.items()}
    return value


def _integer(written: str) -> int | str:
    return int(written) if len(written) <= _LONGEST_NUMBER else written[:_LONGEST_TEXT]


def _float(written: str) -> float | str:
    number = float(written)
    return number if math.isfinite(number) else written[:_LONGEST_TEXT]


def _without_depths(written: str) -> str:
    """The document with null in place of what is nested deeper than anything that a gateway documents."""
    kept, start, depth = [], 0, 0
    for bracket in _BRACKETS.finditer(written):
        if bracket[0] in ("[", "{"):
            depth += 1
            if depth == _DEEPEST + 1:
                kept.append(written[start : bracket.start()] + "null")
        elif bracket[0] in ("]", "}"):
            if depth == _DEEPEST + 1:
                start = bracket.end()
            depth -= 1
    return "".join(kept) + written[start:] if depth <= _DEEPEST else written[:0]


def short_id(written: str) -> str:
    """An id that an index takes: a long one by its hash."""
    return written if len(written) <= _LONGEST_ID else "sha256:" + hashlib.sha256(written.encode()).hexdigest()


def unreadable_event(gateway: str, body: bytes) -> WebhookEvent:
    """A webhook that proved its origin, and of which nothing can be read: kept as the text it was."""
    return WebhookEvent(
        gateway=gateway,
        kind=WebhookEventKind.UNKNOWN,
        event_id="unreadable:" + hashlib.sha256(body).hexdigest(),
        external_id=None,
        gateway_reference=None,
        raw_status="unreadable",
        is_test=False,
        reported=None,
        payload={"unreadable": clean_text(body.decode(errors="replace"))[:_LONGEST_TEXT]},
        is_readable=False,
    )


def wib_text(moment: datetime) -> str:
    """`moment` in the form Midtrans's requests take: "YYYY-MM-DD HH:MM:SS +0700"."""
    return moment.astimezone(_WESTERN_INDONESIA).strftime(f"{_WIB_FORMAT} %z")


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header whatever its case, as HTTP asks for."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), None)
