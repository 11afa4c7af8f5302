"""Schedules name the minutes that Cloud Scheduler would fire at."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from infra.local.cloud.cron import BadSchedule, next_fire

JAKARTA = ZoneInfo("Asia/Jakarta")
SATURDAY = datetime(2026, 11, 21, 10, 30, tzinfo=JAKARTA)


def fires(expression: str, after: datetime = SATURDAY, count: int = 3, zone: ZoneInfo = JAKARTA) -> list[str]:
    moments = []
    for _ in range(count):
        after = next_fire(expression, zone, after)
        moments.append(f"{after.astimezone(zone):%Y-%m-%d %H:%M}")
    return moments


@pytest.mark.parametrize(
    ("expression", "moments"),
    [
        ("* * * * *", ["2026-11-21 10:31", "2026-11-21 10:32", "2026-11-21 10:33"]),
        ("*/20 * * * *", ["2026-11-21 10:40", "2026-11-21 11:00", "2026-11-21 11:20"]),
        ("0 * * * *", ["2026-11-21 11:00", "2026-11-21 12:00", "2026-11-21 13:00"]),
        ("30 10 * * *", ["2026-11-22 10:30", "2026-11-23 10:30", "2026-11-24 10:30"]),
        ("5,45 22-23 * * *", ["2026-11-21 22:05", "2026-11-21 22:45", "2026-11-21 23:05"]),
        ("0 8-18/5 * * *", ["2026-11-21 13:00", "2026-11-21 18:00", "2026-11-22 08:00"]),
        ("50/5 10 * * *", ["2026-11-21 10:50", "2026-11-21 10:55", "2026-11-22 10:50"]),
        ("0 9 * * 1-5", ["2026-11-23 09:00", "2026-11-24 09:00", "2026-11-25 09:00"]),
        ("0 9 * * 7", ["2026-11-22 09:00", "2026-11-29 09:00", "2026-12-06 09:00"]),
        ("0 9 * * 0", ["2026-11-22 09:00", "2026-11-29 09:00", "2026-12-06 09:00"]),
        ("0 0 1 */3 *", ["2027-01-01 00:00", "2027-04-01 00:00", "2027-07-01 00:00"]),
        ("0 0 31 * *", ["2026-12-31 00:00", "2027-01-31 00:00", "2027-03-31 00:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
    ],
)
def test_a_schedule_names_its_minutes(expression: str, moments: list[str]) -> None:
    assert fires(expression) == moments


def test_two_restricted_day_fields_match_either() -> None:
    assert fires("0 0 24 * 1", count=4) == [
        "2026-11-23 00:00",  # a Monday
        "2026-11-24 00:00",  # the 24th
        "2026-11-30 00:00",
        "2026-12-07 00:00",
    ]


def test_the_clocks_are_those_of_the_time_zone() -> None:
    fire = next_fire("0 2 * * *", JAKARTA, SATURDAY)
    assert fire == datetime(2026, 11, 21, 19, 0, tzinfo=UTC)


def test_a_time_that_the_clocks_skip_comes_right_after() -> None:
    amsterdam = ZoneInfo("Europe/Amsterdam")
    before = datetime(2026, 3, 28, 12, 0, tzinfo=amsterdam)
    assert fires("30 2 * * *", before, 2, amsterdam) == ["2026-03-29 03:00", "2026-03-30 02:30"]


def test_a_time_that_the_clocks_show_twice_counts_once() -> None:
    amsterdam = ZoneInfo("Europe/Amsterdam")
    before = datetime(2026, 10, 24, 12, 0, tzinfo=amsterdam)
    assert fires("30 2 * * *", before, 2, amsterdam) == ["2026-10-25 02:30", "2026-10-26 02:30"]


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "a * * * *",
        "1,,2 * * * *",
        "@daily",
    ],
)
def test_what_is_not_a_schedule_is_refused(expression: str) -> None:
    with pytest.raises(BadSchedule):
        next_fire(expression, JAKARTA, SATURDAY)


def test_a_day_that_never_comes_is_refused() -> None:
    with pytest.raises(BadSchedule, match="day-of-month"):
        next_fire("0 0 31 2 *", JAKARTA, SATURDAY)
