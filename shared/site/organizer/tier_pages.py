"""The tiers of an event: tickets and goods, their order, and everything about each of them (EM-008..012)."""

from typing import Any, Literal
from uuid import UUID

from werkzeug.datastructures import MultiDict

from shared.catalog import editing
from shared.catalog.events import EventResponse
from shared.catalog.tiers import TierOrder, TierResponse
from shared.cloud import clock
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound, Problem
from shared.site import forms, offers, rendering
from shared.site.organizer import desk, edits, inputs, tier_form
from shared.states import GOODS, TierKind
from shared.web import App, Organizer, OrganizerOrSteppedUpAdmin
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")


@pages.page("/organizer/events/{event_id}/tickets")
def tickets(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page:
    """The event's tickets in their order, with prices, quotas and sales."""
    return listing(request, organizer, event_id, "tickets")


@pages.page("/organizer/events/{event_id}/tickets/new")
def new(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page:
    """The form of a new tier."""
    event = desk.own_event(organizer, event_id)
    kind = request.query.get("kind", "")
    given = MultiDict(tier_form.empty(kind if kind in list(TierKind) else TierKind.TICKET))
    return _form(request, organizer, event, None, given=given)


@pages.form("/organizer/events/{event_id}/tickets/new")
def add(request: PageRequest, event_id: UUID, organizer: OrganizerOrSteppedUpAdmin) -> Page | Redirect:
    """Add a tier; it is on sale at once if the event is."""
    event = desk.own_event(organizer, event_id)
    wanted, errors = tier_form.new_tier(request.form, event.timezone, request.language)
    if wanted is None:
        return _form(request, organizer, event, None, errors=errors)
    try:
        with transaction() as tx:
            made = editing.add_tier(tx, organizer, event_id, wanted)
    except Problem as problem:
        return _form(request, organizer, event, None, problem=problem)
    return Redirect(_list_of(event_id, made))


@pages.page("/organizer/events/{event_id}/tickets/{tier_id}")
def tier(request: PageRequest, event_id: UUID, tier_id: UUID, organizer: Organizer) -> Page:
    """The form of a tier that is there."""
    event = desk.own_event(organizer, event_id)
    found = _tier_of(event, tier_id)
    return _form(request, organizer, event, found, given=MultiDict(tier_form.values_of(found, event.timezone)))


@pages.form("/organizer/events/{event_id}/tickets/{tier_id}")
def change(
    request: PageRequest, event_id: UUID, tier_id: UUID, organizer: OrganizerOrSteppedUpAdmin
) -> Page | Redirect:
    """Change what was changed in the form. Held and sold units keep their price."""
    event = desk.own_event(organizer, event_id)
    found = _tier_of(event, tier_id)
    if conflict := tier_form.find_conflict(request.form, found, event.timezone):
        given = MultiDict(conflict.merged)
        return _form(request, organizer, event, found, given=given, now_elsewhere=conflict.now)
    wanted, errors = tier_form.change(request.form, found, event.timezone, request.language)
    if wanted is None:
        return _form(request, organizer, event, found, errors=errors)
    try:
        with transaction() as tx:
            changed = editing.change_tier(tx, organizer, event_id, tier_id, wanted)
    except Problem as problem:
        return _form(request, organizer, event, found, problem=problem)
    return Redirect(_list_of(event_id, changed))


@pages.form("/organizer/events/{event_id}/tickets/{tier_id}/delete")
def delete(request: PageRequest, event_id: UUID, tier_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Delete a tier that nobody ever ordered from."""
    found = _tier_of(desk.own_event(organizer, event_id), tier_id)
    if problem := forms.try_to(lambda tx: editing.delete_tier(tx, organizer, event_id, tier_id)):
        return listing(request, organizer, event_id, _page_of(found), problem)
    return Redirect(_list_of(event_id, found))


@pages.form("/organizer/events/{event_id}/tickets/{tier_id}/move")
def move(request: PageRequest, event_id: UUID, tier_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Show a tier before the one that comes before it, or after the one that comes after it."""
    event = desk.own_event(organizer, event_id)
    found = _tier_of(event, tier_id)
    order = moved(event, found, -1 if request.form.get("where") == "up" else 1)
    if problem := forms.try_to(lambda tx: editing.reorder_tiers(tx, organizer, event_id, TierOrder(tier_ids=order))):
        return listing(request, organizer, event_id, _page_of(found), problem)
    return Redirect(_list_of(event_id, found))


def moved(event: EventResponse, tier: TierResponse, by: Literal[-1, 1]) -> list[UUID]:
    """The event's tiers after this one has changed places with its neighbour on the same page, if it has one."""
    shown = [each.id for each in event.tiers if (each.kind in GOODS) == (tier.kind in GOODS)]
    place = shown.index(tier.id) + by
    neighbour = shown[place] if 0 <= place < len(shown) else tier.id
    swapped = {tier.id: neighbour, neighbour: tier.id}
    return [swapped.get(each.id, each.id) for each in event.tiers]


def listing(
    request: PageRequest,
    organizer: Principal,
    event_id: UUID,
    page: Literal["tickets", "goods"],
    problem: Problem | None = None,
    **context: Any,
) -> Page:
    """The page with an event's tickets, or its goods."""
    event = desk.own_event(organizer, event_id)
    shown = [
        each for each in offers.of_event(event, clock.now()).offers if (each.tier.kind in GOODS) == (page == "goods")
    ]
    return rendering.form_page(
        f"organizer/{page}.html",
        request,
        viewer=organizer,
        errors=inputs.errors_of(problem, request.language),
        problem=inputs.general_problem(problem),
        address=desk.address(event_id, page),
        event=event,
        offers=shown,
        **context,
    )


def _tier_of(event: EventResponse, tier_id: UUID) -> TierResponse:
    found = next((each for each in event.tiers if each.id == tier_id), None)
    if found is None:
        raise NotFound
    return found


def _page_of(tier: TierResponse) -> Literal["tickets", "goods"]:
    return "goods" if tier.kind in GOODS else "tickets"


def _list_of(event_id: UUID, tier: TierResponse) -> str:
    return desk.address(event_id, _page_of(tier))


def _form(
    request: PageRequest,
    organizer: Principal,
    event: EventResponse,
    tier: TierResponse | None,
    *,
    given: "MultiDict[str, str] | None" = None,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    now_elsewhere: dict[str, str] | None = None,
) -> Page:
    values = tier_form.values_of(tier, event.timezone) if tier else {}
    field_errors = inputs.errors_of(problem, request.language)
    return rendering.form_page(
        "organizer/tier.html",
        request,
        viewer=organizer,
        errors={**(errors or {}), **inputs.with_labels(field_errors, tier_form.LABELS, request.language)},
        problem=inputs.general_problem(problem),
        given=given,
        event=event,
        tier=tier,
        seen=edits.hidden_value(request.form, values, has_conflict=bool(now_elsewhere)),
        now_elsewhere=now_elsewhere or {},
        labels=tier_form.labels(request.language),
        zone=inputs.ZONES.get(event.timezone, event.timezone),
    )
