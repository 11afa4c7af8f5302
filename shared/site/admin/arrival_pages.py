"""Arrivals at our bank: typed, or out of a bank statement, and what they pay (CLEAR-1)."""

from typing import Annotated, Any, Final
from uuid import UUID

from werkzeug.datastructures import MultiDict

from shared import local_time
from shared.cloud import authorization, clock
from shared.cloud.database import Transaction, transaction
from shared.gateways.names import NAMES
from shared.identity import principals
from shared.identity.tokens import Principal
from shared.models import PageQuery
from shared.problems import Problem
from shared.settlement_reports import arrivals, bank_statements, overdue
from shared.settlement_reports.arrivals import ArrivalMatched, ExpectedResponse, Match, NewArrival
from shared.settlement_reports.report_files import MAX_BYTES
from shared.site import forms, lists, rendering
from shared.site.admin import actions, settlement_words
from shared.site.admin.actions import Action, Choice, Confirmation, Field
from shared.site.admin.formatting import gateway, money
from shared.site.languages import translate
from shared.site.organizer import inputs
from shared.web import AdminOfDesk, App, MaxBytes, SteppedUpAdminOfDesk, Upload
from shared.web.pages import Language, Page, PageRequest, Redirect

LIST: Final = "/admin/settlements/arrivals"
ENTER: Final = f"{LIST}/enter"
STATEMENT: Final = f"{LIST}/statement"
MAX_CHOICES: Final = 60

pages = App("site")


@pages.page(LIST)
def listing(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The arrivals, and what is still expected."""
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="bank_arrival")
        found = arrivals.list_page(tx, PageQuery(**lists.page_of(request)))
        expected = [each for name in NAMES for each in arrivals.expected(tx, name, today=_today())]
    return rendering.form_page(
        "admin/bank_arrivals.html",
        request,
        viewer=admin,
        listing=found,
        expected=expected,
        gateway=gateway,
        overdue_before=_today() - overdue.ARRIVAL_AFTER,
    )


@pages.page(ENTER)
def entering(request: PageRequest, admin: SteppedUpAdminOfDesk) -> Page:
    """The forms for an arrival, and for a bank statement."""
    return _enter_page(request, admin)


@pages.form(ENTER)
def enter(request: PageRequest, admin: SteppedUpAdminOfDesk) -> Page | Redirect:
    """Enter an arrival that was typed."""
    given = forms.non_empty(request.form, "gateway", "arrived_on", "amount", "reference")
    if "amount" in given:
        given["amount"] = inputs.amount(given["amount"])
    wanted, errors = forms.read(NewArrival, given, request.language)
    if wanted is None:
        return _enter_page(request, admin, errors=errors)
    problem = forms.try_to(lambda tx: arrivals.enter(tx, wanted, by=admin.id))
    return _enter_page(request, admin, problem=problem) if problem else Redirect(actions.with_done(LIST))


@pages.form(STATEMENT)
def import_statement(
    request: PageRequest, file: Annotated[Upload, MaxBytes(MAX_BYTES)], admin: SteppedUpAdminOfDesk
) -> Page | Redirect:
    """Enter what a bank statement holds of gateways."""
    try:
        with transaction() as tx:
            done = bank_statements.import_statement(tx, file.content, by=admin.id)
    except Problem as problem:
        return _enter_page(request, admin, problem=problem)
    return Redirect(f"{LIST}?entered={done.entered}&known={done.known}&others={done.of_others}")


def _enter_page(
    request: PageRequest, admin: Principal, *, errors: dict[str, str] | None = None, problem: Problem | None = None
) -> Page:
    return rendering.form_page(
        "admin/bank_arrival.html",
        request,
        viewer=admin,
        errors=errors,
        problem=problem,
        address=ENTER,
        given=request.form or MultiDict({"arrived_on": str(_today())}),
        gateways=[(name, gateway(name)) for name in NAMES],
        details=settlement_words.details_of(problem, request.language),
    )


def _today() -> Any:
    return local_time.day_start(clock.now()).date()


def _confirm_match(tx: Transaction, _admin: Principal, arrival_id: UUID, language: Language) -> Confirmation:
    arrival = arrivals.read(tx, arrival_id)
    if arrival.expected is not None:
        raise ArrivalMatched
    waiting = arrivals.expected(tx, arrival.gateway, today=_today())[-MAX_CHOICES:]
    amount = money(language, arrival.amount)
    return Confirmation(
        translate(language, "What does the arrival of %(amount)s pay?", amount=amount),
        [
            translate(
                language,
                "%(amount)s count as passed on by %(gateway)s, and as arrived at our bank.",
                amount=amount,
                gateway=gateway(arrival.gateway),
            ),
            translate(language, "What it is more or less than the chosen ones becomes a difference with a task."),
        ],
        translate(language, "Match it"),
        [
            Field(
                "expected_ids",
                translate(language, "What the gateway says it sent"),
                kind="many",
                choices=[Choice(str(each.id), _choice(each, language)) for each in waiting],
            )
        ],
    )


def _choice(each: ExpectedResponse, language: Language) -> str:
    return f"{local_time.short_day(each.sent_on, language)}: {money(language, each.amount)} ({each.reference})"


def _match(tx: Transaction, admin: Principal, arrival_id: UUID, wanted: Match) -> None:
    arrivals.match(tx, arrival_id, wanted, by=admin.id)


ACTIONS: Final = (
    Action(
        f"{LIST}/{{subject_id}}/match",
        "bank_arrival",
        LIST,
        _confirm_match,
        _match,
        Match,
        proof=principals.require_step_up,
    ),
)
actions.register(pages, *ACTIONS)
