"""The picture of an event."""

from typing import Annotated
from uuid import UUID

from shared.catalog import banner_upload
from shared.catalog.editing import EventCancelled
from shared.catalog.events import EventResponse
from shared.pictures import NotAnImage
from shared.problems import NotFound
from shared.web import App, MaxBytes, Organizer, Upload

routes = App("events")


@routes.post("/events/{event}/banner", status=200, problems=(NotFound, EventCancelled, NotAnImage))
def set_banner(
    event: UUID, file: Annotated[Upload, MaxBytes(banner_upload.MAX_BANNER_BYTES)], organizer: Organizer
) -> EventResponse:
    """Show a picture with the event: JPEG or PNG, 5 MB at most. Its metadata is removed.

    It is at most 8000 pixels wide and high, and has at most 40 million of them.
    """
    return banner_upload.set_banner(organizer, event, file.content)
