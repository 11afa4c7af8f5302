"""Reports of an event, for its organizer."""

from uuid import UUID

from shared.models import Listing
from shared.problems import NotFound
from shared.reports import attendees, sales
from shared.reports.attendees import Attendee, AttendeeQuery
from shared.reports.export_files import CSV, PDF, XLSX, ExportTooLarge
from shared.reports.periods import SalesQuery
from shared.reports.schemas import SalesReport
from shared.web import EXPORTS, App, File, Organizer

routes = App("analytics")


@routes.get("/analytics/events/{event_id}/sales", problems=(NotFound,))
def event_sales(event_id: UUID, wanted: SalesQuery, organizer: Organizer) -> SalesReport:
    """The sales of your event: totals, tiers, days, payments, check-ins, and the report card. Some seconds old at most.

    `from` and `to` are moments, or days of the event's time zone (`to` included then).
    """
    return sales.read(organizer, event_id, wanted)


@routes.get(
    "/analytics/events/{event_id}/attendees",
    limit=EXPORTS,
    produces=(CSV, XLSX, PDF),
    problems=(NotFound, ExportTooLarge),
)
def event_attendees(event_id: UUID, wanted: AttendeeQuery, organizer: Organizer) -> Listing[Attendee] | File:
    """The attendees of your event, in the order of their purchases: a page as JSON, or all as CSV, Excel or PDF.

    `from` and `to` are moments, or days of the event's time zone (`to` included then).
    """
    if wanted.format == "json":
        return attendees.page(organizer, event_id, wanted)
    return attendees.export(organizer, event_id, wanted, wanted.format)
