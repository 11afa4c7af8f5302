"""Consent to mails and cookies."""

from shared.identity import marketing
from shared.identity.marketing import LinkInvalid, UnsubscribeLink
from shared.messages import unsubscribe_links
from shared.privacy import cookie_consents
from shared.privacy.cookie_consents import COOKIES, CookieChoice, CookieConsent, CookieList, ListChanged
from shared.web import App, HtmlPage, Transaction, Viewer

routes = App("privacy")


@routes.get("/account/unsubscribe", anybody=True, problems=(LinkInvalid,))
def unsubscribe_page(link: UnsubscribeLink, tx: Transaction) -> HtmlPage:
    """The page of the unsubscribe link in a mail. It only asks for confirmation, so link scanners change nothing."""
    return HtmlPage(unsubscribe_links.page(marketing.language(tx, link), link.kind, is_done=False))


@routes.post("/account/unsubscribe", anybody=True, problems=(LinkInvalid,))
def unsubscribe(link: UnsubscribeLink, tx: Transaction) -> HtmlPage:
    """End offers, or notices of sales, without signing in, by one click (RFC 8058). Idempotent."""
    return HtmlPage(unsubscribe_links.page(marketing.unsubscribe(tx, link), link.kind, is_done=True))


@routes.get("/privacy/cookies", anybody=True)
def cookies() -> CookieList:
    """All cookies we set, with their purposes."""
    return COOKIES


@routes.post("/privacy/cookies", status=201, problems=(ListChanged,))
def choose_cookies(choice: CookieChoice, visitor: Viewer, tx: Transaction) -> CookieConsent:
    """Store a visitor's cookie consent. Necessary cookies are always part of it."""
    return cookie_consents.choose(tx, visitor.id if visitor else None, choice)
