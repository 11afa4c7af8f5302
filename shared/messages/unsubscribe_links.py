"""Unsubscribe links of optional mails, and the page that they lead to (DP-005, NOTIFY-1, RFC 8058).

The footer of an optional mail has the link, and its headers let mail programs show a button of their own. Mails about
an order or an account have neither.
"""

from uuid import UUID

from shared.cloud.settings import settings
from shared.identity import marketing
from shared.identity.marketing import MailKind
from shared.messages.rendering import render_page

PATH = "/api/v1/account/unsubscribe"


def context(user_id: UUID, kind: MailKind) -> dict[str, str]:
    """The template context of a mail of a kind that the account can end."""
    link = f"{settings().public_url.rstrip('/')}{PATH}?kind={kind}&token={marketing.token(user_id, kind)}"
    return {"unsubscribe_url": link, "unsubscribe_kind": kind}


def headers(url: str) -> dict[str, str]:
    """The headers of a mail with this unsubscribe link."""
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def page(language: str, kind: MailKind, *, is_done: bool) -> str:
    """The page of the link: a button, or a confirmation that it is done."""
    return render_page("unsubscribe", language, {"is_done": is_done, "kind": kind})
