"""Making, changing, showing and publishing an event (EM-001..008)."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

from werkzeug.datastructures import MultiDict

from shared.catalog import banner_upload, duplication, editing
from shared.catalog.duplication import Duplicate
from shared.catalog.events import EventChange, EventResponse
from shared.cloud import clock
from shared.cloud.database import snapshot, transaction
from shared.identity.tokens import Principal
from shared.problems import Problem
from shared.site import forms, offers, rendering
from shared.site.organizer import checklist, desk, edits, event_form, inputs
from shared.site.organizer.edits import EditConflict
from shared.site.organizer.event_form import Row
from shared.web import App, MaxBytes, Organizer, OrganizerOrSteppedUpAdmin, Upload
from shared.web.pages import Page, PageRequest, Redirect

NEW = "/organizer/events/new"
_MORE_ROWS = 1

pages = App("site")


@pages.page(NEW)
def new(request: PageRequest, organizer: Organizer) -> Page:
    """The form of a new event."""
    return _new(request, organizer, event_form.empty_rows())


@pages.form(NEW)
def create(request: PageRequest, organizer: Organizer) -> Page | Redirect:
    """Make the draft, or show one more row for a ticket."""
    rows = event_form.rows(request.form)
    if "more" in request.form:
        return _new(request, organizer, event_form.empty_rows(rows, _MORE_ROWS))
    wanted, errors = event_form.new_event(request.form, request.language)
    if wanted is None:
        return _new(request, organizer, rows, errors=errors)
    try:
        with transaction() as tx:
            made = editing.create(tx, organizer, wanted)
    except Problem as problem:
        return _new(request, organizer, rows, problem=problem)
    return Redirect(desk.address(made.id, "publish"))


@pages.page("/organizer/events/{event_id}/details")
def details(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page:
    """The form of an event that is there, and what else can be done with it."""
    event = desk.own_event(organizer, event_id)
    return _details(request, organizer, event, _rows_to_change(event), given=MultiDict(event_form.values_of(event)))


@pages.form("/organizer/events/{event_id}/details")
def change(request: PageRequest, event_id: UUID, organizer: OrganizerOrSteppedUpAdmin) -> Page | Redirect:
    """Change what was changed in the form, or show one more row for a ticket."""
    event = desk.own_event(organizer, event_id)
    rows = event_form.rows(request.form)
    if "more" in request.form:
        return _details(request, organizer, event, event_form.empty_rows(rows, _MORE_ROWS))
    if conflict := event_form.find_conflict(request.form, event):
        return _conflict_page(request, organizer, event, conflict)
    wanted, errors = event_form.change(request.form, event, request.language)
    if wanted is None:
        return _details(request, organizer, event, rows, errors=errors)
    if problem := forms.try_to(lambda tx: editing.change(tx, organizer, event_id, wanted)):
        return _details(request, organizer, event, rows, problem=problem)
    return Redirect(f"{desk.address(event_id, 'details')}?saved=yes")


@pages.form("/organizer/events/{event_id}/banner")
def set_banner(
    request: PageRequest,
    event_id: UUID,
    file: Annotated[Upload, MaxBytes(banner_upload.MAX_BANNER_BYTES)],
    organizer: Organizer,
) -> Page | Redirect:
    """Show this picture with the event."""
    try:
        banner_upload.set_banner(organizer, event_id, file.content)
    except Problem as problem:
        event = desk.own_event(organizer, event_id)
        given = MultiDict(event_form.values_of(event))
        return _details(request, organizer, event, _rows_to_change(event), given=given, problem=problem)
    return Redirect(f"{desk.address(event_id, 'details')}?saved=yes#banner")


@pages.form("/organizer/events/{event_id}/duplicate")
def duplicate(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Make a draft like this event, at new dates."""
    event = desk.own_event(organizer, event_id)
    start = inputs.moment(request.form.get("new_start", ""), event.timezone)
    wanted, _ = forms.read(Duplicate, {"start_date": start}, request.language)
    if wanted is None:
        errors = inputs.unreadable_moments({"new_start": ""}, ("new_start",), request.language)
        given = MultiDict(event_form.values_of(event))
        return _details(request, organizer, event, _rows_to_change(event), given=given, errors=errors)
    with transaction() as tx:
        made = duplication.duplicate(tx, organizer, event_id, wanted)
    return Redirect(desk.address(made.id, "publish"))


@pages.page("/organizer/events/{event_id}/preview")
def preview(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page | Redirect:
    """A draft's page as buyers will see it, for its organizer only; the page itself once there is one."""
    event = desk.own_event(organizer, event_id)
    if event.is_public:
        return Redirect(f"/{request.language}/events/{event.slug}")
    return rendering.page(
        "organizer/preview.html",
        request,
        offer=offers.of_event(event, clock.now()),
        event=event,
        chosen={},
        stale_since=None,
    )


@pages.page("/organizer/events/{event_id}/publish")
def publishing(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page:
    """The page before publishing an event, with what is missing; afterwards its address to share."""
    return _publishing(request, organizer, event_id)


@pages.form("/organizer/events/{event_id}/publish")
def publish(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Put the event on sale, if nothing that it needs is missing."""
    event = desk.own_event(organizer, event_id)
    if not checklist.is_ready(checklist.before_publishing(event, has_bank_account=False, at=clock.now())):
        return _publishing(request, organizer, event_id)
    return _act(
        request,
        organizer,
        event_id,
        lambda tx: editing.change(tx, organizer, event_id, EventChange(status="published")),
        then=desk.address(event_id, "publish"),
    )


@pages.form("/organizer/events/{event_id}/unpublish")
def unpublish(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Make it a draft again, while nothing is held or sold."""
    return _act(
        request,
        organizer,
        event_id,
        lambda tx: editing.change(tx, organizer, event_id, EventChange(status="draft")),
        then=desk.address(event_id, "publish"),
    )


@pages.form("/organizer/events/{event_id}/delete")
def delete(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Delete a draft that nobody ever ordered from."""
    return _act(request, organizer, event_id, lambda tx: editing.delete(tx, organizer, event_id), then="/organizer")


def _act(
    request: PageRequest, organizer: Principal, event_id: UUID, act: Callable[[Any], object], *, then: str
) -> Page | Redirect:
    """Do it in a transaction and go on; where it is refused, the publishing page says why."""
    problem = forms.try_to(act)
    return _publishing(request, organizer, event_id, problem) if problem else Redirect(then)


def _rows_to_change(event: EventResponse) -> list[Row]:
    rows = event_form.rows_of(event)
    return rows or event_form.empty_rows()


def _new(
    request: PageRequest,
    organizer: Principal,
    rows: Sequence[Row],
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Page:
    return rendering.form_page(
        "organizer/new_event.html",
        request,
        viewer=organizer,
        errors=_all_errors(request, errors, problem),
        problem=inputs.general_problem(problem),
        rows=rows,
        labels=event_form.labels(rows, request.language),
        zones=list(inputs.ZONES.items()),
    )


def _conflict_page(request: PageRequest, organizer: Principal, event: EventResponse, conflict: EditConflict) -> Page:
    """The form with what was typed and what somebody else has changed meanwhile, to be looked at before it is saved."""
    rows = event_form.rows(request.form)
    return _details(
        request,
        organizer,
        event,
        event_form.merged_rows(rows, conflict.merged),
        given=MultiDict(conflict.merged),
        now_elsewhere=event_form.by_field(conflict.now, rows),
    )


def _details(
    request: PageRequest,
    organizer: Principal,
    event: EventResponse,
    rows: Sequence[Row],
    *,
    given: "MultiDict[str, str] | None" = None,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    now_elsewhere: dict[str, str] | None = None,
) -> Page:
    zones = inputs.ZONES if event.timezone in inputs.ZONES else {event.timezone: event.timezone, **inputs.ZONES}
    return rendering.form_page(
        "organizer/details.html",
        request,
        viewer=organizer,
        errors=_all_errors(request, errors, problem),
        problem=inputs.general_problem(problem),
        given=given,
        address=desk.address(event.id, "details"),
        event=event,
        rows=rows,
        seen=edits.hidden_value(request.form, event_form.all_values_of(event), has_conflict=bool(now_elsewhere)),
        now_elsewhere=now_elsewhere or {},
        labels=event_form.labels(rows, request.language),
        zones=list(zones.items()),
        is_saved=request.query.get("saved") == "yes",
    )


def _all_errors(request: PageRequest, errors: dict[str, str] | None, problem: Problem | None) -> dict[str, str]:
    """All errors by field, of reading the form and of its refusal. A quota too many is shown at the capacity."""
    field_errors = inputs.errors_of(problem, request.language)
    if "quota" in field_errors:
        field_errors["capacity"] = field_errors.pop("quota")
    return {**(errors or {}), **inputs.with_labels(field_errors, event_form.LABELS, request.language)}


def _publishing(request: PageRequest, organizer: Principal, event_id: UUID, problem: Problem | None = None) -> Page:
    event = desk.own_event(organizer, event_id)
    with snapshot() as tx:
        has_account = desk.has_bank_account(tx, organizer)
    steps = checklist.before_publishing(event, has_bank_account=has_account, at=clock.now())
    return rendering.form_page(
        "organizer/publish.html",
        request,
        viewer=organizer,
        problem=problem,
        address=desk.address(event_id, "publish"),
        event=event,
        steps=steps,
        is_ready=checklist.is_ready(steps),
        has_bank_account=has_account,
    )
