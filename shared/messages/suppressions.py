"""Addresses that get no more mails: their mailbox has refused one for good, or its owner has called one spam (NS-008).

    active    mails to the address are dropped before they reach the mail service
    lifted    the address was corrected, or an admin has lifted it: the next mail goes out, once the mail
              service's own list is cleared of the address

The table holds hashes of addresses. What bounced is tried again after 90 days (shared/privacy/retention.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.cloud.logs import mask
from shared.gateways.sendgrid.client import SuppressionList
from shared.identity.addresses import EmailAddress
from shared.messages.quotas import address_key
from shared.models import Listing, PageQuery, RequestModel, ResponseModel
from shared.problems import NotFound
from shared.states import SuppressionReason

LISTS: dict[SuppressionReason, SuppressionList] = {
    SuppressionReason.BOUNCED: "bounces",
    SuppressionReason.SPAM_REPORTED: "spam_reports",
}
"""The mail service's list of each reason."""

# A report of spam outweighs a bounce; what happened before an address was lifted says nothing about it now.
_ADD = text("""
    INSERT INTO mail_suppressions AS s (address_key, reason, email_id) VALUES (:key, :reason, :email_id)
    ON CONFLICT (address_key) DO UPDATE SET email_id = excluded.email_id, created_at = now(), lifted_at = NULL,
        reason = CASE WHEN s.lifted_at IS NULL AND s.reason = 'spam_reported' THEN s.reason ELSE excluded.reason END
    WHERE s.lifted_at IS NULL OR s.lifted_at < :happened_at
""")
_FIND = text("SELECT reason, lifted_at IS NULL AS is_active FROM mail_suppressions WHERE address_key = :key")
_LIFT = text("""
    UPDATE mail_suppressions SET lifted_at = now()
    WHERE address_key = ANY(:keys) AND lifted_at IS NULL AND reason = ANY(:reasons)
    RETURNING email_id
""")
_REMOVE_LIFTED = text("DELETE FROM mail_suppressions WHERE address_key = :key AND lifted_at IS NOT NULL")
_FORGET = text("DELETE FROM mail_suppressions WHERE address_key = :key")
_LIST = text("""
    SELECT s.reason, s.email_id, s.created_at, m.template, m.to_address
    FROM mail_suppressions s JOIN emails m ON m.id = s.email_id
    WHERE s.lifted_at IS NULL  -- Uses index: mail_suppressions_age
    ORDER BY s.created_at DESC, s.address_key LIMIT :page_size OFFSET :offset
""")
_COUNT = text("SELECT count(*) FROM mail_suppressions WHERE lifted_at IS NULL")


@dataclass(frozen=True)
class Suppression:
    """The suppression of an address; one that isn't active is lifted, and still known to the mail service."""

    reason: SuppressionReason
    is_active: bool


class LiftRequest(RequestModel):
    """The address that is to get mails again."""

    email: EmailAddress


class SuppressionResponse(ResponseModel):
    """An address that gets no mails, masked, with the mail that was refused."""

    address: str
    reason: SuppressionReason
    email_id: UUID
    template: str
    created_at: datetime


def add(tx: Transaction, address: str, reason: SuppressionReason, *, email_id: UUID, happened_at: datetime) -> None:
    """Send no more mails to an address, as one of them was refused at `happened_at`."""
    values = {"reason": reason, "email_id": email_id, "happened_at": happened_at}
    tx.execute(_ADD, {"key": address_key(address), **values})


def find(tx: Transaction, address: str) -> Suppression | None:
    """The suppression of an address, if there is one."""
    row = tx.execute(_FIND, {"key": address_key(address)}).first()
    return Suppression(SuppressionReason(row.reason), row.is_active) if row else None


def lift_bounces(tx: Transaction, addresses: Iterable[str]) -> None:
    """Try addresses again that mails have bounced from: somebody has just given them as right."""
    _lift(tx, addresses, [SuppressionReason.BOUNCED])


def lift(tx: Transaction, wanted: LiftRequest, *, by: UUID) -> None:
    """Try an address again, whatever the reason why it gets no mails. Raises NotFound."""
    email_ids = _lift(tx, [wanted.email], list(SuppressionReason))
    if not email_ids:
        raise NotFound
    audit.record(tx, "mail.suppression_lifted", subject="email", subject_id=email_ids[0], actor_id=by)


def _lift(tx: Transaction, addresses: Iterable[str], reasons: list[SuppressionReason]) -> list[UUID]:
    keys = [address_key(address) for address in addresses]
    return list(tx.execute(_LIFT, {"keys": keys, "reasons": reasons}).scalars())


def remove_lifted(tx: Transaction, address: str) -> None:
    """Forget a lifted suppression, which the mail service has forgotten too."""
    tx.execute(_REMOVE_LIFTED, {"key": address_key(address)})


def forget(tx: Transaction, address: str) -> None:
    """Forget what is known of an address whose account is deleted."""
    tx.execute(_FORGET, {"key": address_key(address)})


def listed(tx: Transaction, page: PageQuery) -> Listing[SuppressionResponse]:
    """The addresses that get no mails, the newest first."""
    rows = tx.execute(_LIST, {"page_size": page.page_size, "offset": page.offset}).mappings()
    items = [
        SuppressionResponse(
            **{name: value for name, value in row.items() if name != "to_address"}, address=mask(row["to_address"])
        )
        for row in rows
    ]
    return Listing[SuppressionResponse].of(page, items, tx.execute(_COUNT).scalar_one())
