"""An event as its organizer sees it: how far it is, and how much of it is sold."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.catalog.events import EventResponse
from shared.states import EventStatus

State = Literal["draft", "published", "over", "cancelled"]


@dataclass(frozen=True)
class OwnEvent:
    """An event with its sales at a moment."""

    event: EventResponse
    at: datetime

    @property
    def state(self) -> State:
        """Its status; `over` once a published event has ended."""
        if self.event.status == EventStatus.CANCELLED:
            return "cancelled"
        if self.event.status == EventStatus.DRAFT:
            return "draft"
        return "over" if self.event.end_date <= self.at else "published"

    @property
    def sold(self) -> int:
        """The units that are paid for."""
        return sum(tier.sold for tier in self.event.tiers)

    @property
    def quota(self) -> int:
        """The units of all tiers together."""
        return sum(tier.quota for tier in self.event.tiers)
