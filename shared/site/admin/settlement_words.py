"""Words of the pages about settlement reports: their names, what each difference means, what can't be read."""

from collections.abc import Mapping
from typing import Final

from shared.problems import Problem
from shared.settlement_reports import midtrans_reports, xendit_reports
from shared.settlement_reports.differences import DifferenceKind
from shared.site.languages import gettext_noop as _
from shared.site.languages import translate
from shared.web.pages import Language

REPORTS: Final[Mapping[str, str]] = {
    xendit_reports.BALANCE: _("Xendit's balance report"),
    xendit_reports.TRANSACTIONS: _("Xendit's transactions report"),
    midtrans_reports.TRANSACTIONS: _("Midtrans's transactions report"),
}
ADVICE: Final[Mapping[DifferenceKind, str]] = {
    DifferenceKind.PAYMENT_UNKNOWN: _(
        "The gateway settled a payment that we have no money of. Search for its reference. Is it ours and was lost, "
        "run reconcile thoroughly; is it nobody's, ask the gateway. Then close the task."
    ),
    DifferenceKind.MOVEMENT_UNKNOWN: _(
        "The gateway moved money that we never booked: a refund at its dashboard, perhaps, or a transfer that came "
        "back. Look at the payment; what is missing in the books is booked as the runbook says. Then close the task."
    ),
    DifferenceKind.GROSS_DIFFERS: _(
        "The gateway settled another amount than the one that came in by our books. Compare its dashboard with the "
        "payment, and ask the gateway for the rest. Then close the task."
    ),
    DifferenceKind.SETTLED_TWICE: _(
        "The report has the same payment once more. Either the gateway gives us money twice, which it will want back, "
        "or somebody paid twice: then the second one goes back. Ask the gateway, then close the task."
    ),
    DifferenceKind.LINE_CHANGED: _(
        "A line that was imported before has other amounts now. Nothing was booked again. Ask the gateway which is "
        "right: the new one, book the difference; the old one, close the task."
    ),
    DifferenceKind.NET_DIFFERS: _(
        "The report's own net is not its gross less fee and tax. Something else was kept, withholding tax perhaps. "
        "Book it as our cost once you know what it is."
    ),
    DifferenceKind.ADJUSTMENT: _(
        "The gateway gave or took money for no payment, refund or transfer of ours: an adjustment, a chargeback, a "
        "reserve. Ask what it is, then book it. Money that is yet to come back is not booked: close the task then. "
        "Nor is a chargeback of ours: book it at its payment, as a lost dispute."
    ),
    DifferenceKind.FEES_DIFFER: _(
        "The gateway kept other fees than the contract says; what it kept is booked. Each line of the report says "
        "what was to be kept. Has the contract changed, change fee_rates.py; else claim the difference."
    ),
    DifferenceKind.PAYMENT_MISSING: _(
        "No report has told of this payment for a week. Is a day's report missing, import it; else ask the gateway. "
        "The task closes by itself once a report tells of it."
    ),
    DifferenceKind.REPORT_MISSING: _(
        "Money has come in and no report has been imported for days. Download the reports since then and import them, "
        "then close the task."
    ),
    DifferenceKind.ARRIVAL_DIFFERS: _(
        "Another amount arrived at our bank than the gateway sent. Is it the bank's fee, book it; else ask the gateway."
    ),
    DifferenceKind.ARRIVAL_UNKNOWN: _(
        "Money arrived that no report explains yet; it is not booked. Import the report with the withdrawal, or say "
        "what it pays. The task closes by itself then."
    ),
    DifferenceKind.ARRIVAL_MISSING: _(
        "The gateway says that it sent this money, and it has not arrived. Look at the bank statement, then ask the "
        "gateway. The task closes by itself once it is matched."
    ),
}
"""The meaning of each kind of difference, and what to do."""


def details_of(problem: Problem | None, language: Language) -> list[str]:
    """The faults of a file: the columns that are missing, or the rows that can't be read."""
    if problem is None:
        return []
    columns = [
        translate(language, "The column “%(name)s” is missing.", name=name)
        for name in problem.members.get("columns", [])
    ]
    rows = [
        translate(language, "Line %(row)s: “%(name)s” can't be read.", row=each["row"], name=each["column"])
        for each in problem.members.get("rows", [])
    ]
    return [*columns, *rows]
