"""An event's promo codes: made, counted, switched off and on again (TS-006)."""

from uuid import UUID

from shared.catalog import promo_codes
from shared.catalog.promo_codes import PromoChange, PromoSearch
from shared.cloud.database import snapshot, transaction
from shared.identity.tokens import Principal
from shared.problems import Problem
from shared.site import rendering
from shared.site.organizer import desk, inputs, promo_form
from shared.web import App, Organizer
from shared.web.pages import Page, PageRequest, Redirect

MAX_SHOWN = 100

pages = App("site")


@pages.page("/organizer/events/{event_id}/promos")
def promos(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page:
    """The event's codes with their uses, and the form of a new one."""
    return _page(request, organizer, event_id)


@pages.form("/organizer/events/{event_id}/promos")
def create(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Make a code, valid at once or from its start."""
    event = desk.own_event(organizer, event_id)
    wanted, errors = promo_form.new_promo(request.form, event_id, event.timezone, request.language)
    if wanted is None:
        return _page(request, organizer, event_id, errors=errors)
    try:
        with transaction() as tx:
            promo_codes.create(tx, organizer, wanted)
    except Problem as problem:
        return _page(request, organizer, event_id, problem=problem)
    return Redirect(f"{desk.address(event_id, 'promos')}?saved=yes")


@pages.form("/organizer/events/{event_id}/promos/{promo_id}")
def switch(request: PageRequest, event_id: UUID, promo_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Switch a code off or on. Orders that have used it keep their discount."""
    wanted = PromoChange(is_active=request.form.get("active") == "true")
    try:
        with transaction() as tx:
            promo_codes.change(tx, organizer, promo_id, wanted)
    except Problem as problem:
        return _page(request, organizer, event_id, problem=problem)
    return Redirect(f"{desk.address(event_id, 'promos')}?saved=yes")


def _page(
    request: PageRequest,
    organizer: Principal,
    event_id: UUID,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Page:
    event = desk.own_event(organizer, event_id)
    with snapshot() as tx:
        listed = promo_codes.list_page(tx, organizer, PromoSearch(event_id=event_id, page_size=MAX_SHOWN))
    told = inputs.errors_of(problem, request.language)
    return rendering.form_page(
        "organizer/promos.html",
        request,
        viewer=organizer,
        errors={**(errors or {}), **promo_form.told(told, request.language)},
        problem=inputs.untold(problem),
        address=desk.address(event_id, "promos"),
        event=event,
        promos=listed.items,
        tier_names={tier.id: tier.name for tier in event.tiers},
        chosen_tiers=request.form.getlist("tier_ids"),
        labels=promo_form.labels(request.language),
        is_saved=request.query.get("saved") == "yes",
    )
