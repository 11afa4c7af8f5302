"""Reports and exports for organizers and admins (AR-001..011, REP-1)."""

from uuid import UUID

from shared.models import Listing
from shared.problems import NotFound
from shared.reports import attendees, journal, overview, sales
from shared.reports.attendees import Attendee, AttendeeQuery
from shared.reports.export_files import CSV, PDF, XLSX, ExportTooLarge
from shared.reports.journal import JournalQuery
from shared.reports.overview import PlatformOverview
from shared.reports.periods import PeriodQuery, SalesQuery
from shared.reports.schemas import SalesReport
from shared.reports.tables import ReportFile
from shared.web import EXPORTS, Admin, App, File, Organizer

app = App("analytics")


@app.get("/analytics/events/{event_id}/sales", problems=(NotFound,))
def event_sales(event_id: UUID, wanted: SalesQuery, organizer: Organizer) -> SalesReport:
    """The sales of your event: totals, tiers, days, payments, check-ins, and the report card. Some seconds old at most.

    `from` and `to` are moments, or days of the event's time zone (`to` included then).
    """
    return sales.read(organizer, event_id, wanted)


@app.get(
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
    return _download(attendees.export(organizer, event_id, wanted, wanted.format))


@app.get("/analytics/platform/overview")
def platform_overview(wanted: PeriodQuery, admin: Admin) -> PlatformOverview:
    """The platform's transactions, revenue, payment methods and best-selling events, by default of thirty days.

    `from` and `to` are moments, or days in Jakarta (`to` included then).
    """
    return overview.read(admin, wanted)


@app.get("/analytics/platform/journal", limit=EXPORTS, produces=(CSV, XLSX), problems=(ExportTooLarge,))
def platform_journal(wanted: JournalQuery, admin: Admin) -> File:
    """Every double entry of the books, line by line, as CSV or Excel; the workbook has the trial balance beside it.

    `from` and `to` are moments, or days in Jakarta (`to` included then).
    """
    return _download(journal.export(admin, wanted))


def _download(file: ReportFile) -> File:
    return File(file.content, file.content_type, file.filename)


main = app.entry_point()
