"""The units of digital goods."""

from uuid import UUID

from shared.catalog import digital_goods
from shared.catalog.digital_goods import NotDigital, UploadResponse
from shared.catalog.editing import EventCancelled
from shared.problems import NotFound
from shared.web import App, Organizer, Transaction

routes = App("tiers")


@routes.post("/events/{event}/tiers/{tier}/units", status=201, problems=(NotFound, EventCancelled, NotDigital))
def upload_units(
    event: UUID, tier: UUID, given: digital_goods.Upload, organizer: Organizer, tx: Transaction
) -> UploadResponse:
    """Upload digital goods for sale. Only its buyer can read a unit again."""
    return digital_goods.upload(tx, organizer, event, tier, given)
