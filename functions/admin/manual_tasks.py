"""Manual tasks."""

from uuid import UUID

from shared.cloud import authorization, manual_tasks
from shared.cloud.manual_tasks import AlreadyDone, Done, ManualTaskResponse
from shared.models import Listing, PageQuery
from shared.problems import NotFound
from shared.web import Admin, App, Transaction

routes = App("admin")


@routes.get("/admin/manual-tasks")
def tasks(page: PageQuery, admin: Admin, tx: Transaction) -> Listing[ManualTaskResponse]:
    """Open manual tasks, oldest first."""
    authorization.record_list_access(tx, admin, subject="manual_task")
    return manual_tasks.list_open(tx, page)


@routes.post("/admin/manual-tasks/{task_id}/done", status=200, problems=(NotFound, AlreadyDone))
def complete_task(task_id: UUID, done: Done, admin: Admin, tx: Transaction) -> ManualTaskResponse:
    """Mark a manual task as done, with a note."""
    return manual_tasks.finish(tx, task_id, done, by=admin.id)
