"""A new draft like an event that was held before: the same words and tiers, at new dates (EM-001)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.catalog import editing, events
from shared.catalog.events import EventFields, EventResponse, NewEvent
from shared.catalog.tiers import NewTier, TierResponse
from shared.cloud.database import Transaction
from shared.field_types import Utc
from shared.identity.tokens import Principal
from shared.models import RequestModel

_MOMENTS = ("end_date", "gates_open_at", "name_change_deadline", "waiting_room_opens_at")
_TIER_MOMENTS = ("sale_start", "sale_end", "early_bird_start", "early_bird_end")


class Duplicate(RequestModel):
    """The start of the new event. Every other moment of it keeps its distance from the start."""

    start_date: Utc


def duplicate(tx: Transaction, caller: Principal, event_id: UUID, wanted: Duplicate) -> EventResponse:
    """Create a draft with the words and tiers of an event, without its banner and sales. Raises NotFound."""
    stored = editing.read(tx, caller, event_id)
    by = wanted.start_date - stored.start_date
    copied = events.get(tx, event_id)
    facts = {name: stored._mapping[name] for name in EventFields.model_fields}
    new = NewEvent.model_construct(
        **facts
        | {"gates_open_at": stored.gates_setting, "start_date": wanted.start_date}
        | _moved({**facts, "gates_open_at": stored.gates_setting}, _MOMENTS, by),
        tiers=[_tier(tier, by) for tier in copied.tiers],
    )
    return editing.create(tx, caller, new)


def _tier(tier: TierResponse, by: timedelta) -> NewTier:
    facts = tier.model_dump(include=set(NewTier.model_fields) - {"code"})  # which names one tier alone
    return NewTier.model_construct(**facts | _moved(facts, _TIER_MOMENTS, by))


def _moved(facts: dict[str, Any], names: tuple[str, ...], by: timedelta) -> dict[str, datetime]:
    return {name: facts[name] + by for name in names if facts[name] is not None}
