"""The link in a mail about a bank account that stops it, and the page it leads to."""

from datetime import datetime
from uuid import UUID

from shared.cloud.settings import settings
from shared.identity import freeze_links
from shared.messages.rendering import render_page

PATH = "/api/v1/account/bank-account/freeze"


def url(account_id: UUID, set_at: datetime) -> str:
    """The page where an account's owner freezes it."""
    return f"{settings().public_url.rstrip('/')}{PATH}?token={freeze_links.token(account_id, set_at)}"


def page(language: str, *, is_done: bool) -> str:
    """The page of the link: a button, or a confirmation that it is done."""
    return render_page("freeze_bank_account", language, {"is_done": is_done})
