"""Organizers upload what they sell as digital goods: vouchers, accounts, codes (PROD-2).

What is uploaded can't be read again by anybody but the buyer it is given to.
"""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints
from sqlalchemy import text

from shared.catalog import editing, public_views
from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import RequestModel, ResponseModel, Trimmed
from shared.problems import NotFound, Problem
from shared.sales import digital_units
from shared.states import TierKind

MOST_AT_ONCE = 1_000

Secret = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*$"), Trimmed]


class Upload(RequestModel):
    """Secrets to sell, each to one buyer."""

    units: Annotated[list[Secret], Field(min_length=1, max_length=MOST_AT_ONCE, repr=False)]


class UploadResponse(ResponseModel):
    """How many were new, how many you had offered before, and how many units the tier has now in all."""

    added: int
    duplicates: int
    units: int


class NotDigital(Problem):
    """This tier sells no digital goods. Choose one of the kind `digital`."""

    status, slug = 409, "not-digital"


_KIND = text("SELECT kind FROM ticket_tiers WHERE id = :tier_id AND event_id = :event_id")


def upload(tx: Transaction, caller: Principal, event_id: UUID, tier_id: UUID, given: Upload) -> UploadResponse:
    """Put units up for sale: at once, where the tier is on sale. Raises NotFound, EventCancelled, NotDigital."""
    event = editing.lock_changeable(tx, caller, event_id)
    kind = tx.execute(_KIND, {"tier_id": tier_id, "event_id": event_id}).scalar()
    if kind is None:
        raise NotFound
    if kind != TierKind.DIGITAL:
        raise NotDigital
    added, total = digital_units.add(tx, tier_id, event.organizer_id, given.units)
    public_views.changed_with(tx, event_id)
    audit.record(tx, "units.uploaded", subject="tier", subject_id=tier_id, actor_id=caller.id, added=added)
    return UploadResponse(added=added, duplicates=len(given.units) - added, units=total)
