"""Prices and fees of a unit: pure functions of a tier (TS-005, TS-006, FN-001, FN-004, EM-010)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.rupiah import percent_of

PLATFORM_FEE_PERCENT = 5
PLATFORM_FEE_FIXED = 2_500
COMMISSION_PERCENT = 10


class PricedTier(Protocol):
    """The columns of ticket_tiers that decide a price, in rupiah and UTC."""

    @property
    def price(self) -> int:
        """The full price."""

    @property
    def early_bird_price(self) -> int | None:
        """None where there is none."""

    @property
    def early_bird_start(self) -> datetime | None:
        """None where it applies from the start of sale."""

    @property
    def early_bird_end(self) -> datetime | None:
        """Exclusive."""


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
    """The fee, where the issuer of the promo code pays it: the customer's `platform_fee` is 0 then."""
    platform_waived_fee: int = 0
    """The part of the waived fee that the platform pays: all of it, or nothing."""


def current_price(tier: PricedTier, at: datetime) -> int:
    """The tier's price at a moment: the early-bird price from its start, if it has one, until its end (exclusive)."""
    if (
        tier.early_bird_price is not None
        and tier.early_bird_end is not None
        and (tier.early_bird_start is None or tier.early_bird_start <= at)
        and at < tier.early_bird_end
    ):
        return tier.early_bird_price
    return tier.price


def unit_price(tier: PricedTier, at: datetime) -> UnitPrice:
    """The price, fee and commission of one unit of a tier at a moment, each rounded half up (FN-001, FN-004).

    A free ticket has no fee.
    """
    price = current_price(tier, at)
    if price == 0:
        return UnitPrice(0, 0, 0)
    fee = percent_of(price, PLATFORM_FEE_PERCENT) + PLATFORM_FEE_FIXED
    return UnitPrice(price, fee, percent_of(price, COMMISSION_PERCENT))
