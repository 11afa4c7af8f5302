"""Uploads of the digital goods that organizers sell: vouchers, accounts, codes (PROD-2).

Only the buyer of an uploaded unit can read it again.
"""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints
from sqlalchemy import text

from shared.catalog import editing, public_views
from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.field_types import Trimmed
from shared.identity.tokens import Principal
from shared.models import RequestModel, ResponseModel
from shared.problems import NotFound, Problem
from shared.sales import digital_units
from shared.states import TierKind

MAX_UNITS_PER_UPLOAD = 1_000

Secret = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*$"), Trimmed]


class Upload(RequestModel):
    """The secrets to sell, each to one buyer."""

    units: Annotated[list[Secret], Field(min_length=1, max_length=MAX_UNITS_PER_UPLOAD, repr=False)]


class UploadResponse(ResponseModel):
    """The units that were new, those you had offered before, and all units that the tier has now."""

    added: int
    duplicates: int
    units: int


class NotDigital(Problem):
    """This tier sells no digital goods. Choose one of the kind `digital`."""

    status, slug = 409, "not-digital"


_KIND = text("SELECT kind FROM ticket_tiers WHERE id = :tier_id AND event_id = :event_id")


def upload(tx: Transaction, caller: Principal, event_id: UUID, tier_id: UUID, given: Upload) -> UploadResponse:
    """Add units to a tier, which are on sale at once if the tier is. Raises NotFound, EventCancelled, NotDigital."""
    event = editing.lock_changeable(tx, caller, event_id)
    kind = tx.execute(_KIND, {"tier_id": tier_id, "event_id": event_id}).scalar()
    if kind is None:
        raise NotFound
    if kind != TierKind.DIGITAL:
        raise NotDigital
    added, total = digital_units.add(tx, tier_id, event.organizer_id, given.units)
    public_views.invalidate_after_commit(tx, event_id)
    audit.record(tx, "units.uploaded", subject="tier", subject_id=tier_id, actor_id=caller.id, added=added)
    return UploadResponse(added=added, duplicates=len(given.units) - added, units=total)
