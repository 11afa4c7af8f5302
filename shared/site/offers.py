"""Offers of an event now, and if there are none, why: the state of its tiers and of the whole."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared.catalog.events import EventResponse
from shared.catalog.tiers import TierResponse
from shared.states import GOODS, EventStatus

State = Literal["on_sale", "held", "sold_out", "not_yet", "ended", "cancelled"]
FEW_LEFT = 10


@dataclass(frozen=True)
class Offer:
    """A tier, its state, and how many of it one order may have now."""

    tier: TierResponse
    state: State
    is_paused: bool = False
    """True while nothing can be sold, as this is a copy of a while ago."""

    @property
    def max_quantity(self) -> int:
        """The most of it that can be put into an order now."""
        return min(self.tier.max_per_order, self.tier.available) if self._is_for_sale else 0

    @property
    def is_early_bird(self) -> bool:
        """True if its price will rise."""
        return self.tier.current_price < self.tier.price

    @property
    def low_stock(self) -> int | None:
        """The number that is left where that is few."""
        return self.tier.available if self._is_for_sale and self.tier.available <= FEW_LEFT else None

    @property
    def _is_for_sale(self) -> bool:
        return self.state == "on_sale" and not self.is_paused


@dataclass(frozen=True)
class EventOffer:
    """An event with what it sells. Its state and prices are those of what lets people in, where it sells that."""

    event: EventResponse
    state: State
    offers: Sequence[Offer]
    has_queue: bool = False
    """True if its visitor has to wait in the event's waiting room before tickets can be chosen."""

    @property
    def can_be_bought(self) -> bool:
        """True if tickets can be chosen now."""
        return any(each.max_quantity for each in self.offers)

    @property
    def lowest_price(self) -> int | None:
        """The lowest price, in rupiah, of what can be bought now: of goods only if nothing else can."""
        return min(self._prices, default=None)

    @property
    def highest_price(self) -> int | None:
        """The highest price, as `lowest_price`."""
        return max(self._prices, default=None)

    @property
    def _prices(self) -> Sequence[int]:
        on_sale = [each for each in self.offers if each.state == "on_sale"]
        return [each.tier.current_price for each in _admitting(on_sale)]

    @property
    def next_sale(self) -> datetime | None:
        """The time at which something goes on sale next."""
        begins = [each.tier.sale_start for each in self.offers if each.state == "not_yet" and each.tier.sale_start]
        return min(begins, default=None)


def of_event(
    event: EventResponse, at: datetime, *, is_paused: bool = False, has_queue_pass: bool = False
) -> EventOffer:
    """The offer of an event at a moment; `is_paused` while nothing can be sold.

    Where people queue, nothing can be chosen without a pass until what they queue for is gone.
    """
    offers = [Offer(tier, _tier_state(tier, event, at), is_paused) for tier in event.tiers]
    state = _event_state(event, offers, at)
    has_rush = event.waiting_room_opens_at is not None and state in ("on_sale", "held", "not_yet")
    if not has_rush or has_queue_pass:
        return EventOffer(event, state, offers)
    return EventOffer(event, state, [replace(each, is_paused=True) for each in offers], has_queue=True)


def _admitting(offers: Sequence[Offer]) -> Sequence[Offer]:
    """The offers of tickets and registrations; all where there are none, as an event may sell goods alone."""
    return [each for each in offers if each.tier.kind not in GOODS] or offers


def _event_state(event: EventResponse, offers: Sequence[Offer], at: datetime) -> State:
    if event.status == EventStatus.CANCELLED:
        return "cancelled"
    if event.end_date <= at:
        return "ended"
    states = {each.state for each in _admitting(offers)}
    for state in ("on_sale", "held", "not_yet", "sold_out"):
        if state in states:
            return state
    return "ended"


def _tier_state(tier: TierResponse, event: EventResponse, at: datetime) -> State:
    if event.status == EventStatus.CANCELLED:
        return "cancelled"
    if event.end_date <= at or (tier.sale_end is not None and tier.sale_end <= at):
        return "ended"
    if tier.sale_start is not None and tier.sale_start > at:
        return "not_yet"
    if tier.available > 0:
        return "on_sale"
    return "held" if tier.reserved > 0 else "sold_out"
