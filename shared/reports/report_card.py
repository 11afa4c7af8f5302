"""The report card of an event (REP-1): slots, what is sold of them, by category, and a warning where few are left."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.models import ResponseModel

FEW_LEFT_PERCENT = 10

_SLOTS = Field(description="What can be sold in all.")
_SOLD = Field(description="Of these, what was paid for in the period and has not been given back.")
_PERCENTAGE = Field(description="What is sold of 100 slots, rounded down to a tenth: 100 means all of them.")
_LEFT = Field(description="What is neither held nor sold, now.")
_WARNING = Field(description=f"True where less than {FEW_LEFT_PERCENT} % of the slots are left.")


class Slots(ResponseModel):
    """Slots in numbers."""

    total_slots: Annotated[int, _SLOTS]
    sold: Annotated[int, _SOLD]
    percentage: Annotated[float, _PERCENTAGE]
    available: Annotated[int, _LEFT]
    warning: Annotated[bool, _WARNING]


class Category(Slots):
    """A ticket type."""

    tier_id: UUID
    name: str


class ReportCard(Slots):
    """An event's slots, and those of each of its ticket types."""

    categories: list[Category]


def category(tier_id: UUID, name: str, *, slots: int, sold: int, available: int) -> Category:
    """A ticket type in the card."""
    return Category(tier_id=tier_id, name=name, **_numbers(slots, sold, available))


def card(categories: Sequence[Category]) -> ReportCard:
    """The card of these ticket types."""
    slots, sold, available = (
        sum(getattr(each, name) for each in categories) for name in ("total_slots", "sold", "available")
    )
    return ReportCard(categories=list(categories), **_numbers(slots, sold, available))


def percentage(part: int, whole: int) -> float:
    """The share of a part in a whole, in per cent, rounded down to a tenth; 0 of nothing."""
    return part * 1000 // whole / 10 if whole else 0.0


def _numbers(slots: int, sold: int, available: int) -> dict[str, int | float | bool]:
    return {
        "total_slots": slots,
        "sold": sold,
        "percentage": percentage(sold, slots),
        "available": available,
        "warning": available * 100 < slots * FEW_LEFT_PERCENT,
    }
