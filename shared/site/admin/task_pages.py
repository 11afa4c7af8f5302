"""Manual tasks: what only a person can finish, each with the pages that end it (PS-023)."""

from typing import Any, Final
from uuid import UUID

from shared.cloud import authorization, manual_tasks
from shared.cloud.database import Transaction, transaction
from shared.cloud.logs import mask
from shared.cloud.manual_tasks import AlreadyDone, Done, ManualTaskResponse
from shared.identity.tokens import Principal
from shared.models import PageQuery
from shared.site import lists, rendering
from shared.site.admin import actions, resolutions
from shared.site.admin.actions import Action, Confirmation, Field
from shared.site.admin.formatting import money
from shared.site.languages import translate
from shared.web import AdminOfDesk, App
from shared.web.pages import Language, Page, PageRequest

LIST: Final = "/admin/tasks"
AMOUNTS: Final = frozenset(
    {
        "amount",
        "expected",
        "received",
        "kept_back",
        "given_back",
        "known",
        "booked",
        "moved",
        "found",
        "platform_discount",
    }
)
"""Details of tasks that are rupiah."""

pages = App("site")


@pages.page(LIST)
def listing(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The open tasks, oldest first."""
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="manual_task")
        found = manual_tasks.list_open(tx, PageQuery(**lists.page_of(request)))
    titles = {
        each.kind: translate(request.language, resolutions.resolution_of(each.kind).title) for each in found.items
    }
    return rendering.form_page("admin/tasks.html", request, viewer=admin, listing=found, titles=titles)


@pages.page(f"{LIST}/{{task_id}}")
def task(request: PageRequest, task_id: UUID, admin: AdminOfDesk) -> Page:
    """One task: what to do about it, and where."""
    with transaction() as tx:
        found = manual_tasks.read(tx, task_id)
        authorization.check_access(tx, admin, subject="manual_task", subject_id=task_id)
    resolution, language = resolutions.resolution_of(found.kind), request.language
    return rendering.form_page(
        "admin/task.html",
        request,
        viewer=admin,
        task=found,
        title=translate(language, resolution.title),
        advice=translate(language, resolution.advice),
        steps=[(translate(language, label), address) for label, address in resolutions.steps_of(found)],
        closes_itself=resolution.closes_itself,
        details=[(name, _shown(name, value, language)) for name, value in found.details.items()],
        list=LIST,
    )


def _shown(name: str, value: Any, language: Language) -> str:
    if name in AMOUNTS and isinstance(value, int):
        return money(language, value)
    return mask(str(value))


def _confirm_finish(tx: Transaction, _admin: Principal, task_id: UUID, language: Language) -> Confirmation:
    found = manual_tasks.read(tx, task_id)
    if found.done_at:
        raise AlreadyDone
    resolution = resolutions.resolution_of(found.kind)
    return Confirmation(
        translate(language, "Close the task: %(title)s", title=translate(language, resolution.title)),
        [_effect_of_closing(found, language), translate(language, "No money moves, and nobody is told.")],
        translate(language, "Close the task"),
        [
            Field(
                "note",
                translate(language, "What did you do?"),
                translate(language, "It is kept in the audit trail. No names and no account numbers."),
            )
        ],
    )


def _effect_of_closing(found: ManualTaskResponse, language: Language) -> str:
    if resolutions.resolution_of(found.kind).closes_itself:
        return translate(language, "It decides nothing. What the task is about closes it by itself once it is done.")
    return translate(language, "The task is closed, with your note.")


def _finish(tx: Transaction, admin: Principal, task_id: UUID, done: Done) -> None:
    manual_tasks.finish(tx, task_id, done, by=admin.id)


ACTIONS: Final = (Action(f"{LIST}/{{subject_id}}/done", "manual_task", LIST, _confirm_finish, _finish, Done),)
actions.register(pages, *ACTIONS)
