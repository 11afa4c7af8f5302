"""Pages from chosen tickets to held ones: prices, signing in without losing the choice, holding (TS-001..006).

The choice stands in the address (`t_<tier>=2&promo=...`), so it survives signing in, reloading and going back.
"""

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from pydantic import ValidationError
from werkzeug.datastructures import MultiDict

from shared.catalog import public_views
from shared.catalog.events import EventResponse
from shared.cloud import clock
from shared.cloud.database import snapshot
from shared.identity.second_factor_sign_in import SecondFactorChallenge
from shared.identity.tokens import Principal
from shared.problems import Invalid, NotFound, Problem
from shared.sales import quotes, reservations, schemas
from shared.sales.queue_passes import QueuePass, QueuePassRequired
from shared.sales.reservation_requests import MAX_TIERS, ReservationBody, ReservationRequest
from shared.site import forms, offers, rendering, sign_in
from shared.site.event_pages import chosen_quantities
from shared.site.order_view import Line
from shared.waiting_room import places
from shared.web import CODE_MAILS, CREDENTIALS, QUOTES, App, Viewer
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")


class TooManyLines(Invalid):
    """An order is made of 20 tiers at most. Choose fewer."""

    slug = "too-many-lines"


@dataclass(frozen=True)
class Alternative:
    """A refused buyer's alternative: take what is left of a tier, open the older order, or leave the code out."""

    tier: str | None
    left: int | None
    order_id: str | None
    is_for_promo: bool
    address: str | None
    """The choice with what is left, or without the code."""


@pages.page("/buy/{slug}", limit=QUOTES)
def review(request: PageRequest, slug: str, viewer: Viewer) -> Page | Redirect:
    """The page with the price of the chosen tickets with every fee, before anything is held; and who buys them."""
    return _review(request, slug, viewer, request.query)


@pages.form("/buy/{slug}/code", anybody=True, limit=CODE_MAILS)
def send_code(request: PageRequest, slug: str) -> Page | Redirect:
    """Mail a code to the buyer's address; the choice waits in the form."""
    email, errors = sign_in.send_code(request)
    if errors:
        return _review(request, slug, None, request.form, errors=errors)
    return _code_page(request, slug, email)


@pages.form("/buy/{slug}/sign-in", anybody=True, limit=CREDENTIALS)
def sign_in_and_hold(request: PageRequest, slug: str) -> Page | Redirect:
    """Sign in with the mailed code, and hold what was chosen."""
    email = request.form.get("email", "")
    try:
        tokens = sign_in.sign_in_by_code(request)
    except SecondFactorChallenge as asked:
        return sign_in.second_factor_page(request, asked.challenge, _address(slug, request.form))
    except Problem as problem:
        return _code_page(request, slug, email, problem=problem)
    principal = sign_in.principal(tokens)
    target = _hold(slug, principal, request.form)
    return Redirect(target if isinstance(target, str) else _address(slug, request.form), tokens=tokens)


@pages.form("/buy/{slug}")
def hold(request: PageRequest, slug: str, viewer: Viewer) -> Page | Redirect:
    """Hold the chosen tickets for 15 minutes, all of them or none."""
    if viewer is None:
        return Redirect(_address(slug, request.form))
    held = _hold(slug, viewer, request.form)
    if isinstance(held, str):
        return Redirect(held)
    return _review(request, slug, viewer, request.form, problem=held)


def _hold(slug: str, buyer: Principal, given: "MultiDict[str, str]") -> str | Problem:
    """The address of the order that holds the tickets, or the refusal."""
    try:
        event = public_views.get_event(None, slug).value
        request = ReservationRequest(
            buyer.id, _body(event, given), forms.idempotency_key(given), _last_queue_pass(event, buyer)
        )
        order = reservations.hold(request)
    except Problem as problem:
        return problem
    return f"/orders/{order.id}"


def _review(
    request: PageRequest,
    slug: str,
    viewer: Principal | None,
    given: "MultiDict[str, str]",
    *,
    problem: Problem | None = None,
    errors: dict[str, str] | None = None,
) -> Page | Redirect:
    event = public_views.get_event(None, slug).value
    if not any(chosen_quantities(given).values()):
        return Redirect(f"/{request.language}/events/{slug}?chosen=none#tickets")
    queue_pass = _queue_pass(event, viewer) if viewer else None
    needs_queue_pass = queue_pass is None and offers.of_event(event, clock.now()).has_queue
    quote = None
    if needs_queue_pass:
        problem = QueuePassRequired()
    try:
        quote = quotes.quote(_body(event, given), viewer.id if viewer else None)
    except Problem as refused:
        problem = problem or refused
    return rendering.form_page(
        "buy.html",
        request,
        viewer=viewer,
        errors=errors,
        problem=problem,
        given=given,
        address=_address(slug, given),
        event=event,
        quote=quote,
        lines=[Line(each.tier_name, each.quantity, each.unit_price) for each in quote.lines] if quote else [],
        choice=_choice(given),
        promo=given.get("promo", "").strip(),
        google_path=sign_in.google_path(_address(slug, given)),
        alternative=_alternative(problem, event, given) if problem else None,
        bought=_existing_order(viewer, event) if viewer else None,
        queue_pass=queue_pass,
        needs_queue_pass=needs_queue_pass,
        back=f"{_choosing(request, slug, queue_pass)}?{urlencode(_choice(given))}#tickets",
    )


def _choosing(request: PageRequest, slug: str, queue_pass: QueuePass | None) -> str:
    """The page where tickets are chosen: the event's, or one's own in a rush."""
    return f"/queue/{slug}/tickets" if queue_pass else f"/{request.language}/events/{slug}"


def _queue_pass(event: EventResponse, buyer: Principal) -> QueuePass | None:
    """The buyer's queue pass, where the event needs one."""
    return places.pass_of(event.id, buyer.id) if event.waiting_room_opens_at else None


def _last_queue_pass(event: EventResponse, buyer: Principal) -> QueuePass | None:
    """The same, even if it is over: a form that is sent again finds by it the order of the first time."""
    place = places.find(event.id, buyer.id) if event.waiting_room_opens_at else None
    return place.queue_pass if place else None


def _existing_order(viewer: Principal, event: EventResponse) -> UUID | None:
    with snapshot() as tx:
        return schemas.newest_paid(tx, viewer.id, event.id)


def _code_page(request: PageRequest, slug: str, email: str, problem: Problem | None = None) -> Page:
    event = public_views.get_event(None, slug).value
    return rendering.form_page(
        "buy_code.html",
        request,
        problem=problem,
        address=_address(slug, request.form),
        event=event,
        email=email,
        choice=_choice(request.form),
        back=_address(slug, request.form),
    )


def _alternative(problem: Problem, event: EventResponse, given: "MultiDict[str, str]") -> Alternative:
    tier = next((each for each in event.tiers if str(each.id) == problem.members.get("tier_id")), None)
    left = problem.members.get("available")
    is_for_promo = problem.slug.startswith("promo-")
    instead = None
    if tier and left:
        instead = f"/buy/{event.slug}?{urlencode({**_choice(given), f't_{tier.id}': left})}"
    elif is_for_promo:
        instead = f"/buy/{event.slug}?{urlencode({k: v for k, v in _choice(given).items() if k != 'promo'})}"
    return Alternative(tier.name if tier else None, left, problem.members.get("order_id"), is_for_promo, instead)


def _body(event: EventResponse, given: "MultiDict[str, str]") -> ReservationBody:
    """Read the order from the form, as the API would be told.

    Raises TooManyLines, and NotFound for what no form of ours sends.
    """
    items = [{"tier_id": tier, "quantity": number} for tier, number in chosen_quantities(given).items() if number]
    if len(items) > MAX_TIERS:
        raise TooManyLines
    wanted = {"event_id": str(event.id), "items": items}
    promo = given.get("promo", "").strip()
    try:
        return ReservationBody.model_validate({**wanted, **({"promo_code": promo} if promo else {})}, strict=False)
    except ValidationError as error:
        raise NotFound from error


def _choice(given: "MultiDict[str, str]") -> dict[str, str]:
    kept = {f"t_{tier}": str(number) for tier, number in chosen_quantities(given).items() if number}
    promo = given.get("promo", "").strip()
    return kept | ({"promo": promo} if promo else {})


def _address(slug: str, given: "MultiDict[str, str]") -> str:
    return f"/buy/{slug}?{urlencode(_choice(given))}"
