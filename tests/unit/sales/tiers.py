"""Tiers for tests of prices."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class PlainTier:
    """A tier with a price, and an early-bird price where one is given."""

    price: int = 100_000
    early_bird_price: int | None = None
    early_bird_start: datetime | None = None
    early_bird_end: datetime | None = None
