"""Where a person's money is sent: refunds of buyers, payouts of organizers (FN-007, FN-008)."""

from uuid import UUID

from shared.money import bank_accounts
from shared.money.bank_accounts import (
    AccountNameMismatch,
    AccountNotFound,
    BankAccountAnswer,
    BankAccountBody,
    BankAccountDecision,
)
from shared.problems import NotFound, TryAgain
from shared.web import App, Buyer, FreshlyProvenAdmin, FreshlyProvenBuyer, Transaction

app = App("bank_account")


@app.get("/account/bank-account", problems=(NotFound,))
def show(caller: Buyer, tx: Transaction) -> BankAccountAnswer:
    """Your bank account; of its number only the end."""
    return bank_accounts.own(tx, caller.id)


@app.put("/account/bank-account", problems=(AccountNotFound, AccountNameMismatch, TryAgain))
def put(wanted: BankAccountBody, caller: FreshlyProvenBuyer) -> BankAccountAnswer:
    """Set it, once the bank says that it is yours. What has waited for it is then sent."""
    return bank_accounts.put(caller.id, wanted)


@app.put("/admin/bank-accounts/{account_id}", problems=(NotFound,))
def decide(
    account_id: UUID, decision: BankAccountDecision, admin: FreshlyProvenAdmin, tx: Transaction
) -> BankAccountAnswer:
    """End a check that the bank never answers, after looking at the owner's papers."""
    return bank_accounts.decide_by_hand(tx, admin.id, account_id, decision)


main = app.entry_point()
