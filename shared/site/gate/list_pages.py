"""Lists of the gate: counts by tier and gate, double entries, and those who have no code to show (GATE, OFFLINE-1)."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid5

from shared.catalog import events
from shared.cloud.database import Transaction, snapshot, transaction
from shared.identity.tokens import Principal
from shared.models import Listing, PageQuery
from shared.problems import Problem
from shared.site import forms, lists, rendering
from shared.site.gate import results
from shared.site.gate.results import GateResult
from shared.site.gate.scan_pages import address
from shared.site.languages import translate
from shared.tickets import double_entries, gate, gate_counts, holders, manual_admission
from shared.tickets.double_entries import DoubleEntry
from shared.tickets.gate import AdmissionRequest, Undo
from shared.tickets.manual_admission import FoundTicket, GateSearch
from shared.web import GATE, App, GateStaff, Organizer
from shared.web.pages import Page, PageRequest, Redirect

_SUPERVISORS = ("organizer", "admin")

pages = App("site")


@pages.page("/gate/{event_id}/list", limit=GATE)
def entrances(request: PageRequest, event_id: UUID, staff: GateStaff) -> Page:
    """The counts, whom a search has found, and for the organizer the double entries."""
    return _page(request, staff, event_id)


@pages.form("/gate/{event_id}/list/tickets/{ticket_id}/admit", limit=GATE)
def admit(request: PageRequest, event_id: UUID, ticket_id: UUID, staff: GateStaff) -> Page:
    """Let in who can't show a code, or out. A form that is sent again gets the same answer."""
    given = forms.non_empty(request.form, "direction", "gate")
    asked = {**given, "gate": given.get("gate", "")[:50] or None, "scan_id": _scan_id(request, ticket_id)}
    wanted, errors = forms.read(AdmissionRequest, asked, request.language)
    if wanted is None:
        return _page(request, staff, event_id, errors=errors)
    told: list[GateResult] = []

    def let_in(tx: Transaction) -> None:
        told.append(results.of_ticket(manual_admission.admit(tx, staff, event_id, ticket_id, wanted)))

    problem = forms.try_to(let_in)
    return _page(request, staff, event_id, problem=problem, answer=told[0] if told else None)


@pages.form("/gate/{event_id}/list/tickets/{ticket_id}/undo")
def undo(request: PageRequest, event_id: UUID, ticket_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Take a scan back, with a reason for the audit trail: the ticket lets its holder in again."""
    wanted, errors = forms.read(Undo, forms.non_empty(request.form, "reason"), request.language)
    if wanted is None:
        return _page(request, organizer, event_id, errors=errors)

    def take_back(tx: Transaction) -> None:
        holders.read_of_event(tx, organizer, event_id, ticket_id)
        gate.undo(tx, organizer, ticket_id, wanted)

    if problem := forms.try_to(take_back):
        return _page(request, organizer, event_id, problem=problem)
    found = {"q": request.form["q"]} if request.form.get("q") else {}
    return Redirect(f"{address(event_id, 'list')}?{urlencode({'undone': 'yes', **found})}")


def _scan_id(request: PageRequest, ticket_id: UUID) -> UUID | None:
    """The id of the scan that a rendered form stands for: one for each ticket and direction that the page lists."""
    key = forms.idempotency_key(request.form)
    return uuid5(UUID(key), f"{ticket_id} {request.form.get('direction')}") if key else None


def _page(
    request: PageRequest,
    staff: Principal,
    event_id: UUID,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    answer: GateResult | None = None,
) -> Page:
    asked = forms.non_empty(request.form if request.form else request.query, "q")
    wanted, unfit = forms.read(GateSearch, asked, request.language) if asked else (None, {})
    if unfit:
        errors = {"q": translate(request.language, "Type three letters or more, or a BIB number.")}
    with snapshot() as tx:
        access = gate.require_access(tx, staff, event_id)
        context: dict[str, Any] = {
            "event": events.get(tx, event_id),
            "counts": gate_counts.read(tx, staff, event_id),
            "doubles": _double_entries(tx, request, staff, event_id),
        }
    return rendering.form_page(
        "gate/list.html",
        request,
        viewer=staff,
        errors=errors,
        problem=problem,
        address=address(event_id, "list"),
        allows_reentry=access.allows_reentry,
        is_supervisor=staff.role in _SUPERVISORS,
        found=_found(staff, event_id, wanted),
        words=asked,
        answer=answer,
        is_undone=request.query.get("undone") == "yes",
        **context,
    )


def _found(staff: Principal, event_id: UUID, wanted: GateSearch | None) -> list[FoundTicket]:
    if wanted is None:
        return []
    with transaction() as tx:  # who searched is in the audit trail
        return manual_admission.search(tx, staff, event_id, wanted).items


def _double_entries(
    tx: Transaction, request: PageRequest, staff: Principal, event_id: UUID
) -> Listing[DoubleEntry] | None:
    if staff.role not in _SUPERVISORS:
        return None
    return double_entries.list_page(tx, staff, event_id, PageQuery(**lists.page_of(request)))
