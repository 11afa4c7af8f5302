"""Settlement reports and their differences: what gateways kept and passed on, compared with the books (CLEAR-1)."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from shared.cloud import authorization
from shared.cloud.database import Transaction, transaction
from shared.identity import principals
from shared.identity.tokens import Principal
from shared.models import PageQuery
from shared.problems import Problem
from shared.settlement_reports import batches, differences, imports
from shared.settlement_reports.differences import Booking, DifferenceQuery, DifferenceResponse, NotBookable
from shared.settlement_reports.report_files import MAX_BYTES
from shared.site import lists, rendering
from shared.site.admin import actions, settlement_words
from shared.site.admin.actions import Action, Confirmation, Field
from shared.site.admin.formatting import gateway, money
from shared.site.languages import translate
from shared.web import AdminOfDesk, App, MaxBytes, SteppedUpAdminOfDesk, Upload
from shared.web.pages import Language, Page, PageRequest, Redirect

LIST: Final = "/admin/settlements"
IMPORT: Final = f"{LIST}/import"
DIFFERENCES: Final = "/admin/settlements/differences"

pages = App("site")


@pages.page(LIST)
def listing(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The imported reports, newest first."""
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="settlement_batch")
        found = batches.list_page(tx, PageQuery(**lists.page_of(request)))
    return rendering.form_page(
        "admin/settlements.html", request, viewer=admin, listing=found, gateway=gateway, reports=_reports(request)
    )


@pages.page(IMPORT)
def importing(request: PageRequest, admin: SteppedUpAdminOfDesk) -> Page:
    """The form for a report."""
    return _import_page(request, admin)


@pages.form(IMPORT)
def import_report(
    request: PageRequest, file: Annotated[Upload, MaxBytes(MAX_BYTES)], admin: SteppedUpAdminOfDesk
) -> Page | Redirect:
    """Import a report, or say what is wrong with it."""
    try:
        with transaction() as tx:
            batch = imports.import_report(tx, file.content, by=admin.id)
    except Problem as problem:
        return _import_page(request, admin, problem=problem)
    return Redirect(f"{LIST}/{batch.id}?{'known' if batch.was_imported_before else 'done'}=yes")


@pages.page(f"{LIST}/{{batch_id}}")
def batch(request: PageRequest, batch_id: UUID, admin: AdminOfDesk) -> Page:
    """One imported report: totals, differences, lines."""
    with transaction() as tx:
        found = batches.read(tx, batch_id)
        authorization.check_access(tx, admin, subject="settlement_batch", subject_id=batch_id)
        lines = batches.lines(tx, batch_id, PageQuery(**lists.page_of(request)))
        wanted = DifferenceQuery(status="all", batch_id=batch_id, page_size=100)
        different = differences.list_page(tx, wanted)
    return rendering.form_page(
        "admin/settlement_batch.html",
        request,
        viewer=admin,
        batch=found,
        lines=lines,
        differences=different,
        gateway=gateway,
        reports=_reports(request),
    )


@pages.page(DIFFERENCES)
def list_differences(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The differences: the open ones, or all."""
    chosen: Literal["all", "open"] = "all" if request.query.get("status") == "all" else "open"
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="settlement_difference")
        found = differences.list_page(tx, DifferenceQuery(status=chosen, **lists.page_of(request)))
    return rendering.form_page(
        "admin/settlement_differences.html", request, viewer=admin, listing=found, gateway=gateway, chosen=chosen
    )


@pages.page(f"{DIFFERENCES}/{{difference_id}}")
def difference(request: PageRequest, difference_id: UUID, admin: AdminOfDesk) -> Page:
    """One difference: what it means, and what ends it."""
    with transaction() as tx:
        found = differences.read(tx, difference_id)
        authorization.check_access(tx, admin, subject="settlement_difference", subject_id=difference_id)
    return rendering.form_page(
        "admin/settlement_difference.html",
        request,
        viewer=admin,
        difference=found,
        gateway=gateway,
        advice=translate(request.language, settlement_words.ADVICE[found.kind]),
    )


def _import_page(request: PageRequest, admin: Principal, *, problem: Problem | None = None) -> Page:
    return rendering.form_page(
        "admin/settlement_import.html",
        request,
        viewer=admin,
        problem=problem,
        address=IMPORT,
        details=settlement_words.details_of(problem, request.language),
        max_megabytes=MAX_BYTES // (1024 * 1024),
    )


def _reports(request: PageRequest) -> dict[str, str]:
    return {name: translate(request.language, words) for name, words in settlement_words.REPORTS.items()}


def _confirm_booking(tx: Transaction, _admin: Principal, difference_id: UUID, language: Language) -> Confirmation:
    found = differences.read(tx, difference_id)
    if not found.is_bookable:
        raise NotBookable
    return Confirmation(
        translate(language, "Book a difference of %(amount)s", amount=money(language, abs(found.amount))),
        [_effect(found, language), translate(language, "Its manual task is closed. A posting is never changed.")],
        translate(language, "Book it"),
        [
            Field(
                "note",
                translate(language, "What is it?"),
                translate(language, "What the gateway or the bank says of it; it is kept in the audit trail."),
            )
        ],
        record=f"{DIFFERENCES}/{difference_id}",
        is_danger=True,
    )


def _effect(found: DifferenceResponse, language: Language) -> str:
    values: dict[str, Any] = {"amount": money(language, abs(found.amount)), "gateway": gateway(found.gateway)}
    if found.amount < 0:
        return translate(
            language, "%(amount)s become our cost: so much less counts as held for us by %(gateway)s.", **values
        )
    return translate(
        language, "%(amount)s become our gain: so much more counts as held for us by %(gateway)s.", **values
    )


def _book(tx: Transaction, admin: Principal, difference_id: UUID, booking: Booking) -> None:
    differences.book(tx, difference_id, booking, by=admin.id)


ACTIONS: Final = (
    Action(
        f"{DIFFERENCES}/{{subject_id}}/book",
        "settlement_difference",
        DIFFERENCES,
        _confirm_booking,
        _book,
        Booking,
        proof=principals.require_step_up,
    ),
)
actions.register(pages, *ACTIONS)
