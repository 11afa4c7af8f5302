"""Cancelling an event: its cost before it asks twice, then how far it is (PS-021, FN-013..017)."""

from uuid import UUID

from shared.catalog import own_events
from shared.cloud.database import snapshot, transaction
from shared.identity.tokens import Principal
from shared.payments import cancellation
from shared.payments.cancellation import Cancellation
from shared.problems import NotFound, Problem
from shared.site import charts, forms, rendering
from shared.site.organizer import desk
from shared.states import EventStatus
from shared.web import App, Organizer, OrganizerOrSteppedUpAdmin
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")


@pages.page("/organizer/events/{event_id}/cancel")
def cancellation_page(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page:
    """The cost of a cancellation, or its progress."""
    return _page(request, organizer, event_id)


@pages.form("/organizer/events/{event_id}/cancel")
def cancel(request: PageRequest, event_id: UUID, organizer: OrganizerOrSteppedUpAdmin) -> Page | Redirect:
    """Ask once more with the reason; cancel once that is answered, at the cost that was shown."""
    wanted, errors = forms.read(Cancellation, forms.non_empty(request.form, "reason"), request.language)
    if wanted is None:
        return _page(request, organizer, event_id, errors=errors)
    try:
        with transaction() as tx:
            if request.form.get("cost") != _shown_cost(cancellation.cost(tx, organizer, event_id)):
                return _page(request, organizer, event_id, asks_again=True)
            cancellation.start(tx, organizer, event_id, wanted)
    except NotFound:
        raise
    except Problem as problem:
        return _page(request, organizer, event_id, problem=problem)
    return Redirect(desk.address(event_id, "cancel"))


def _shown_cost(cost: cancellation.CancellationCost) -> str:
    """The cost that the confirmation names: another sale in between makes it ask anew."""
    return f"{cost.refunds}:{cost.cost}"


def _page(
    request: PageRequest,
    organizer: Principal,
    event_id: UUID,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    asks_again: bool = False,
) -> Page:
    cost = progress = None
    with snapshot() as tx:
        event = own_events.read(tx, organizer, event_id)
        try:
            if event.status == EventStatus.CANCELLED:
                progress = cancellation.progress(tx, organizer, event_id)
            else:
                cost = cancellation.cost(tx, organizer, event_id)
        except Problem as refused:
            problem = problem or refused
    return rendering.form_page(
        "organizer/cancellation.html",
        request,
        viewer=organizer,
        errors=errors,
        problem=problem,
        address=desk.address(event_id, "cancel"),
        event=event,
        cost=cost,
        shown_cost=_shown_cost(cost) if cost else "",
        progress=progress,
        asks_again=asks_again and cost is not None,
        has_changed=asks_again and bool(request.form.get("cost")),
        share=charts.share,
    )
