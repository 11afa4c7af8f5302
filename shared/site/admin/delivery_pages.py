"""The delivery of mails: which did not arrive, and why."""

from shared.admin import mails
from shared.admin.mails import MailQuery
from shared.cloud.database import transaction
from shared.site import forms, rendering
from shared.web import AdminOfDesk, App
from shared.web.pages import Page, PageRequest

pages = App("site")


@pages.page("/admin/deliveries")
def deliveries(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The mails of a state, newest first."""
    wanted, _ = forms.read(MailQuery, forms.non_empty(request.query, "status", "before"), request.language)
    wanted = wanted or MailQuery()
    with transaction() as tx:
        found = mails.list_page(tx, admin, wanted)
    return rendering.form_page(
        "admin/deliveries.html",
        request,
        viewer=admin,
        found=found,
        chosen=wanted.status,
    )
