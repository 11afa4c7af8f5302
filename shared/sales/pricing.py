"""What a unit costs. Pure functions over one tier's facts (TS-005, TS-006, FN-001, FN-004, EM-010)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from shared.rupiah import percent_of

PLATFORM_FEE_PERCENT = 5
PLATFORM_FEE_FIXED = 2_500
COMMISSION_PERCENT = 10


class PricedTier(Protocol):
    """The columns of ticket_tiers that decide a price."""

    price: int
    early_bird_price: int | None
    early_bird_start: datetime | None
    early_bird_end: datetime | None


@dataclass(frozen=True)
class UnitPrice:
    """One unit, in rupiah.

    The customer pays `price - discount + platform_fee`; the organizer is owed
    `price - discount + platform_discount - commission - (waived_fee - platform_waived_fee)`.
    """

    price: int
    platform_fee: int
    commission: int
    discount: int = 0
    platform_discount: int = 0
    """The part of the discount that the platform pays: all of it, or nothing."""
    waived_fee: int = 0
    """The fee, where whoever issued the promo code pays it: then the customer's `platform_fee` is 0."""
    platform_waived_fee: int = 0
    """The part of the waived fee that the platform pays: all of it, or nothing."""

    @property
    def promo_spent(self) -> int:
        """What the promo code costs whoever issued it."""
        return self.discount + self.waived_fee


def current_price(tier: PricedTier, at: datetime) -> int:
    """The tier's price at a moment: the early-bird price from its start (or ever) until its end, exclusive."""
    if (
        tier.early_bird_price is not None
        and tier.early_bird_end is not None
        and (tier.early_bird_start is None or tier.early_bird_start <= at)
        and at < tier.early_bird_end
    ):
        return tier.early_bird_price
    return tier.price


def unit_price(price: int) -> UnitPrice:
    """Fee and commission of one unit sold at `price`, each rounded half up. A free ticket costs no fee."""
    if price == 0:
        return UnitPrice(0, 0, 0)
    fee = percent_of(price, PLATFORM_FEE_PERCENT) + PLATFORM_FEE_FIXED
    return UnitPrice(price, fee, percent_of(price, COMMISSION_PERCENT))


def discounted(unit: UnitPrice, discount: int, *, by_platform: bool) -> UnitPrice:
    """The unit with `discount` rupiah off its price. The fee stays that of the full price (FN-001).

    Where the organizer gives the discount, the commission is on what is left of the price (FN-004); where the
    platform gives it, the organizer is owed what they would be without it.
    """
    if by_platform:
        return replace(unit, discount=discount, platform_discount=discount)
    return replace(unit, discount=discount, commission=percent_of(unit.price - discount, COMMISSION_PERCENT))


def without_fee(unit: UnitPrice, *, by_platform: bool) -> UnitPrice:
    """The unit with its fee paid by the platform or, of an organizer's code, by the organizer (FN-001)."""
    fee = unit.platform_fee
    return replace(unit, platform_fee=0, waived_fee=fee, platform_waived_fee=fee if by_platform else 0)


def spread(discount: int, prices: Sequence[int]) -> list[int]:
    """Divide a discount over units by their prices, to the rupiah: the largest remainders get what is left over.

    The parts add up to `discount`, which is at most the sum of the prices; none is above its price.
    """
    total = sum(prices)
    if not discount:
        return [0] * len(prices)
    parts = [discount * price // total for price in prices]
    by_remainder = sorted(range(len(prices)), key=lambda index: discount * prices[index] % total, reverse=True)
    for index in by_remainder[: discount - sum(parts)]:
        parts[index] += 1
    return parts
