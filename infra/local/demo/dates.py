"""Days and hours of the demo events, counted from today so that they are always ahead."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SATURDAY, SUNDAY = 5, 6


def ahead(days: int, hour: float, zone: str = "Asia/Jakarta", *, weekday: int | None = None) -> datetime:
    """So many days from today at this hour in the zone, on the next such weekday from there on."""
    today = datetime.now(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    day = today + timedelta(days=days)
    if weekday is not None:
        day += timedelta(days=(weekday - day.weekday()) % 7)
    return (day + timedelta(hours=hour)).astimezone(UTC)
