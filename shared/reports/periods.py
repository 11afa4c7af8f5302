"""The period of a report: days of the event's own zone, or moments."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator
from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.field_types import DayOrMoment
from shared.models import Query, without_empty_fields


class PeriodQuery(Query):
    """From (included) to (excluded), each a moment or a date; a date is that whole day in the event's time zone."""

    from_: Annotated[DayOrMoment, Field(alias="from")] = None
    to: DayOrMoment = None

    _without_empty_fields = model_validator(mode="before")(without_empty_fields)

    @model_validator(mode="after")
    def _in_order(self) -> "PeriodQuery":
        are_alike = _is_day(self.from_) == _is_day(self.to)
        if self.from_ is not None and self.to is not None and are_alike and self.to < self.from_:
            raise ValueError("`to` must not be before `from`")
        return self

    def within(self, zone: str) -> "Period":
        """The same period in UTC."""
        until = self.to + timedelta(days=1) if _is_day(self.to) and self.to else self.to
        return Period(zone, _moment(self.from_, zone), _moment(until, zone))


class SalesQuery(PeriodQuery):
    """The period and the tier to look at; all time and all tiers by default."""

    tier_id: UUID | None = None


# How a statement is best run depends on how much there is of an event or a period, so it is planned each time.
_CUSTOM_PLAN = text("SET LOCAL plan_cache_mode = force_custom_plan")
_MINUTES = text("SELECT set_config('statement_timeout', '5min', true), set_config('lock_timeout', '5min', true)")


def plan_for_these_values(tx: Transaction) -> None:
    """Let each statement of `tx` be planned for its own values."""
    tx.execute(_CUSTOM_PLAN)


def take_minutes(tx: Transaction) -> None:
    """Let each statement of `tx` take minutes, for figures that nobody waits for and that lock no row."""
    tx.execute(_MINUTES)


@dataclass(frozen=True)
class Period:
    """The time from `since` (included) until `until` (excluded), in UTC; None is without an end. Days are of `zone`."""

    zone: str
    since: datetime | None = None
    until: datetime | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of a statement with `contains`."""
        return {"zone": self.zone, "since": self.since, "until": self.until}

    @property
    def first(self) -> date | None:
        """Its first whole day."""
        begun = self.since and self.since.astimezone(ZoneInfo(self.zone))
        return begun and (begun.date() if begun.time() == time.min else begun.date() + timedelta(days=1))

    @property
    def after(self) -> date | None:
        """The day after its last whole day."""
        return self.until and self.until.astimezone(ZoneInfo(self.zone)).date()

    @property
    def edges(self) -> list["Period"]:
        """The parts of days at its ends: the period without its whole days."""
        first, after = _moment(self.first, self.zone), _moment(self.after, self.zone)
        if first and after and first > after:
            return [self]
        ends = [Period(self.zone, self.since, first), Period(self.zone, after, self.until)]
        return [end for end in ends if end.since and end.until and end.since < end.until]


def of_days(first: date, after: date, zone: str) -> Period:
    """The whole days from `first` (included) until `after` (excluded)."""
    return Period(zone, _moment(first, zone), _moment(after, zone))


def contains(moment: str) -> str:
    """The condition that a column lies within the period."""
    return (
        f"(CAST(:since AS timestamptz) IS NULL OR {moment} >= CAST(:since AS timestamptz))"
        f" AND (CAST(:until AS timestamptz) IS NULL OR {moment} < CAST(:until AS timestamptz))"
    )


def day(moment: str) -> str:
    """The day of a column in the period's zone, in SQL."""
    return f"CAST({moment} AT TIME ZONE CAST(:zone AS text) AS date)"


def week_of(of_day: date) -> date:
    """The Monday of its week."""
    return of_day - timedelta(days=of_day.weekday())


def month_of(of_day: date) -> date:
    """The first day of its month."""
    return of_day.replace(day=1)


def _is_day(given: date | None) -> bool:
    return given is not None and not isinstance(given, datetime)


def _moment(given: date | None, zone: str) -> datetime | None:
    if given is None or isinstance(given, datetime):
        return given
    return datetime.combine(given, time.min, ZoneInfo(zone)).astimezone(UTC)
