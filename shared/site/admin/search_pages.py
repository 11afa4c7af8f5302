"""The admin desk's one search: over people, events, orders, payments and what belongs to them."""

from shared.admin import search
from shared.admin.search import AdminSearch
from shared.cloud.database import transaction
from shared.site import forms, rendering
from shared.web import AdminOfDesk, App
from shared.web.pages import Page, PageRequest

pages = App("site")


@pages.page("/admin/search")
def find(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The search, and its hits by kind."""
    given = forms.non_empty(request.query, "q")
    wanted, errors = forms.read(AdminSearch, given, request.language) if given else (None, {})
    found = None
    if wanted:
        with transaction() as tx:
            found = search.search(tx, admin, wanted)
    return rendering.form_page(
        "admin/search.html", request, viewer=admin, errors=errors, given=request.query, found=found
    )
