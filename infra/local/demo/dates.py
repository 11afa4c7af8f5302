"""Days and hours of the demo events, counted from today so that they are always ahead."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class DemoMoment:
    """A moment so many days from today, or on the next such weekday from there on; `at` is a time as `19:30`."""

    days: int
    at: str
    weekday: Literal["saturday", "sunday"] | None = None

    def in_zone(self, zone: str) -> datetime:
        """The moment, where `at` is a time of this zone."""
        day = datetime.now(ZoneInfo(zone)).date() + timedelta(days=self.days)
        if self.weekday:
            day += timedelta(days=(_WEEKDAYS.index(self.weekday) - day.weekday()) % 7)
        return datetime.combine(day, time.fromisoformat(self.at), ZoneInfo(zone)).astimezone(UTC)
