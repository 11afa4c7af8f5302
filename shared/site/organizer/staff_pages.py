"""An event's gate staff: who is invited, who has joined, and who is taken off it again (GATE)."""

from collections.abc import Sequence
from uuid import UUID

from shared.cloud.database import Transaction, snapshot, transaction
from shared.identity import principals
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.problems import NotFound, Problem
from shared.site import forms, rendering
from shared.site.organizer import desk, inputs
from shared.tickets import gate_staff
from shared.tickets.gate_staff import Invitation, StaffResponse
from shared.web import App, Organizer
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")


@pages.page("/organizer/events/{event_id}/staff")
def staff(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page:
    """The staff at the event's gates, and the form to invite somebody."""
    return _page(request, organizer, event_id)


@pages.form("/organizer/events/{event_id}/staff")
def invite(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Assign a person to this event's gates too. Asks for a fresh proof."""
    given = forms.non_empty(request.form, "email", "full_name")
    wanted, errors = forms.read(Invitation, {**given, "event_ids": [event_id]}, request.language)
    if wanted is None:
        return _page(request, organizer, event_id, errors=errors)
    principals.require_fresh_proof(organizer)
    try:
        with transaction() as tx:
            _invite(tx, organizer, wanted, event_id)
    except Problem as problem:
        return _page(request, organizer, event_id, problem=problem)
    return Redirect(f"{_address(event_id)}?saved=yes")


@pages.form("/organizer/events/{event_id}/staff/{staff_id}/remove")
def remove(request: PageRequest, event_id: UUID, staff_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Remove a person from this event; without another event their staff account ends."""
    try:
        with transaction() as tx:
            person = next((each for each in gate_staff.list_staff(tx, organizer).items if each.id == staff_id), None)
            if person is None:
                raise NotFound
            _remove(tx, organizer, person, event_id)
    except Problem as problem:
        return _page(request, organizer, event_id, problem=problem)
    return Redirect(f"{_address(event_id)}?saved=yes")


def _invite(tx: Transaction, organizer: Principal, wanted: Invitation, event_id: UUID) -> None:
    others = _events_of(gate_staff.list_staff(tx, organizer).items, wanted.email)
    invitation = wanted.model_copy(update={"event_ids": [*others, event_id]})
    _, email = gate_staff.invite(tx, organizer, invitation)
    mails.enqueue_for_account(tx, email)


def _remove(tx: Transaction, organizer: Principal, person: StaffResponse, event_id: UUID) -> None:
    others = [each for each in person.event_ids if each != event_id]
    if others:
        rest = Invitation(email=person.email, full_name=person.full_name, event_ids=others)
        gate_staff.invite(tx, organizer, rest)
    else:
        gate_staff.dismiss(tx, organizer, person.id)


def _events_of(known: Sequence[StaffResponse], email: str) -> list[UUID]:
    """The events at which somebody with this address is already."""
    return [event_id for person in known if person.email == email for event_id in person.event_ids]


def _address(event_id: UUID) -> str:
    return desk.address(event_id, "staff")


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
        known = gate_staff.list_staff(tx, organizer).items
    return rendering.form_page(
        "organizer/staff.html",
        request,
        viewer=organizer,
        errors={**(errors or {}), **inputs.errors_of(problem, request.language)},
        problem=inputs.general_problem(problem),
        given=request.form or request.query,
        address=_address(event_id),
        event=event,
        staff=[person for person in known if event_id in person.event_ids],
        is_saved=request.query.get("saved") == "yes",
    )
