"""Operations of admins with the approval of a second admin, and runs of reconcile."""

from functions.operations import approvals, requests, runs
from shared.web import App

app = App("operations")
app.include(approvals.routes, requests.routes, runs.routes)
main = app.entry_point()
