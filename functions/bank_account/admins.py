"""Decisions of admins about bank accounts."""

from uuid import UUID

from shared.payouts import bank_account_changes, bank_account_checks
from shared.payouts.bank_account_changes import BankAccountRelease
from shared.payouts.bank_account_checks import BankAccountDecision
from shared.payouts.bank_accounts import BankAccountResponse
from shared.problems import NotFound
from shared.web import App, FreshlyProvenAdmin, Transaction

routes = App("bank_account")


@routes.put("/admin/bank-accounts/{account_id}", problems=(NotFound,))
def decide(
    account_id: UUID, decision: BankAccountDecision, admin: FreshlyProvenAdmin, tx: Transaction
) -> BankAccountResponse:
    """Decide a verification that the bank does not answer, or whose holder has another name than the organizer."""
    return bank_account_checks.decide_manually(tx, admin.id, account_id, decision)


@routes.post("/admin/bank-accounts/{account_id}/release", status=200, problems=(NotFound,))
def release(
    account_id: UUID, why: BankAccountRelease, admin: FreshlyProvenAdmin, tx: Transaction
) -> BankAccountResponse:
    """Release a bank account that is in its waiting time, or frozen."""
    return bank_account_changes.release(tx, admin.id, account_id, why)
