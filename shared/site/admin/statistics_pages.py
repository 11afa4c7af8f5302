"""The platform's statistics, and the books: trial balance, revenue, journal (AR-007..011, FN-010)."""

from datetime import timedelta
from typing import Any, Final, get_args

from shared import local_time
from shared.accounting import statements
from shared.accounting.accounts import Account
from shared.accounting.statements import RevenueQuery, TrialBalanceQuery
from shared.cloud import authorization, clock
from shared.cloud.database import transaction
from shared.reports import overview
from shared.reports.periods import PeriodQuery
from shared.site import charts, forms, rendering
from shared.site.languages import gettext_noop as _
from shared.site.languages import translate
from shared.web import AdminOfDesk, App
from shared.web.pages import Language, Page, PageRequest

STATISTICS: Final = "/admin/statistics"
BOOKS: Final = "/admin/books"
DAYS: Final = (7, 30, 90, 365)
"""Periods to choose from, in days until today."""
STEPS: Final = get_args(RevenueQuery.model_fields["by"].annotation)
ACCOUNTS: Final = {
    Account.GATEWAY_CLEARING: _("What gateways hold for us"),
    Account.ORGANIZER_PAYABLE: _("What we owe organizers"),
    Account.PAYOUTS_PAYABLE: _("Payouts on their way"),
    Account.PLATFORM_FEE_REVENUE: _("Service fees"),
    Account.COMMISSION_REVENUE: _("Commissions"),
    Account.PROMOTION_COST: _("Discounts that we pay"),
    Account.PENALTY_REVENUE: _("Penalties"),
    Account.PAYMENT_DIFFERENCES: _("Differences of payments"),
    Account.REFUNDS_PAYABLE: _("What we owe buyers"),
    Account.DASHBOARD_REFUNDS: _("Refunded at dashboards, not assigned yet"),
    Account.GOODWILL_REFUNDS: _("Goodwill"),
    Account.UNALLOCATED: _("Money that fits no order"),
    Account.GATEWAY_FEES: _("Fees of gateways"),
    Account.INPUT_VAT: _("VAT on fees of gateways"),
    Account.BANK: _("Arrived at our bank"),
    Account.GATEWAY_ADJUSTMENTS: _("Adjustments by gateways and banks"),
}
"""The accounts in words."""

pages = App("site")


def account_names(language: Language) -> dict[str, str]:
    """The names of the accounts in a language."""
    return {account.value: translate(language, words) for account, words in ACCOUNTS.items()}


@pages.page(STATISTICS)
def statistics(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The platform's figures of a period: thirty days, where none is asked for."""
    filters, wanted, errors = _period(request)
    report = overview.read(admin, wanted)
    return rendering.form_page(
        "admin/statistics.html",
        request,
        viewer=admin,
        errors=errors,
        filters=filters,
        periods=_periods(request),
        report=report,
        most_turnover=max([1, *(each.turnover for each in report.by_day)]),
        share=charts.share,
    )


@pages.page(BOOKS)
def books(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The trial balance now, the revenue of a period, and the journal as a file."""
    filters, wanted, errors = _period(request)
    by = request.query.get("by", "")
    period = overview.period_of(wanted)
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="ledger")
        balance = statements.trial_balance(tx, TrialBalanceQuery())
        revenue = statements.revenue(
            tx,
            RevenueQuery.model_validate(
                {"from": period.since, "to": period.until, "by": by if by in STEPS else STEPS[0]}
            ),
        )
    return rendering.form_page(
        "admin/books.html",
        request,
        viewer=admin,
        errors=errors,
        filters=filters,
        periods=_periods(request),
        by=by if by in STEPS else STEPS[0],
        balance=balance,
        revenue=revenue,
        accounts=account_names(request.language),
    )


def _period(request: PageRequest) -> tuple[dict[str, str], PeriodQuery, dict[str, str]]:
    """A period as it was typed, as a query, and what is wrong with it."""
    filters = forms.non_empty(request.query, "from", "to")
    wanted, errors = forms.read(PeriodQuery, filters, request.language)
    return filters, wanted or PeriodQuery(), errors


def _periods(request: PageRequest) -> list[tuple[int, dict[str, Any]]]:
    """The periods to choose from, with their first days."""
    today = local_time.day_start(clock.now()).date()
    kept = forms.non_empty(request.query, "by")
    return [(days, {"from": str(today - timedelta(days=days - 1)), "to": str(today), **kept}) for days in DAYS]
