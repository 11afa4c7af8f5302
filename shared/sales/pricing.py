"""What a unit costs. Pure functions over one tier's facts (TS-005, FN-001, FN-004, EM-010)."""

from dataclasses import dataclass
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
    """One unit, in rupiah: the customer pays `price + platform_fee`, the organizer is owed `price - commission`."""

    price: int
    platform_fee: int
    commission: int


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
