"""The gateways' webhooks: which failed, and why."""

from shared.admin import webhooks
from shared.admin.webhooks import WebhookQuery
from shared.cloud.database import transaction
from shared.site import forms, rendering
from shared.web import AdminOfDesk, App
from shared.web.pages import Page, PageRequest

pages = App("site")


@pages.page("/admin/webhooks")
def listing(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The webhooks of a state, newest first."""
    wanted, _ = forms.read(WebhookQuery, forms.non_empty(request.query, "status", "before"), request.language)
    wanted = wanted or WebhookQuery()
    with transaction() as tx:
        found = webhooks.list_page(tx, admin, wanted)
    return rendering.form_page(
        "admin/webhooks.html",
        request,
        viewer=admin,
        found=found,
        chosen=wanted.status,
    )


@pages.page("/admin/webhooks/rejected")
def rejected(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The last notifications without a valid signature."""
    with transaction() as tx:
        found = webhooks.list_rejected(tx, admin)
    return rendering.form_page("admin/webhooks_rejected.html", request, viewer=admin, lines=found)
