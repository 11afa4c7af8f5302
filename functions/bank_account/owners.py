"""A person's own bank account: shown, set, frozen."""

from shared.identity.freeze_links import FreezeLink
from shared.identity.marketing import LinkInvalid
from shared.messages import freeze_page
from shared.payouts import bank_account_changes, bank_accounts
from shared.payouts.bank_account_checks import AccountNameMismatch, AccountNotFound
from shared.payouts.bank_accounts import BankAccountBody, BankAccountResponse
from shared.problems import NotFound, TryAgain
from shared.web import App, Buyer, FreshlyProvenBuyer, HtmlPage, Transaction

routes = App("bank_account")


@routes.get("/account/bank-account", problems=(NotFound,))
def show(caller: Buyer, tx: Transaction) -> BankAccountResponse:
    """Your bank account, with its number masked."""
    return bank_accounts.read_own(tx, caller.id)


@routes.put("/account/bank-account", problems=(AccountNotFound, AccountNameMismatch, TryAgain))
def set_account(wanted: BankAccountBody, caller: FreshlyProvenBuyer) -> BankAccountResponse:
    """Set your bank account, if the bank confirms it.

    Pending payouts go to a first account at once; a replacement is used after a day. A mail tells you of it, with a
    link that freezes the account. Setting a frozen account again releases it.
    """
    return bank_account_changes.set_account(caller.id, wanted)


@routes.get("/account/bank-account/freeze", anybody=True, problems=(LinkInvalid,))
def freeze_form(link: FreezeLink, tx: Transaction) -> HtmlPage:
    """The page of the freeze link in a mail. It only asks for confirmation, so link scanners change nothing."""
    return HtmlPage(freeze_page.page(bank_account_changes.language(tx, link), is_done=False))


@routes.post("/account/bank-account/freeze", anybody=True, problems=(LinkInvalid,))
def freeze(link: FreezeLink, tx: Transaction) -> HtmlPage:
    """Freeze a bank account without signing in: no money is sent there until its owner sets it again. Idempotent."""
    return HtmlPage(freeze_page.page(bank_account_changes.freeze(tx, link), is_done=True))
