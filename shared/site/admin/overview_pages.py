"""The admin desk's first page: what is wrong now."""

from shared.cloud import authorization, dead_letters, manual_tasks
from shared.cloud.database import transaction
from shared.site import rendering
from shared.web import AdminOfDesk, App
from shared.web.pages import Page, PageRequest

pages = App("site")


@pages.page("/admin")
def overview(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The number of everything that waits for a person."""
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="overview")
        return rendering.form_page(
            "admin/overview.html",
            request,
            viewer=admin,
            dead_letters=dead_letters.count_undecided(tx),
            tasks=manual_tasks.count_open(tx),
        )
