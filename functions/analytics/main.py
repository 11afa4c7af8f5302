"""Reports and exports for organizers and admins (AR-001..011, REP-1)."""

from functions.analytics import event_reports, platform_reports
from shared.web import App

app = App("analytics")
app.include(event_reports.routes, platform_reports.routes)
main = app.entry_point()
