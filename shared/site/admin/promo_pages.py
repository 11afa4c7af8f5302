"""Promo codes that the platform pays for: made, switched off and on again (TS-006)."""

from typing import Final
from uuid import UUID

from shared import local_time
from shared.catalog import promo_codes
from shared.catalog.promo_codes import PLATFORM_BUDGET, PLATFORM_MAX_DISCOUNT, PromoChange, PromoResponse, PromoSearch
from shared.cloud.database import Transaction, transaction
from shared.identity import principals
from shared.identity.tokens import Principal
from shared.problems import NotFound, Problem
from shared.site import forms, lists, rendering
from shared.site.admin import actions
from shared.site.admin.actions import Action, Confirmation, NoInput
from shared.site.admin.formatting import money
from shared.site.languages import translate
from shared.site.organizer import inputs, promo_form
from shared.site.organizer.promo_pages import Scope
from shared.web import AdminOfDesk, App
from shared.web.pages import Language, Page, PageRequest, Redirect

LIST: Final = "/admin/promos"

pages = App("site")


@pages.page(LIST)
def listing(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The platform's codes with their uses, newest first, and the form of a new one."""
    return _list(request, admin)


@pages.form(LIST)
def create(request: PageRequest, admin: AdminOfDesk) -> Page | Redirect:
    """Make a code that the platform pays for, valid at once or from its start."""
    principals.require_fresh_proof(admin)
    wanted, errors = promo_form.new_promo(request.form, None, local_time.HOME_ZONE, request.language)
    if wanted is None:
        return _list(request, admin, errors=errors)
    code = wanted.model_copy(update={"funded_by": "platform"})
    problem = forms.try_to(lambda tx: promo_codes.create(tx, admin, code))
    return _list(request, admin, problem=problem) if problem else Redirect(actions.with_done(LIST))


def _list(
    request: PageRequest,
    admin: Principal,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Page:
    wanted = PromoSearch(funded_by="platform", **lists.page_of(request))
    with transaction() as tx:
        found = promo_codes.list_page(tx, admin, wanted)
    field_errors = promo_form.form_errors(inputs.errors_of(problem, request.language), request.language)
    return rendering.form_page(
        "admin/promos.html",
        request,
        viewer=admin,
        errors={**(errors or {}), **field_errors},
        problem=inputs.general_problem(problem),
        given=request.form,
        address=LIST,
        listing=found,
        scope=Scope(),
        labels=promo_form.labels(request.language),
        default_budget=PLATFORM_BUDGET,
        default_max_discount=PLATFORM_MAX_DISCOUNT,
        is_platform=True,
    )


def _confirm_switch_off(tx: Transaction, admin: Principal, promo_id: UUID, language: Language) -> Confirmation:
    found = _read_platform_code(tx, admin, promo_id)
    return Confirmation(
        translate(language, "Switch off %(code)s", code=found.code),
        [
            translate(language, "Nobody can use it any more. Orders that have used it keep their discount."),
            translate(language, "It has cost %(amount)s so far.", amount=money(language, found.spent)),
        ],
        translate(language, "Switch off"),
    )


def _confirm_switch_on(tx: Transaction, admin: Principal, promo_id: UUID, language: Language) -> Confirmation:
    found = _read_platform_code(tx, admin, promo_id)
    left = max((found.budget or PLATFORM_BUDGET) - found.spent, 0)
    return Confirmation(
        translate(language, "Switch on %(code)s", code=found.code),
        [
            translate(language, "Buyers can use it at once, within its limits and its time."),
            translate(language, "We pay its discounts: at most %(amount)s more.", amount=money(language, left)),
        ],
        translate(language, "Switch on"),
    )


def _read_platform_code(tx: Transaction, admin: Principal, promo_id: UUID) -> PromoResponse:
    """A code of the platform. Raises NotFound, also for an organizer's."""
    found = promo_codes.read(tx, admin, promo_id)
    if found.funded_by != "platform":
        raise NotFound
    return found


def _switch_off(tx: Transaction, admin: Principal, promo_id: UUID, _input: NoInput) -> None:
    promo_codes.change(tx, admin, promo_id, PromoChange(is_active=False))


def _switch_on(tx: Transaction, admin: Principal, promo_id: UUID, _input: NoInput) -> None:
    promo_codes.change(tx, admin, promo_id, PromoChange(is_active=True))


ACTIONS: Final = (
    Action(
        f"{LIST}/{{subject_id}}/off",
        "promo",
        LIST,
        _confirm_switch_off,
        _switch_off,
        proof=principals.require_fresh_proof,
    ),
    Action(
        f"{LIST}/{{subject_id}}/on", "promo", LIST, _confirm_switch_on, _switch_on, proof=principals.require_fresh_proof
    ),
)
actions.register(pages, *ACTIONS)
