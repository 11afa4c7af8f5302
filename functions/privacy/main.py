"""Privacy: data export, account deletion, unsubscribing, cookie consent (UM-009, DP-001..006)."""

from shared.identity import marketing
from shared.identity.codes import CodeInvalid
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.marketing import LinkInvalid, UnsubscribeLink
from shared.identity.password_change import WrongPassword
from shared.identity.second_factors import SecondFactorInvalid
from shared.messages import unsubscribe_links
from shared.privacy import cookie_consents, deletion, export
from shared.privacy.cookie_consents import COOKIES, CookieChoice, CookieConsent, CookieList, ListChanged
from shared.privacy.deletion import AccountInUse, Deletion
from shared.privacy.export import ExportQuery
from shared.web import App, File, HtmlPage, SignedIn, Transaction, Viewer

app = App("privacy")

PROOF = (WrongPassword, CodeInvalid, SecondFactorInvalid, TooManyAttempts, AccountInUse)


@app.get("/account/export", produces=("application/json", "text/csv"))
def export_data(query: ExportQuery, caller: SignedIn) -> File:
    """All data we hold about you: profile, consents, orders, mails, sessions and audit trail."""
    file = export.export(caller.id, query)
    return File(file.content, file.content_type, file.filename)


@app.post("/account/delete", status=204, ends_session=True, problems=PROOF)
def delete(asked: Deletion, caller: SignedIn) -> None:
    """Delete your account for good, by your password or the code of `auth/confirm/code`, and your second factor.

    Records that tax law requires are kept without your name.
    """
    deletion.delete(caller, asked)


@app.get("/account/unsubscribe", anybody=True, problems=(LinkInvalid,))
def unsubscribe_page(link: UnsubscribeLink, tx: Transaction) -> HtmlPage:
    """The page of the unsubscribe link in a mail. It only asks for confirmation, so link scanners change nothing."""
    return HtmlPage(unsubscribe_links.page(marketing.language(tx, link), link.kind, is_done=False))


@app.post("/account/unsubscribe", anybody=True, problems=(LinkInvalid,))
def unsubscribe(link: UnsubscribeLink, tx: Transaction) -> HtmlPage:
    """End offers, or notices of sales, without signing in, by one click (RFC 8058). Idempotent."""
    return HtmlPage(unsubscribe_links.page(marketing.unsubscribe(tx, link), link.kind, is_done=True))


@app.get("/privacy/cookies", anybody=True)
def cookies() -> CookieList:
    """All cookies we set, with their purposes."""
    return COOKIES


@app.post("/privacy/cookies", status=201, problems=(ListChanged,))
def choose_cookies(choice: CookieChoice, visitor: Viewer, tx: Transaction) -> CookieConsent:
    """Store a visitor's cookie consent. Necessary cookies are always part of it."""
    return cookie_consents.choose(tx, visitor.id if visitor else None, choice)


main = app.entry_point()
