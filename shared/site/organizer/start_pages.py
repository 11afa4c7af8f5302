"""The desk's first page: becoming an organizer, the events with drafts, and the way to the first sale."""

from shared.catalog import own_events
from shared.catalog.events import EventResponse
from shared.catalog.own_events import OwnEventsQuery
from shared.cloud import clock
from shared.cloud.database import snapshot, transaction
from shared.identity import profiles, roles, sessions
from shared.identity.roles import OrganizerApplication
from shared.identity.sessions import RefreshRequest, Tokens
from shared.identity.tokens import Principal
from shared.models import Listing
from shared.site import forms, rendering
from shared.site.organizer import checklist, desk
from shared.site.organizer.own_event import OwnEvent
from shared.web import App, Buyer
from shared.web.pages import Page, PageRequest, Redirect

PAGE_SIZE = 20
MAX_PAGES = 1000
START = "/organizer"

pages = App("site")


@pages.page(START)
def start(request: PageRequest, viewer: Buyer) -> Page:
    """The organizer's events, those to come first; for a customer, how to become an organizer."""
    return _become(request, viewer) if viewer.role == "customer" else _events(request, viewer)


@pages.form(START)
def become_organizer(request: PageRequest, viewer: Buyer) -> Page | Redirect:
    """Take a customer's acceptance of the terms for organizers, and renew their session with the new role."""
    given = {
        **forms.non_empty(request.form, "full_name"),
        "accept_organizer_terms": request.form.get("accept_organizer_terms") == "true",
    }
    wanted, errors = forms.read(OrganizerApplication, given, request.language)
    if wanted is None:
        return _become(request, viewer, errors)
    with transaction() as tx:
        roles.become_organizer(tx, viewer, wanted)
    return Redirect(START, tokens=_renewed(request))


def _renewed(request: PageRequest) -> Tokens | None:
    """The tokens of the same session that tell the new role."""
    token = request.client.refresh_token
    return sessions.refresh(RefreshRequest.model_construct(refresh_token=token)) if token else None


def _become(request: PageRequest, viewer: Principal, errors: dict[str, str] | None = None) -> Page:
    with snapshot() as tx:
        profile = profiles.read(tx, viewer.id)
    return rendering.form_page(
        "organizer/become.html",
        request,
        viewer=viewer,
        errors=errors,
        # Who signed in by a mailed code has the first part of the address for a name.
        suggested_name="" if profile.full_name == profile.email.partition("@")[0] else profile.full_name,
    )


def _events(request: PageRequest, organizer: Principal) -> Page:
    number = forms.whole_number(request.query.get("page", ""), MAX_PAGES) or 1
    with snapshot() as tx:
        listing = own_events.list_page(tx, organizer, OwnEventsQuery(page=number, page_size=PAGE_SIZE))
        has_account = desk.has_bank_account(tx, organizer)
    steps = checklist.before_first_sale(listing.items, has_bank_account=has_account, at=clock.now())
    return rendering.form_page(
        "organizer/start.html",
        request,
        viewer=organizer,
        events=[OwnEvent(each, clock.now()) for each in listing.items],
        listing=listing,
        steps=steps if _is_new(listing) and not all(step.is_done for step in steps) else [],
    )


def _is_new(listing: Listing[EventResponse]) -> bool:
    """True while an organizer's events fit on the first page: the steps are read from these."""
    return listing.page == 1 and listing.total <= listing.page_size
