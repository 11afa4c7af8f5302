"""An event's sales as they happen: figures, report card, charts beside their tables, exports (AR-001..006, REP-1)."""

from uuid import UUID

from shared.catalog import own_events
from shared.cloud.database import snapshot
from shared.refunds import event_refunds
from shared.reports import sales
from shared.reports.periods import SalesQuery
from shared.site import charts, forms, rendering
from shared.site.organizer import sales_chart
from shared.web import App, Organizer
from shared.web.pages import Page, PageRequest

pages = App("site")

_FILTERS = ("from", "to", "tier_id")


@pages.page("/organizer/events/{event_id}")
def dashboard(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page:
    """The event's figures now, of the period and the tier that were asked for; it renews itself."""
    filters = forms.non_empty(request.query, *_FILTERS)
    wanted, errors = forms.read(SalesQuery, filters, request.language)
    with snapshot() as tx:
        event = own_events.read(tx, organizer, event_id)
        undecided = event_refunds.count_undecided(tx, event_id)
    report = sales.read(organizer, event_id, wanted or SalesQuery())
    return rendering.form_page(
        "organizer/dashboard.html",
        request,
        viewer=organizer,
        errors=errors,
        given=request.query,
        event=event,
        report=report,
        chart=sales_chart.of(report, request.query.get("by", "")),
        filters=filters,
        undecided=undecided,
        share=charts.share,
    )
