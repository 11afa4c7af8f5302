"""Reports of the platform, for admins."""

from shared.reports import journal, overview
from shared.reports.export_files import CSV, XLSX, ExportTooLarge
from shared.reports.journal import JournalQuery
from shared.reports.overview import PlatformOverview
from shared.reports.periods import PeriodQuery
from shared.web import EXPORTS, Admin, App, File

routes = App("analytics")


@routes.get("/analytics/platform/overview")
def platform_overview(wanted: PeriodQuery, admin: Admin) -> PlatformOverview:
    """The platform's transactions, revenue, payment methods and best-selling events, by default of thirty days.

    `from` and `to` are moments, or days in Jakarta (`to` included then).
    """
    return overview.read(admin, wanted)


@routes.get("/analytics/platform/journal", limit=EXPORTS, produces=(CSV, XLSX), problems=(ExportTooLarge,))
def platform_journal(wanted: JournalQuery, admin: Admin) -> File:
    """Every double entry of the books, line by line, as CSV or Excel; the workbook has the trial balance beside it.

    `from` and `to` are moments, or days in Jakarta (`to` included then).
    """
    return journal.export(admin, wanted)
