"""Payouts of an organizer: their states, the account statement, the bank account (FN-006..012)."""

from functools import partial
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from shared import csv_text, local_time
from shared.accounting import statements
from shared.accounting.statements import StatementLine, StatementQuery
from shared.catalog import own_events
from shared.catalog.own_events import OwnEventsQuery
from shared.cloud.database import snapshot, transaction
from shared.identity.tokens import Principal
from shared.models import PageQuery
from shared.payouts import bank_accounts, creation, retries, schemas
from shared.payouts.bank_accounts import BankAccountResponse
from shared.problems import NotFound, Problem
from shared.reports import export_files, tables
from shared.site import forms, lists, rendering
from shared.site.languages import gettext_noop as _
from shared.site.languages import translate
from shared.web import EXPORTS, App, File, Organizer, OrganizerOrSteppedUpAdmin
from shared.web.pages import Language, Page, PageRequest, Redirect

pages = App("site")


KINDS: Final = {
    "sale": _("Sale"),
    "refund_owed": _("Refund"),
    "payout": _("Payout"),
    "payout_reduced": _("Payout reduced"),
    "cancellation_penalty": _("Penalty for cancelling"),
    "sale_taken_back": _("Payment taken back"),
    "sale_rest_taken_back": _("Payment taken back"),
    "disbursement_reversed": _("Transfer came back"),
}
"""The causes of movements, by the kind of the posting; any other is a correction."""
SALE_BELOW_ZERO: Final = _("Order with your promo code: commission and fees")
"""A sale whose discount has left less than what the organizer pays for it."""
CORRECTION: Final = _("Correction")
_FILE_NAMES: Final[dict[Language, str]] = {"id": "mutasi.csv", "en": "statement.csv"}
COLUMNS: Final = (_("Time (WIB)"), _("Movement"), _("Event"), _("Order number"), _("Amount"), _("Balance"))

LATEST_PAYOUTS = PageQuery(page_size=100)
EVENTS_TO_CHOOSE = OwnEventsQuery(page_size=100)


@pages.page("/organizer/payouts")
def payouts(request: PageRequest, organizer: Organizer) -> Page:
    """The organizer's payouts, newest first, and a page of the statement: of one event, or all."""
    return _page(request, organizer)


@pages.form("/organizer/payouts/{payout_id}/retry")
def retry(request: PageRequest, payout_id: UUID, organizer: OrganizerOrSteppedUpAdmin) -> Page | Redirect:
    """Send a payout again that failed or waits."""
    try:
        with transaction() as tx:
            retries.retry(tx, payout_id, organizer)
    except NotFound:
        raise
    except Problem as problem:
        return _page(request, organizer, problem=problem)
    return Redirect("/organizer/payouts")


@pages.page("/organizer/payouts/statement.csv", limit=EXPORTS)
def statement_file(request: PageRequest, organizer: Organizer) -> File:
    """The whole statement for a spreadsheet, oldest movement first, in the language of the page."""
    wanted, _ = _wanted(request)
    owner_id, language = organizer.organizer_id or organizer.id, request.language
    header = [translate(language, each) for each in COLUMNS]
    with snapshot() as tx:
        export_files.refuse_too_many(statements.count(tx, owner_id, wanted.event_id), "csv")
        rows = (_cells(line, language) for line in statements.all_lines(tx, owner_id, wanted.event_id))
        write = partial(csv_text.write, header=header, rows=rows)
        return tables.in_file(write, export_files.CSV, _FILE_NAMES[language])


def _cells(line: StatementLine, language: Language) -> tuple[str | int | None, ...]:
    """The line as a spreadsheet has it."""
    time = f"{line.created_at.astimezone(ZoneInfo(local_time.HOME_ZONE)):%Y-%m-%d %H:%M:%S}"
    order = str(line.order_id) if line.order_id else ""
    return time, _movement(line, language), line.event_title, order, line.amount, line.balance


def _movement(line: StatementLine, language: Language) -> str:
    is_below_zero = line.kind == "sale" and line.amount < 0
    return translate(language, SALE_BELOW_ZERO if is_below_zero else KINDS.get(line.kind, CORRECTION))


def _wanted(request: PageRequest) -> tuple[StatementQuery, dict[str, str]]:
    filters = forms.non_empty(request.query, "event_id")
    wanted, errors = forms.read(StatementQuery, {**filters, **lists.page_of(request)}, request.language)
    return wanted or StatementQuery(), errors


def _page(request: PageRequest, organizer: Principal, *, problem: Problem | None = None) -> Page:
    wanted, errors = _wanted(request)
    owner_id = organizer.organizer_id or organizer.id
    with snapshot() as tx:
        listing = schemas.list_page(tx, organizer, LATEST_PAYOUTS)
        statement = statements.statement(tx, owner_id, wanted)
        events = own_events.list_page(tx, organizer, EVENTS_TO_CHOOSE).items
        account: BankAccountResponse | None = None
        try:
            account = bank_accounts.read_own(tx, organizer.id)
        except NotFound:
            account = None
    return rendering.form_page(
        "organizer/payouts.html",
        request,
        viewer=organizer,
        errors=errors,
        problem=problem,
        address="/organizer/payouts" if problem else "",
        payouts=listing.items,
        statement=statement,
        event_id=wanted.event_id,
        events=events,
        account=account,
        zone=local_time.HOME_ZONE,
        days=creation.DAYS_AFTER_EVENT,
        movement=lambda line: _movement(line, request.language),
    )
