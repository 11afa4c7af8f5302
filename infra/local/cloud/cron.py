"""Cron expressions of five fields: minute, hour, day of month, month, day of week."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_PART = re.compile(r"(?:(?P<all>\*)|(?P<first>\d+)(?:-(?P<last>\d+))?)(?:/(?P<step>\d+))?")
_FURTHEST_DAYS = 366 * 8  # 29 February can be eight years away


class BadSchedule(ValueError):
    """The expression cannot be read, or names no day that exists."""


@dataclass(frozen=True)
class Cron:
    """A schedule. Days match by either day field when both are restricted, as cron has it."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @classmethod
    def parse(cls, expression: str) -> Self:
        """Read `*`, numbers, ranges (`1-5`), steps (`*/15`, `8-18/2`) and lists of them; Sunday is 0 or 7.

        Raises BadSchedule.
        """
        parts = expression.split()
        if len(parts) != len(_FIELDS):
            raise BadSchedule(f"{expression!r} does not have {len(_FIELDS)} fields")
        minutes, hours, days, months, weekdays = (
            _values(part, *field) for part, field in zip(parts, _FIELDS, strict=True)
        )
        return cls(
            minutes=tuple(sorted(minutes)),
            hours=tuple(sorted(hours)),
            days=frozenset(days),
            months=frozenset(months),
            weekdays=frozenset(day % 7 for day in weekdays),
            any_day=parts[2].startswith("*"),
            any_weekday=parts[4].startswith("*"),
        )

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The first minute of the schedule, by the clocks of `zone`, later than the aware `moment`; in UTC.

        A time that clocks skip is left out; one they show twice counts once. Raises BadSchedule if
        there is none.
        """
        local_day = moment.astimezone(zone).date()
        for offset in range(_FURTHEST_DAYS):
            day = local_day + timedelta(days=offset)
            if self._matches(day):
                for candidate in self._moments(day, zone):
                    if candidate > moment:
                        return candidate
        raise BadSchedule("the schedule names no day that exists")

    def _matches(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday

    def _moments(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                moment = local.astimezone(UTC)
                if moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                    yield moment


def _values(field: str, name: str, least: int, most: int) -> set[int]:
    values: set[int] = set()
    for part in field.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise BadSchedule(f"{part!r} is not a {name}")
        first = least if found["all"] else int(found["first"])
        last = most if found["all"] or (found["step"] and not found["last"]) else int(found["last"] or first)
        step = int(found["step"] or 1)
        if not (least <= first <= last <= most) or step == 0:
            raise BadSchedule(f"{part!r} is not a {name} ({least} to {most})")
        values.update(range(first, last + 1, step))
    return values
