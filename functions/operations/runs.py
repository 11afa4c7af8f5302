"""Runs of reconcile."""

from uuid import UUID

from shared.cloud import authorization
from shared.models import Listing, PageQuery
from shared.payments import reconcile_runs
from shared.payments.reconcile_runs import ReconcileRunDetails, ReconcileRunResponse, RunRequest, RunWaiting
from shared.problems import NotFound
from shared.web import Admin, App, Transaction

routes = App("operations")


@routes.get("/admin/reconcile-runs")
def list_runs(page: PageQuery, admin: Admin, tx: Transaction) -> Listing[ReconcileRunResponse]:
    """The runs of reconcile, scheduled and requested, the newest first."""
    authorization.record_list_access(tx, admin, subject="run")
    return reconcile_runs.list_page(tx, page)


@routes.get("/admin/reconcile-runs/{run_id}", problems=(NotFound,))
def reconcile_run(run_id: UUID, admin: Admin, tx: Transaction) -> ReconcileRunDetails:
    """One run of reconcile with its repairs."""
    found = reconcile_runs.read(tx, run_id)
    authorization.check_access(tx, admin, subject="run", subject_id=run_id)  # audits the access
    return found


@routes.post("/admin/reconcile-runs", status=202, problems=(RunWaiting,))
def request_run(wanted: RunRequest, admin: Admin, tx: Transaction) -> ReconcileRunResponse:
    """Request a run of reconcile: it begins at once, in the background. At most one waits at a time."""
    return reconcile_runs.request(tx, wanted, by=admin.id)
