"""Single fields out of a gateway's JSON, read strictly: PayloadUnreadable where one is not as documented."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.gateways.errors import PayloadUnreadable

_WESTERN_INDONESIA = timezone(timedelta(hours=7))
_WIB_FORMAT = "%Y-%m-%d %H:%M:%S"


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
        return str(value)

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
        if not amount.is_finite() or amount != amount.to_integral_value():
            raise self._unreadable(name)
        return int(amount)

    def iso_time(self, name: str) -> datetime | None:
        """An ISO 8601 time with its offset, as UTC; None where it is absent."""
        written = self.optional_text(name)
        if written is None:
            return None
        try:
            moment = datetime.fromisoformat(written)
        except ValueError:
            raise self._unreadable(name) from None
        if moment.tzinfo is None:
            raise self._unreadable(name)
        return moment.astimezone(UTC)

    def wib_time(self, name: str) -> datetime | None:
        """Midtrans's "YYYY-MM-DD HH:MM:SS", which is GMT+7 without saying so, as UTC; None where absent."""
        written = self.optional_text(name)
        if written is None:
            return None
        try:
            moment = datetime.strptime(written, _WIB_FORMAT)
        except ValueError:
            raise self._unreadable(name) from None
        return moment.replace(tzinfo=_WESTERN_INDONESIA).astimezone(UTC)

    def objects(self, name: str) -> list["Fields"]:
        """A list of objects, empty where it is absent or null."""
        values = self.body.get(name) or []
        if not isinstance(values, list):
            raise self._unreadable(name)
        return [Fields(self.gateway, value) for value in values]

    def _unreadable(self, name: str) -> PayloadUnreadable:
        return PayloadUnreadable(self.gateway, f"field {name} is missing or malformed")


def parse_json(gateway: str, body: bytes) -> Any:
    """The JSON in `body`. Raises PayloadUnreadable."""
    try:
        return json.loads(body, parse_constant=_no_json_number)
    except (ValueError, RecursionError):
        raise PayloadUnreadable(gateway, "no JSON") from None


def _no_json_number(constant: str) -> Any:
    raise ValueError(constant)  # NaN and Infinity are Python's extension, and no database takes them as JSON


def parse_object(gateway: str, body: bytes) -> Fields:
    """The JSON object in `body`. Raises PayloadUnreadable."""
    return Fields(gateway, parse_json(gateway, body))


def wib_text(moment: datetime) -> str:
    """`moment` in the form Midtrans's requests take: "YYYY-MM-DD HH:MM:SS +0700"."""
    return moment.astimezone(_WESTERN_INDONESIA).strftime(f"{_WIB_FORMAT} %z")


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header whatever its case, as HTTP asks for."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), None)
