"""Runs of reconcile with their repairs, and a button that requests one (MON)."""

from typing import Final
from uuid import UUID

from shared.cloud import authorization
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.models import PageQuery
from shared.payments import reconcile_runs
from shared.payments.reconcile_runs import RunRequest
from shared.problems import Problem
from shared.site import forms, lists, rendering
from shared.web import AdminOfDesk, App
from shared.web.pages import Page, PageRequest, Redirect

LIST: Final = "/admin/reconcile"

pages = App("site")


@pages.page(LIST)
def listing(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The runs, newest first, and the buttons that request one."""
    return _list(request, admin)


@pages.form(LIST)
def run(request: PageRequest, admin: AdminOfDesk) -> Page | Redirect:
    """Request a run; the page shows how far it is."""
    wanted = RunRequest(thorough=request.form.get("thorough") == "true")
    problem = forms.try_to(lambda tx: reconcile_runs.request(tx, wanted, by=admin.id))
    return _list(request, admin, problem=problem) if problem else Redirect(LIST)


@pages.page(f"{LIST}/{{run_id}}")
def one(request: PageRequest, run_id: UUID, admin: AdminOfDesk) -> Page:
    """One run with its repairs."""
    with transaction() as tx:
        found = reconcile_runs.read(tx, run_id)
        authorization.check_access(tx, admin, subject="run", subject_id=run_id)
    return rendering.form_page("admin/reconcile_run.html", request, viewer=admin, run=found)


def _list(request: PageRequest, admin: Principal, *, problem: Problem | None = None) -> Page:
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="run")
        found = reconcile_runs.list_page(tx, PageQuery(**lists.page_of(request)))
        requested = reconcile_runs.unfinished_requests(tx)
    return rendering.form_page(
        "admin/reconcile.html",
        request,
        viewer=admin,
        problem=problem,
        address=LIST if problem else "",
        listing=found,
        requested=requested,
    )
