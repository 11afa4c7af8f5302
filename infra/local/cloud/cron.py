"""Schedules of Cloud Scheduler: cron expressions of five fields, read by cronsim."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_FIELDS = 5


class BadSchedule(ValueError):
    """The expression cannot be read, or names no day that exists."""


def next_fire(schedule: str, zone: ZoneInfo, after: datetime) -> datetime:
    """The first minute of a schedule, by the clocks of `zone`, later than the aware `after`; in UTC.

    Raises BadSchedule.
    """
    if len(schedule.split()) != _FIELDS:
        raise BadSchedule(f"{schedule!r} does not have {_FIELDS} fields")
    try:
        return next(CronSim(schedule, after.astimezone(zone))).astimezone(UTC)
    except CronSimError as error:
        raise BadSchedule(f"{schedule!r}: {error}") from error
    except StopIteration:
        raise BadSchedule(f"{schedule!r} names no day that exists") from None
