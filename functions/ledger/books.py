"""Statements, trial balance and revenue (FN-005, FN-010)."""

from shared.accounting import statements
from shared.accounting.statements import (
    RevenueLine,
    RevenueQuery,
    StatementLine,
    StatementQuery,
    TrialBalance,
    TrialBalanceQuery,
)
from shared.cloud import authorization
from shared.models import Listing, ResponseModel
from shared.web import Admin, App, Organizer, Transaction

routes = App("ledger")


class Revenue(ResponseModel):
    """The platform's revenue, period by period."""

    items: list[RevenueLine]


@routes.get("/ledger/statement")
def statement(page: StatementQuery, caller: Organizer, tx: Transaction) -> Listing[StatementLine]:
    """Your account statement: sales, refunds, penalties, payouts, newest first."""
    return statements.statement(tx, caller.organizer_id or caller.id, page)


@routes.get("/admin/ledger/trial-balance")
def trial_balance(wanted: TrialBalanceQuery, admin: Admin, tx: Transaction) -> TrialBalance:
    """All ledger accounts with their debits and credits, now or at a given moment."""
    authorization.record_list_access(tx, admin, subject="ledger")
    return statements.trial_balance(tx, wanted)


@routes.get("/admin/ledger/revenue")
def revenue(wanted: RevenueQuery, admin: Admin, tx: Transaction) -> Revenue:
    """Fees, commissions, penalties and platform discounts, by day, week or month."""
    authorization.record_list_access(tx, admin, subject="ledger")
    return Revenue(items=statements.revenue(tx, wanted))
