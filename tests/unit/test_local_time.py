"""Moments are shown in the event's own zone, with its label (EM-006, EM-007)."""

from datetime import UTC, datetime

import pytest

from shared import local_time

NEW_YEARS_EVE = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Jakarta", "Kamis, 31 Desember 2026, 23.30 WIB"),
        ("Asia/Makassar", "Jumat, 1 Januari 2027, 00.30 WITA"),
        ("Asia/Jayapura", "Jumat, 1 Januari 2027, 01.30 WIT"),
        ("Asia/Pontianak", "Kamis, 31 Desember 2026, 23.30 WIB"),
        ("Asia/Ujung_Pandang", "Jumat, 1 Januari 2027, 00.30 WITA"),
        ("Asia/Singapore", "Jumat, 1 Januari 2027, 00.30 UTC+8"),
        ("Asia/Kolkata", "Kamis, 31 Desember 2026, 22.00 UTC+05:30"),
        ("America/St_Johns", "Kamis, 31 Desember 2026, 13.00 UTC-03:30"),
        ("UTC", "Kamis, 31 Desember 2026, 16.30 UTC"),
    ],
)
def test_a_moment_carries_its_zone(zone, shown):
    assert local_time.long_moment(NEW_YEARS_EVE, zone) == shown


def test_a_zone_is_a_place_of_the_iana_database_or_utc():
    places = {"Asia/Jakarta", "Asia/Pontianak", "Asia/Ujung_Pandang", "America/Argentina/Ushuaia", "UTC"}
    assert places <= local_time.zones()


def test_english_has_its_own_names_and_colon():
    assert local_time.long_moment(NEW_YEARS_EVE, "Asia/Jakarta", "en") == "Thursday, 31 December 2026, 23:30 WIB"


@pytest.mark.parametrize(("language", "shown"), [("id", "Kam, 31 Des 2026"), ("en", "Thu, 31 Dec 2026")])
def test_where_there_is_little_room_a_date_is_short(language, shown):
    assert local_time.short_date(NEW_YEARS_EVE, "Asia/Jakarta", language) == shown


@pytest.mark.parametrize(
    ("end", "lines"),
    [
        (datetime(2026, 12, 31, 16, 45, tzinfo=UTC), ("Kamis, 31 Desember 2026", "23.30 – 23.45 WIB")),
        (NEW_YEARS_EVE, ("Kamis, 31 Desember 2026", "23.30 WIB")),
        (
            datetime(2026, 12, 31, 18, 0, tzinfo=UTC),
            ("Kamis, 31 Desember 2026, 23.30 WIB", "s.d. Jumat, 1 Januari 2027, 01.00 WIB"),
        ),
    ],
)
def test_days_and_hours_of_an_event(end, lines):
    assert local_time.date_and_time(NEW_YEARS_EVE, end, "Asia/Jakarta") == lines


def test_the_offset_is_the_one_of_that_day():
    winter, summer = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    labels = [local_time.zone_label(moment, "Europe/Berlin") for moment in (winter, summer)]
    assert labels == ["UTC+1", "UTC+2"]


def test_a_time_to_the_second():
    moment = datetime(2026, 11, 21, 12, 0, 5, tzinfo=UTC)
    assert local_time.exact_time_of_day(moment, "Asia/Jakarta") == "19.00.05 WIB"
    assert local_time.exact_time_of_day(moment, "Asia/Jakarta", "en") == "19:00:05 WIB"
