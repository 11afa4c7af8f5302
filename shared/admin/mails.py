"""The mails, newest first: those that did not arrive, those that wait, and all whose content is kept."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from shared.admin import keyset_listings
from shared.admin.keyset_listings import KeysetListing, KeysetQuery
from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.cloud.logs import mask
from shared.identity.tokens import Principal
from shared.models import ResponseModel

MailFilter = Literal["undelivered", "queued", "all"]

_COLUMNS = """
    r.id, r.template, r.to_address, r.order_id, r.status, r.attempts, r.error_message, r.created_at, r.sent_at,
    r.status_at
"""
LISTS: Final = {
    "undelivered": keyset_listings.select(
        _COLUMNS,
        "emails",
        "status IN ('failed', 'bounced', 'dropped', 'spam_reported')",
        index="emails_undelivered",
    ),
    "queued": keyset_listings.select(_COLUMNS, "emails", "status = 'queued'", index="emails_queued"),
    "all": keyset_listings.select(_COLUMNS, "emails", "context <> '{}'", index="emails_context"),
}


class MailQuery(KeysetQuery):
    """The mails to list. `all` are those whose content is kept still."""

    status: MailFilter = "undelivered"


class ListedMail(ResponseModel):
    """A mail and its delivery; its address is masked."""

    id: UUID
    template: str
    to_address: str
    order_id: UUID | None
    status: str
    attempts: int
    error_message: str | None
    created_at: datetime
    sent_at: datetime | None
    status_at: datetime | None


def list_page(tx: Transaction, admin: Principal, wanted: MailQuery) -> KeysetListing[ListedMail]:
    """A page of the mails, newest first. The access is audited."""
    authorization.record_list_access(tx, admin, subject="email")
    page = KeysetListing[ListedMail].read(tx, LISTS[wanted.status], ListedMail, wanted)
    masked = [each.model_copy(update={"to_address": mask(each.to_address)}) for each in page.items]
    return page.model_copy(update={"items": masked})
