"""Checklists of what is left to do before an event can be sold, and before an organizer's first sale."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.catalog.events import EventResponse
from shared.site.organizer.own_event import OwnEvent
from shared.states import EventStatus

Name = Literal["create", "tickets", "bank_account", "publish", "sale", "dates", "description", "banner"]


@dataclass(frozen=True)
class Step:
    """One step: where it is done, and whether it is. Without a `required` one an event can't be published."""

    name: Name
    is_done: bool
    address: str
    is_required: bool = False


def before_publishing(event: EventResponse, *, has_bank_account: bool, at: datetime) -> list[Step]:
    """The checklist of an event: what it needs to be published, and what it sells better with."""
    here = f"/organizer/events/{event.id}"
    return [
        Step("tickets", bool(event.tiers), f"{here}/details#tickets", is_required=True),
        Step("dates", event.end_date > at, f"{here}/details#start_date", is_required=True),
        Step("description", bool(event.description), f"{here}/details#description"),
        Step("banner", event.banner_url is not None, f"{here}/details#banner"),
        Step("bank_account", has_bank_account, "/account/bank-account"),
    ]


def before_first_sale(events: Sequence[EventResponse], *, has_bank_account: bool, at: datetime) -> list[Step]:
    """The way from nothing to the first sale, step by step."""
    event = events[0] if events else None
    here = f"/organizer/events/{event.id}" if event else "/organizer/events/new"
    return [
        Step("create", event is not None, "/organizer/events/new"),
        Step("tickets", any(each.tiers for each in events), f"{here}/details#tickets" if event else here),
        Step("bank_account", has_bank_account, "/account/bank-account"),
        Step(
            "publish",
            any(each.status == EventStatus.PUBLISHED for each in events),
            f"{here}/publish" if event else here,
        ),
        Step("sale", any(OwnEvent(each, at).sold for each in events), f"{here}/publish" if event else here),
    ]


def is_ready(steps: Sequence[Step]) -> bool:
    """True if nothing required is missing."""
    return all(step.is_done for step in steps if step.is_required)
