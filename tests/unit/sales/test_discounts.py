"""Discounts of promo codes, to the rupiah (TS-006, FN-004)."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sales.pricing import unit_price
from shared.sales.promos import Promo, PromoExhausted, PromoInvalid, allocate
from tests.unit.sales.tiers import PlainTier

SEAT, SHIRT = uuid4(), uuid4()
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def promo(**facts) -> Promo:
    return Promo(
        **{
            "id": uuid4(),
            "code": "HEMAT",
            "funded_by": "organizer",
            "tier_ids": None,
            "percent": None,
            "amount": None,
            "max_discount": None,
            "minimum_spend": 0,
            "is_active": True,
            "has_begun": True,
            "has_ended": False,
            "is_exhausted": False,
            "is_exhausted_for_buyer": False,
            **facts,
        }
    )


def units(*prices: int, tier=SEAT):
    return [(tier, unit_price(PlainTier(price), NOW)) for price in prices]


def discounts(code: Promo, asked) -> list[int]:
    return [price.discount for price in code.apply(asked).prices]


@given(st.lists(st.integers(0, 1_000_000_000), min_size=1, max_size=100), st.data())
def test_the_parts_add_up_and_none_is_above_its_price(prices, data):
    discount = data.draw(st.integers(0, sum(prices)))
    parts = allocate(discount, prices)
    assert sum(parts) == discount
    assert all(0 <= part <= price for part, price in zip(parts, prices, strict=True))


@given(st.lists(st.integers(1, 1_000_000), min_size=1, max_size=20), st.data())
def test_nobody_is_a_rupiah_away_from_their_share(prices, data):
    discount = data.draw(st.integers(0, sum(prices)))
    for part, price in zip(allocate(discount, prices), prices, strict=True):
        assert abs(part * sum(prices) - discount * price) < sum(prices)


def test_what_can_not_be_divided_goes_to_the_largest_remainders():
    assert allocate(100, [100, 100, 100]) == [34, 33, 33]
    assert allocate(5, [3, 3, 1]) == [2, 2, 1]


@pytest.mark.parametrize(
    ("code", "prices", "expected"),
    [
        (promo(percent=10), (100_000, 50_000), [10_000, 5_000]),
        (promo(percent=10), (5,), [1]),  # half goes up
        (promo(percent=50, max_discount=30_000), (100_000, 50_000), [20_000, 10_000]),
        (promo(percent=100), (100_000,), [100_000]),
        (promo(amount=30_000), (100_000, 50_000), [20_000, 10_000]),
        (promo(amount=500_000), (100_000, 50_000), [100_000, 50_000]),  # never more than the prices
        (promo(amount=1), (100_000, 100_000), [1, 0]),
        (promo(amount=10_000), (0, 100_000), [0, 10_000]),
    ],
)
def test_percentages_amounts_and_caps(code, prices, expected):
    assert discounts(code, units(*prices)) == expected


def test_only_the_tiers_in_scope_get_anything():
    code = promo(percent=20, tier_ids=[SHIRT])
    assert discounts(code, units(100_000) + units(50_000, tier=SHIRT)) == [0, 10_000]


def test_the_fee_stays_and_the_commission_is_on_what_the_organizer_sold_for():
    [by_organizer] = promo(amount=20_000).apply(units(100_000)).prices
    assert (by_organizer.platform_fee, by_organizer.commission, by_organizer.platform_discount) == (7_500, 8_000, 0)
    [by_platform] = promo(amount=20_000, funded_by="platform").apply(units(100_000)).prices
    assert (by_platform.platform_fee, by_platform.commission, by_platform.platform_discount) == (7_500, 10_000, 20_000)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (promo(percent=10, is_active=False), "no longer"),
        (promo(percent=10, has_begun=False), "yet"),
        (promo(percent=10, has_ended=True), "time is over"),
        (promo(percent=10, tier_ids=[SHIRT]), "these tickets"),
        (promo(percent=10, minimum_spend=100_001), "at least Rp 100.001"),
    ],
)
def test_a_code_that_is_not_valid_says_why(code, says):
    with pytest.raises(PromoInvalid, match=says):
        code.apply(units(100_000))


def test_the_minimum_counts_only_what_is_in_scope():
    code = promo(percent=10, tier_ids=[SHIRT], minimum_spend=60_000)
    with pytest.raises(PromoInvalid, match=r"60\.000"):
        code.apply(units(100_000) + units(50_000, tier=SHIRT))


def test_free_tickets_need_no_code():
    with pytest.raises(PromoInvalid, match="free"):
        promo(percent=10).apply(units(0, 0))


@pytest.mark.parametrize("limit", ["is_exhausted", "is_exhausted_for_buyer"])
def test_a_code_that_is_used_up_is_refused(limit):
    with pytest.raises(PromoExhausted):
        promo(percent=10, **{limit: True}).apply(units(100_000))
