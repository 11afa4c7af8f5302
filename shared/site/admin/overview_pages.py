"""The admin desk's first page: what is wrong now."""

from shared.admin import overview
from shared.cloud.database import transaction
from shared.site import rendering
from shared.web import AdminOfDesk, App
from shared.web.pages import Page, PageRequest

pages = App("site")


@pages.page("/admin")
def start(request: PageRequest, admin: AdminOfDesk) -> Page:
    """Everything that is wrong now, the worst first, each with what ends it."""
    with transaction() as tx:
        found = overview.read(tx, admin)
    return rendering.form_page("admin/overview.html", request, viewer=admin, overview=found)
