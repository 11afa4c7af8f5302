"""Moments as people read them: in the event's own zone, with its label, in Indonesian or English (EM-007).

Months and days are spelled out here because a function's image has no Indonesian locale to ask.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

HOME_ZONE: Final = "Asia/Jakarta"
"""The zone of moments and days that belong to no event: where the platform is at home."""

_LABELS: Final = {
    "Asia/Jakarta": "WIB",
    "Asia/Pontianak": "WIB",
    "Asia/Makassar": "WITA",
    "Asia/Ujung_Pandang": "WITA",  # the former name of Makassar, which the zone database still links
    "Asia/Jayapura": "WIT",
}
_AREAS: Final = frozenset(
    ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
)
_DAYS: Final = {
    "id": ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
# fmt: off
_MONTHS: Final = {
    "id": ("Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli",
           "Agustus", "September", "Oktober", "November", "Desember"),
    "en": ("January", "February", "March", "April", "May", "June", "July",
           "August", "September", "October", "November", "December"),
}
# fmt: on
_TIME_FORMAT: Final = {"id": "%H.%M", "en": "%H:%M"}
_SECONDS: Final = {"id": ".%S", "en": ":%S"}


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """The IANA zones that name a place, as `Asia/Jakarta`, and `UTC`.

    Left out is what only a machine's files hold (`localtime`, `posixrules`, `Factory`, `posix/...`) and the legacy
    names that name no place (`EST`, `Etc/GMT-7`, `US/Pacific`): each of those has a place that says the same.
    """
    return frozenset(zone for zone in available_timezones() if zone == "UTC" or zone.partition("/")[0] in _AREAS)


def zone_label(moment: datetime, zone: str) -> str:
    """`WIB`, `WITA` or `WIT`; the offset at that moment for every other zone, as `UTC+8` or `UTC-03:30`.

    Raises ZoneInfoNotFoundError for a zone that does not exist.
    """
    return _LABELS.get(zone) or _offset_label(moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta())


def _offset_label(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{f'{hours:02}:{rest:02}' if rest else hours}"


def day_start(moment: datetime, zone: str = HOME_ZONE) -> datetime:
    """The beginning of the day of that moment, in a zone."""
    return moment.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)


def long_date(moment: datetime, zone: str, language: str = "id") -> str:
    """`Sabtu, 21 November 2026`: the day `moment` falls on in `zone`."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{_DAYS[language][local.weekday()]}, {local.day} {_MONTHS[language][local.month - 1]} {local.year}"


def short_date(moment: datetime, zone: str, language: str = "id") -> str:
    """`Sab, 21 Nov 2026`: the same in three letters each."""
    return short_day(moment.astimezone(ZoneInfo(zone)).date(), language)


def short_day(day: date, language: str = "id") -> str:
    """A short date of a day that is already of its zone."""
    weekday, month = _DAYS[language][day.weekday()], _MONTHS[language][day.month - 1]
    return f"{weekday[:3]}, {day.day} {month[:3]} {day.year}"


def time_of_day(moment: datetime, zone: str, language: str = "id") -> str:
    """`19.00 WIB` (in English `19:00 WIB`)."""
    return f"{_time(moment, zone, language)} {zone_label(moment, zone)}"


def exact_time_of_day(moment: datetime, zone: str, language: str = "id") -> str:
    """`19.00.05 WIB` (in English `19:00:05 WIB`)."""
    seconds = moment.strftime(_SECONDS[language])
    return f"{_time(moment, zone, language)}{seconds} {zone_label(moment, zone)}"


def long_moment(moment: datetime, zone: str, language: str = "id") -> str:
    """`Sabtu, 21 November 2026, 19.00 WIB`."""
    return f"{long_date(moment, zone, language)}, {time_of_day(moment, zone, language)}"


def date_and_time(start: datetime, end: datetime, zone: str, language: str = "id") -> tuple[str, str]:
    """The days and the hours from `start` to `end`, one line each.

    `Sabtu, 21 November 2026` and `19.00 – 22.00 WIB`. Over several days both ends say their day:
    `Sabtu, 21 November 2026, 19.00 WIB` and `s.d. Minggu, 22 November 2026, 01.00 WIB`.
    """
    first, last = long_date(start, zone, language), long_date(end, zone, language)
    if first == last:
        hours = f"{_time(start, zone, language)} – {time_of_day(end, zone, language)}"
        return first, time_of_day(start, zone, language) if start == end else hours
    until = "s.d." if language == "id" else "until"
    return long_moment(start, zone, language), f"{until} {long_moment(end, zone, language)}"


def _time(moment: datetime, zone: str, language: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime(_TIME_FORMAT[language])
