"""The page of Midtrans's popup. Its script is of Midtrans's origin, which no other page of ours lets in (MID-1).

The popup's callbacks are hints only: every way out of it leads to the order's page, which asks for the truth.
"""

from shared.gateways import registry
from shared.site import rendering
from shared.site.order_view import OrderView
from shared.web.pages import Page, PageRequest

_POLICY = (
    "default-src 'none'; script-src 'self' {origin}; style-src 'self' 'unsafe-inline'; img-src 'self' data: {origin}; "
    "frame-src {origin}; connect-src 'self' {origin}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page(request: PageRequest, view: OrderView, token: str) -> Page:
    """The page that opens the popup for a payment, and says what to do without scripts."""
    script = registry.snap_script()
    return rendering.page(
        "snap.html",
        request,
        headers={"Content-Security-Policy": _POLICY.format(origin=script.origin)},
        view=view,
        order=view.order,
        event=view.event,
        token=token,
        script=script,
    )
