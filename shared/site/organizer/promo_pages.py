"""Promo codes, of one event or of all of an organizer's: made, counted, changed, switched off and on again (TS-006)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from werkzeug.datastructures import MultiDict

from shared import local_time
from shared.catalog import own_events, promo_codes
from shared.catalog.events import EventResponse
from shared.catalog.own_events import OwnEventsQuery
from shared.catalog.promo_codes import PromoChange, PromoResponse, PromoSearch
from shared.catalog.tiers import TierResponse
from shared.cloud.database import snapshot
from shared.identity.tokens import Principal
from shared.problems import NotFound, Problem
from shared.site import forms, lists, rendering
from shared.site.organizer import desk, edits, inputs, promo_form
from shared.site.organizer.edits import EditConflict
from shared.states import EventStatus
from shared.web import App, Organizer
from shared.web.pages import Page, PageRequest, Redirect

ALL = "/organizer/promos"
OF_EVENT = "/organizer/events/{event_id}/promos"
MAX_TITLES = 100

pages = App("site")


@dataclass(frozen=True)
class Scope:
    """The scope of codes: one event, or all events of an organizer."""

    event: EventResponse | None = None

    @property
    def event_id(self) -> UUID | None:
        """The event's id; None for all events."""
        return self.event.id if self.event else None

    @property
    def address(self) -> str:
        """The address of the list of its codes."""
        return desk.address(self.event.id, "promos") if self.event else ALL

    @property
    def zone(self) -> str:
        """The zone in which times are typed and shown."""
        return self.event.timezone if self.event else local_time.HOME_ZONE

    @property
    def tiers(self) -> list[TierResponse]:
        """The tiers that a code can be limited to."""
        return self.event.tiers if self.event else []

    @property
    def takes_codes(self) -> bool:
        """False for a cancelled event."""
        return self.event is None or self.event.status != EventStatus.CANCELLED


@pages.page(ALL)
@pages.page(OF_EVENT)
def promos(request: PageRequest, organizer: Organizer, event_id: UUID | None = None) -> Page:
    """The codes with their uses, and the form of a new one."""
    return _list(request, organizer, _scope(organizer, event_id))


@pages.form(ALL)
@pages.form(OF_EVENT)
def create(request: PageRequest, organizer: Organizer, event_id: UUID | None = None) -> Page | Redirect:
    """Make a code, valid at once or from its start; without an event it counts at all, those to come too."""
    scope = _scope(organizer, event_id)
    wanted, errors = promo_form.new_promo(request.form, scope.event_id, scope.zone, request.language)
    if wanted is None:
        return _list(request, organizer, scope, errors=errors)
    if problem := forms.try_to(lambda tx: promo_codes.create(tx, organizer, wanted)):
        return _list(request, organizer, scope, problem=problem)
    return Redirect(f"{scope.address}?saved=yes")


@pages.page(f"{ALL}/{{promo_id}}")
@pages.page(f"{OF_EVENT}/{{promo_id}}")
def promo(request: PageRequest, promo_id: UUID, organizer: Organizer, event_id: UUID | None = None) -> Page:
    """The form of a code."""
    scope = _scope(organizer, event_id)
    return _form(request, organizer, scope, _read(organizer, scope, promo_id))


@pages.form(f"{ALL}/{{promo_id}}")
@pages.form(f"{OF_EVENT}/{{promo_id}}")
def change(request: PageRequest, promo_id: UUID, organizer: Organizer, event_id: UUID | None = None) -> Page | Redirect:
    """Change what was changed in the form. Orders that have used the code keep their discount."""
    scope = _scope(organizer, event_id)
    found = _read(organizer, scope, promo_id)
    before = _values_of(found, scope)
    if conflict := promo_form.find_conflict(request.form, before):
        return _form(request, organizer, scope, found, conflict=conflict)
    wanted, errors = promo_form.change(request.form, before, scope.zone, request.language)
    if wanted is None:
        return _form(request, organizer, scope, found, errors=errors)
    if problem := forms.try_to(lambda tx: promo_codes.change(tx, organizer, promo_id, wanted)):
        return _form(request, organizer, scope, found, problem=problem)
    return Redirect(f"{scope.address}?saved=yes")


@pages.form(f"{ALL}/{{promo_id}}/switch")
@pages.form(f"{OF_EVENT}/{{promo_id}}/switch")
def switch(request: PageRequest, promo_id: UUID, organizer: Organizer, event_id: UUID | None = None) -> Page | Redirect:
    """Switch a code off or on. Orders that have used it keep their discount."""
    scope = _scope(organizer, event_id)
    _read(organizer, scope, promo_id)
    wanted = PromoChange(is_active=request.form.get("active") == "true")
    if problem := forms.try_to(lambda tx: promo_codes.change(tx, organizer, promo_id, wanted)):
        return _list(request, organizer, scope, problem=problem)
    return Redirect(f"{scope.address}?saved=yes")


def _scope(organizer: Principal, event_id: UUID | None) -> Scope:
    return Scope(desk.own_event(organizer, event_id) if event_id else None)


def _read(organizer: Principal, scope: Scope, promo_id: UUID) -> PromoResponse:
    """A code of this scope. Raises NotFound, also for one of another event."""
    with snapshot() as tx:
        found = promo_codes.read(tx, organizer, promo_id)
    if found.event_id != scope.event_id:
        raise NotFound
    return found


def _values_of(found: PromoResponse, scope: Scope) -> dict[str, str]:
    return promo_form.values_of(found, [tier.id for tier in scope.tiers], scope.zone)


def _list(
    request: PageRequest,
    organizer: Principal,
    scope: Scope,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Page:
    with snapshot() as tx:
        wanted = PromoSearch(event_id=scope.event_id, **lists.page_of(request))
        listed = promo_codes.list_page(tx, organizer, wanted)
        events = [] if scope.event else own_events.list_page(tx, organizer, OwnEventsQuery(page_size=MAX_TITLES)).items
    return _page(
        "organizer/promos.html",
        request,
        organizer,
        scope,
        errors=errors,
        problem=problem,
        address=scope.address,
        given=request.form,
        listing=listed,
        event_titles={each.id: each.title for each in events},
        is_saved=request.query.get("saved") == "yes",
    )


def _form(
    request: PageRequest,
    organizer: Principal,
    scope: Scope,
    found: PromoResponse,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    conflict: EditConflict | None = None,
) -> Page:
    values = _values_of(found, scope)
    kept = MultiDict(conflict.merged if conflict else values)
    kept.setlist("tier_ids", kept["tier_ids"].split())
    return _page(
        "organizer/promo.html",
        request,
        organizer,
        scope,
        errors=errors,
        problem=problem,
        address=f"{scope.address}/{found.id}",
        given=request.form if request.form and not conflict else kept,
        promo=found,
        seen=edits.hidden_value(request.form, values, has_conflict=conflict is not None),
        now_elsewhere=conflict.now if conflict else {},
    )


def _page(
    template: str,
    request: PageRequest,
    organizer: Principal,
    scope: Scope,
    *,
    given: "MultiDict[str, str]",
    errors: dict[str, str] | None,
    problem: Problem | None,
    **context: Any,
) -> Page:
    field_errors = promo_form.form_errors(inputs.errors_of(problem, request.language), request.language)
    own: dict[str, Any] = {"event": scope.event} if scope.event else {}
    return rendering.form_page(
        template,
        request,
        viewer=organizer,
        errors={**(errors or {}), **field_errors},
        problem=inputs.general_problem(problem),
        given=given,
        scope=scope,
        tier_names={tier.id: tier.name for tier in scope.tiers},
        labels=promo_form.labels(request.language),
        **own,
        **context,
    )
