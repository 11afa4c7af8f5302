"""Cells of reports as values: amounts and moments, however a program or a country writes them."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from shared import local_time
from shared.field_types import in_reach

MAX_AMOUNT: Final = 10**13
"""More than any line, batch or bank account of ours holds: what is larger was read wrongly."""
_CURRENCY = re.compile(r"^(?:rp\.?|idr)\s*|\s*(?:idr)$", re.IGNORECASE)
_SIDE = re.compile(r"\s*(cr|db|dr|k|d)\.?$", re.IGNORECASE)
_PLAIN = re.compile(r"\d+", re.ASCII)
_DECIMAL = re.compile(r"(\d+)[.,](\d{1,2}|\d{4,10})", re.ASCII)
_GROUPED = re.compile(r"(\d{1,3}(?:([.,'\s])\d{3})(?:\2\d{3})*)(?:[.,](\d{1,2}))?", re.ASCII)
_FULL_TIMES: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S")
_LOCAL_TIMES: Final = tuple(
    f"{day}{rest}"
    for day in ("%d/%m/%Y", "%d-%m-%Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y")
    for rest in ("", " %H:%M", " %H:%M:%S", ", %H:%M", ", %H:%M:%S")
)
_DAYS: Final = ("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%d-%m-%Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d/%m/%y")
_INDONESIAN_MONTHS: Final = {
    "januari": "january", "februari": "february", "maret": "march", "mei": "may", "juni": "june", "juli": "july",
    "agustus": "august", "agu": "aug", "agt": "aug", "oktober": "october", "okt": "oct", "desember": "december",
    "des": "dec",
}  # fmt: skip
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?", re.ASCII)
_ZONES: Final = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}


class Unreadable(ValueError):
    """A cell that is none of what its column holds."""


def amount(written: str) -> tuple[int, bool]:
    """Whole rupiah, and whether a fraction of one was rounded (half up). A point before three digits groups them.

    Raises Unreadable.
    """
    words, is_negative = _without_sign(written)
    value = _decimal(words)
    if value >= MAX_AMOUNT:
        raise Unreadable
    whole = int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return (-whole if is_negative else whole), value != whole


def side(written: str) -> str | None:
    """The side of an account that stands behind an amount: `credit` or `debit`; None where none does."""
    found = _SIDE.search(written.strip())
    return None if found is None else "credit" if found[1].lower() in ("cr", "k") else "debit"


def moment(written: str, zone: ZoneInfo | timezone) -> datetime:
    """A moment in UTC; of `zone`, where it does not say its own. Days stand before months. Raises Unreadable."""
    words = _english(written)
    parsed = _iso(words) or _parsed(words, (*_FULL_TIMES, *_LOCAL_TIMES))
    if parsed is None:
        raise Unreadable
    try:
        return in_reach(parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable from None


def day(written: str) -> date:
    """A day; of a moment in Jakarta, where a time stands behind it. Raises Unreadable."""
    words = _english(written)
    parsed = _parsed(words, _DAYS)
    if parsed is not None:
        try:
            return in_reach(parsed.date())
        except ValueError:
            raise Unreadable from None
    home = ZoneInfo(local_time.HOME_ZONE)
    return moment(written, home).astimezone(home).date()


def zone(written: str) -> ZoneInfo | timezone | None:
    """The time zone that a column names: `+0700`, `+0000 UTC`, `GMT+7`, `WIB`, `Asia/Jakarta`; None for none.

    Raises Unreadable.
    """
    words = written.strip()
    if not words:
        return None
    if words.upper() in ("UTC", "GMT", "Z"):
        return UTC
    if name := _ZONES.get(words.upper()) or (words if words in local_time.zones() else None):
        return ZoneInfo(name)
    found = _OFFSET.search(words)
    if found is None or int(found[2]) > 14 or int(found[3] or 0) > 59:
        raise Unreadable
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(-offset if found[1] == "-" else offset)


def _without_sign(written: str) -> tuple[str, bool]:
    """The digits of an amount, and whether it is negative: `-5`, `(5)` or `5-`."""
    words = _SIDE.sub("", written.strip().replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", " "))
    is_negative = False
    if words.startswith("(") and words.endswith(")"):
        words, is_negative = words[1:-1], True
    words, was_signed = _unsigned(words)
    bare = _CURRENCY.sub("", words.strip()).strip()
    if not was_signed:
        bare, was_signed = _unsigned(bare)
    return bare, is_negative or was_signed


def _unsigned(words: str) -> tuple[str, bool]:
    """The same without a minus before or behind it, and whether there was one."""
    if words.startswith("-"):
        return words[1:], True
    return (words[:-1], True) if words.endswith("-") else (words.removeprefix("+"), False)


def _decimal(words: str) -> Decimal:
    if _PLAIN.fullmatch(words):
        return Decimal(words)
    if found := _GROUPED.fullmatch(words):
        whole = re.sub(r"\D", "", found[1])
        return Decimal(f"{whole}.{found[3] or 0}")
    if found := _DECIMAL.fullmatch(words):
        return Decimal(f"{found[1]}.{found[2]}")
    raise Unreadable


def _iso(words: str) -> datetime | None:
    try:
        return datetime.fromisoformat(words.upper().replace("Z", "+00:00"))
    except ValueError:
        return None


def _parsed(words: str, patterns: tuple[str, ...]) -> datetime | None:
    for pattern in patterns:
        try:
            return datetime.strptime(words, pattern)
        except ValueError:
            continue
    return None


def _english(written: str) -> str:
    words = " ".join(written.split()).removesuffix(" UTC").removesuffix(" WIB")
    return re.sub(r"[A-Za-z]+", lambda found: _INDONESIAN_MONTHS.get(found[0].lower(), found[0]), words)
