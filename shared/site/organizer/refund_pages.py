"""Refunds that an organizer decides about, one by one or many at once, and how far each is (PS-015..019)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from shared.catalog import own_events
from shared.cloud.database import Transaction, snapshot, transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound, Problem
from shared.refunds import approval, event_refunds
from shared.refunds.approval import Rejection
from shared.refunds.schemas import RefundQuery, RefundResponse
from shared.site import forms, lists, refusals, rendering
from shared.site.organizer import desk
from shared.site.refusals import Refusal
from shared.states import RefundStatus
from shared.web import App, Organizer, OrganizerOrSteppedUpAdmin
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")

MAX_AT_ONCE = 100

Decision = Callable[[Transaction, Principal, UUID], RefundResponse]


@dataclass(frozen=True)
class Undecided:
    """A refund that could not be decided as was wanted, and why."""

    buyer_name: str
    refusal: Refusal


@pages.page("/organizer/events/{event_id}/refunds")
def refunds(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page:
    """The refunds of an event, newest first; those that wait for a decision can be chosen."""
    return _list(request, organizer, event_id)


@pages.page("/organizer/events/{event_id}/refunds/decide")
def consider(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page | Redirect:
    """The chosen refunds, what they cost together, and the two decisions."""
    chosen = _ids(request.query.getlist("refund"))
    if not chosen:
        return Redirect(desk.address(event_id, "refunds?status=requested&chosen=none"))
    return _consider(request, organizer, event_id, chosen)


@pages.form("/organizer/events/{event_id}/refunds/decide")
def decide(request: PageRequest, event_id: UUID, organizer: OrganizerOrSteppedUpAdmin) -> Page | Redirect:
    """Approve each of the chosen, or reject them with a reason."""
    chosen = _ids(request.form.getlist("refund"))
    if request.form.get("decision") == "approve":
        return _decide(request, organizer, event_id, chosen, approval.approve)
    rejection, errors = forms.read(Rejection, forms.non_empty(request.form, "reason"), request.language)
    if rejection is None:
        return _consider(request, organizer, event_id, chosen, errors=errors)
    return _decide(request, organizer, event_id, chosen, partial(approval.reject, rejection=rejection))


@pages.form("/organizer/events/{event_id}/refunds/{refund_id}/retry")
def retry(
    request: PageRequest, event_id: UUID, refund_id: UUID, organizer: OrganizerOrSteppedUpAdmin
) -> Page | Redirect:
    """Send a refund again that failed or waits."""
    try:
        with transaction() as tx:
            approval.retry(tx, organizer, refund_id)
    except NotFound:
        raise
    except Problem as problem:
        return _list(request, organizer, event_id, problem=problem)
    return Redirect(desk.address(event_id, "refunds"))


def _ids(given: list[str]) -> list[UUID]:
    """The refunds that a form names. Raises NotFound for what is none."""
    try:
        return list(dict.fromkeys(UUID(each) for each in given[:MAX_AT_ONCE]))
    except ValueError as error:
        raise NotFound from error


def _decide(
    request: PageRequest, organizer: Principal, event_id: UUID, chosen: list[UUID], decision: Decision
) -> Page | Redirect:
    """Decide about each in a transaction of its own, and tell which were refused."""
    with snapshot() as tx:
        found = event_refunds.read_selected(tx, organizer, event_id, chosen)
    failed = []
    for each in found:
        try:
            with transaction() as tx:
                decision(tx, organizer, each.refund.id)
        except Problem as problem:
            failed.append(Undecided(each.buyer_name, refusals.of(problem, request.language)))
    if failed:
        return _list(request, organizer, event_id, failed=failed)
    return Redirect(desk.address(event_id, f"refunds?decided={len(found)}"))


def _list(
    request: PageRequest,
    organizer: Principal,
    event_id: UUID,
    *,
    failed: list[Undecided] | None = None,
    problem: Problem | None = None,
) -> Page:
    filters = forms.non_empty(request.query, "status")
    wanted, errors = forms.read(RefundQuery, {**filters, **lists.page_of(request)}, request.language)
    with snapshot() as tx:
        event = own_events.read(tx, organizer, event_id)
        listing = event_refunds.list_of_event(tx, organizer, event_id, wanted or RefundQuery())
        undecided = event_refunds.count_undecided(tx, event_id)
        on_their_way = event_refunds.count_on_their_way(tx, event_id)
    return rendering.form_page(
        "organizer/refunds.html",
        request,
        viewer=organizer,
        errors=errors,
        problem=problem,
        address=desk.address(event_id, "refunds") if failed or problem else "",
        event=event,
        listing=listing,
        filters=filters,
        undecided=undecided,
        on_their_way=on_their_way,
        failed=failed or [],
        decided=forms.whole_number(request.query.get("decided", ""), MAX_AT_ONCE),
        is_none_chosen=request.query.get("chosen") == "none",
        statuses=list(RefundStatus),
        is_moving=any(each.refund.waits_for == "transfer" for each in listing.items),
    )


def _consider(
    request: PageRequest,
    organizer: Principal,
    event_id: UUID,
    chosen: list[UUID],
    *,
    errors: dict[str, str] | None = None,
) -> Page:
    with snapshot() as tx:
        event = own_events.read(tx, organizer, event_id)
        found = event_refunds.read_selected(tx, organizer, event_id, chosen)
    return rendering.form_page(
        "organizer/refund_decision.html",
        request,
        viewer=organizer,
        errors=errors,
        address=desk.address(event_id, f"refunds/decide?{urlencode([('refund', each) for each in chosen])}"),
        event=event,
        refunds=[each for each in found if each.refund.status == RefundStatus.REQUESTED],
        total=sum(each.refund.amount for each in found if each.refund.status == RefundStatus.REQUESTED),
        share=sum(each.organizer_share for each in found if each.refund.status == RefundStatus.REQUESTED),
    )
