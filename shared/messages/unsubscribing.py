"""Mails that nobody needs: offers, to who asked for them, and notices of sales, each with a way out (DP-005, RFC 8058).

A mail of this kind takes `unsubscribe_context` or `sales_context` into its context (template_context). Its footer then
has the link, and its headers let mail programs show a button of their own. Mails about an order or an account have
neither.
"""

from uuid import UUID

from shared.cloud.database import Transaction
from shared.cloud.settings import settings
from shared.identity import marketing
from shared.identity.marketing import MailKind
from shared.messages.rendering import render_page

PATH = "/api/v1/account/unsubscribe"


class NoConsent(Exception):
    """The reader does not want such mails, or not any more."""


def unsubscribe_context(tx: Transaction, address: str) -> dict[str, str]:
    """The facts that make a mail to `address` one that can be ended. Raises NoConsent: don't send it."""
    user_id = marketing.consenting_account(tx, address)
    if user_id is None:
        raise NoConsent
    return _context(user_id, MailKind.OFFERS)


def sales_context(organizer_id: UUID) -> dict[str, str]:
    """The facts that make a notice of sales one that its organizer can end."""
    return _context(organizer_id, MailKind.SALES)


def _context(user_id: UUID, kind: MailKind) -> dict[str, str]:
    named = "" if kind == MailKind.OFFERS else f"kind={kind}&"
    link = f"{settings().public_url.rstrip('/')}{PATH}?{named}token={marketing.token(user_id, kind)}"
    return {"unsubscribe_url": link, "unsubscribe_kind": kind}


def headers(url: str) -> dict[str, str]:
    """The headers of a mail that this link ends."""
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def page(language: str, kind: MailKind, *, is_done: bool) -> str:
    """The page of the link: a button, or a confirmation that it is done."""
    return render_page("unsubscribe", language, {"is_done": is_done, "kind": kind})
