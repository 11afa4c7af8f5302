"""Amounts and moments of reports, however a program or a country writes them (CLEAR-1)."""

from datetime import UTC, date, datetime

import pytest

from shared.settlement_reports import cells
from shared.settlement_reports.cells import Unreadable


@pytest.mark.parametrize(
    ("written", "rupiah"),
    [
        ("150000", 150_000),
        ("150.000", 150_000),
        ("1.500.000", 1_500_000),
        ("1,500,000", 1_500_000),
        ("1,500,000.00", 1_500_000),
        ("1.500.000,00", 1_500_000),
        ("150000.00", 150_000),
        ("150000,0", 150_000),
        ("Rp 1.500.000", 1_500_000),
        ("Rp1.500.000,00", 1_500_000),
        ("IDR 1,500", 1_500),
        ("1 500 000", 1_500_000),
        ("-1.050", -1_050),
        ("(1.050)", -1_050),
        ("1.050-", -1_050),
        ("\N{MINUS SIGN}1.050", -1_050),
        ("Rp -1.050", -1_050),
        ("1,500,000.00 CR", 1_500_000),
        ("0", 0),
    ],
)
def test_an_amount_is_read_to_the_rupiah(written: str, rupiah: int):
    assert cells.amount(written) == (rupiah, False)


@pytest.mark.parametrize(("written", "rupiah"), [("86.41", 86), ("86,5", 87), ("-86.5", -87), ("86.4150", 86)])
def test_a_fraction_of_a_rupiah_is_rounded_and_said_to_be(written: str, rupiah: int):
    assert cells.amount(written) == (rupiah, True)


@pytest.mark.parametrize(
    "written",
    ["", "abc", "1.5.0", "12.34.567", "1,500.000,00", "1e5", "٣", "10 000 00", "=1+1", "9" * 14, "1.500,000", "--5"],
)
def test_what_is_no_amount_is_refused(written: str):
    with pytest.raises(Unreadable):
        cells.amount(written)


@pytest.mark.parametrize(("written", "side"), [("1,000.00 CR", "credit"), ("1.000 DB", "debit"), ("1000", None)])
def test_the_side_behind_an_amount_is_read(written: str, side: str | None):
    assert cells.side(written) == side


@pytest.mark.parametrize(
    ("written", "zone", "utc"),
    [
        ("2026-11-21T03:04:05Z", "", datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)),
        ("2026-11-21T03:04:05.123Z", "", datetime(2026, 11, 21, 3, 4, 5, 123_000, tzinfo=UTC)),
        ("2026-11-21T10:04:05+07:00", "", datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)),
        ("2026-11-21 10:04:05", "+0700", datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)),
        ("2026-11-21 10:04:05", "WIB", datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)),
        ("2026-11-21 11:04:05", "Asia/Makassar", datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)),
        ("2026-11-21 03:04:05", "+0000 UTC", datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)),
        ("21/11/2026 10:04", "GMT+7", datetime(2026, 11, 21, 3, 4, tzinfo=UTC)),
        ("21 Nov 2026, 10:04:05", "GMT+07:00", datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)),
        ("21 Agustus 2026 10:04", "+0700", datetime(2026, 8, 21, 3, 4, tzinfo=UTC)),
        ("03/04/2026", "+0700", datetime(2026, 4, 2, 17, 0, tzinfo=UTC)),
    ],
)
def test_a_moment_is_of_the_zone_that_it_or_its_column_names(written: str, zone: str, utc: datetime):
    named = cells.zone(zone) if zone else UTC
    assert named is not None
    assert cells.moment(written, named) == utc


@pytest.mark.parametrize("written", ["", "yesterday", "2026-13-01", "31/02/2026", "0001-01-01T00:00:00+14:00", "21/11"])
def test_what_is_no_moment_is_refused(written: str):
    with pytest.raises(Unreadable):
        cells.moment(written, UTC)


@pytest.mark.parametrize("written", ["Mars", "+99", "+07:75"])
def test_what_is_no_zone_is_refused(written: str):
    with pytest.raises(Unreadable):
        cells.zone(written)


@pytest.mark.parametrize("written", ["2026-04-03", "03/04/2026", "03/04/26", "3 Apr 2026", "3 April 2026"])
def test_days_stand_before_months(written: str):
    assert cells.day(written) == date(2026, 4, 3)


def test_the_day_of_a_moment_is_jakartas():
    assert cells.day("2026-04-02T18:00:00Z") == date(2026, 4, 3)
