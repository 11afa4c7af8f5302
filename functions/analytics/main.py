"""Reports and exports for organizers and admins (AR-001..011, REP-1)."""

from uuid import UUID

from shared.problems import NotFound
from shared.reports import sales
from shared.reports.periods import SalesQuery
from shared.reports.schemas import SalesReport
from shared.web import App, Organizer

app = App("analytics")


@app.get("/analytics/events/{event_id}/sales", problems=(NotFound,))
def event_sales(event_id: UUID, wanted: SalesQuery, organizer: Organizer) -> SalesReport:
    """The sales of your event: totals, tiers, days, payments, check-ins, and the report card. Some seconds old at most.

    `from` and `to` are moments, or days of the event's time zone (`to` included then).
    """
    return sales.read(organizer, event_id, wanted)


main = app.entry_point()
