"""Prices and fees, to the rupiah (TS-005, FN-001, FN-004)."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.rupiah import formatted, percent_of
from shared.sales.pricing import current_price, unit_price
from tests.unit.sales.tiers import PlainTier

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def early_bird(price: int | None = 80_000, start: datetime | None = None, end: datetime | None = NOW + HOUR):
    return PlainTier(early_bird_price=price, early_bird_start=start, early_bird_end=end)


@pytest.mark.parametrize(
    ("price", "fee", "commission"),
    [
        (0, 0, 0),  # a free ticket costs nothing
        (1, 2_500, 0),
        (9, 2_500, 1),  # 0.45 down, 0.9 up
        (10, 2_501, 1),  # exactly half goes up
        (100_000, 7_500, 10_000),
        (149_999, 10_000, 15_000),
        (1_000_000_000, 50_002_500, 100_000_000),
    ],
)
def test_fee_and_commission_are_rounded_half_up(price, fee, commission):
    unit = unit_price(PlainTier(price), NOW)
    assert (unit.price, unit.platform_fee, unit.commission) == (price, fee, commission)


@pytest.mark.parametrize(
    ("tier", "price"),
    [
        (early_bird(), 80_000),
        (early_bird(end=NOW), 100_000),  # the end is exclusive
        (early_bird(start=NOW), 80_000),  # the start is not
        (early_bird(start=NOW + HOUR), 100_000),
        (early_bird(None, end=None), 100_000),
    ],
)
def test_the_early_bird_price_holds_in_its_window(tier, price):
    assert current_price(tier, NOW) == unit_price(tier, NOW).price == price


def test_percent_is_exact_where_a_float_is_not():
    assert percent_of(1_000_000_000_000_000_005, 10) == 100_000_000_000_000_001


def test_rupiah_is_written_as_indonesians_do():
    assert formatted(1_250_000) == "Rp 1.250.000"
    assert formatted(1_250_000, "en") == "Rp 1,250,000"
