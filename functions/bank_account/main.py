"""Where a person's money is sent: refunds of buyers, payouts of organizers (FN-007, FN-008)."""

from uuid import UUID

from shared.identity.freeze_links import FreezeLink
from shared.identity.marketing import LinkInvalid
from shared.messages import freeze_page
from shared.payouts import bank_account_changes, bank_accounts
from shared.payouts.bank_account_changes import BankAccountRelease
from shared.payouts.bank_accounts import (
    AccountNameMismatch,
    AccountNotFound,
    BankAccountBody,
    BankAccountDecision,
    BankAccountResponse,
)
from shared.problems import NotFound, TryAgain
from shared.web import App, Buyer, FreshlyProvenAdmin, FreshlyProvenBuyer, HtmlPage, Transaction

app = App("bank_account")


@app.get("/account/bank-account", problems=(NotFound,))
def show(caller: Buyer, tx: Transaction) -> BankAccountResponse:
    """Your bank account; of its number only the end."""
    return bank_accounts.own(tx, caller.id)


@app.put("/account/bank-account", problems=(AccountNotFound, AccountNameMismatch, TryAgain))
def put(wanted: BankAccountBody, caller: FreshlyProvenBuyer) -> BankAccountResponse:
    """Set it, once the bank says that it is yours. What has waited is sent: to your first one at once, else in a day.

    You get a mail about it, with a link that stops it. One that was stopped is used again once you set it anew.
    """
    return bank_account_changes.put(caller.id, wanted)


@app.get("/account/bank-account/freeze", anybody=True, problems=(LinkInvalid,))
def ask_to_freeze(link: FreezeLink, tx: Transaction) -> HtmlPage:
    """The page a link in the mail about a bank account leads to. It only asks, so scanners change nothing."""
    return HtmlPage(freeze_page.page(bank_account_changes.language(tx, link), is_done=False))


@app.post("/account/bank-account/freeze", anybody=True, problems=(LinkInvalid,))
def freeze(link: FreezeLink, tx: Transaction) -> HtmlPage:
    """Stop a bank account, without signing in: no money goes there until its owner sets it again. Safe to repeat."""
    return HtmlPage(freeze_page.page(bank_account_changes.freeze(tx, link), is_done=True))


@app.put("/admin/bank-accounts/{account_id}", problems=(NotFound,))
def decide(
    account_id: UUID, decision: BankAccountDecision, admin: FreshlyProvenAdmin, tx: Transaction
) -> BankAccountResponse:
    """End a check that the bank never answers, or decide whether a holder of another name is the organizer."""
    return bank_accounts.decide_manually(tx, admin.id, account_id, decision)


@app.post("/admin/bank-accounts/{account_id}/release", status=200, problems=(NotFound,))
def release(
    account_id: UUID, why: BankAccountRelease, admin: FreshlyProvenAdmin, tx: Transaction
) -> BankAccountResponse:
    """Let money go to an account that waits, or that was stopped by the link in its mail."""
    return bank_account_changes.release(tx, admin.id, account_id, why)


main = app.entry_point()
