"""Suppressed addresses: their mailbox has refused a mail for good, or its owner has reported one as spam (NS-008).

    active    mails to the address are dropped before they reach the mail service
    lifted    the address was corrected, its owner or an admin has lifted it, or a code is asked for a day after it
              bounced: the next mail goes out, once the mail service's own list is cleared of the address

The table holds hashes of addresses. What bounced is tried again after 90 days (shared/privacy/retention.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.cloud.logs import mask
from shared.gateways.sendgrid.client import SuppressionList
from shared.identity.addresses import EmailAddress
from shared.models import Listing, PageQuery, RequestModel, ResponseModel
from shared.problems import NotFound
from shared.states import SuppressionReason

LISTS: dict[SuppressionReason, SuppressionList] = {
    SuppressionReason.BOUNCED: "bounces",
    SuppressionReason.SPAM_REPORTED: "spam_reports",
}
"""The mail service's list of each reason."""

BOUNCE_PAUSE = timedelta(days=1)
"""How long an address that bounced is left alone, also where somebody asks for a code to it."""


def key_sql(address: str) -> str:
    """SQL for the key under which the suppression of `address`, an expression, is kept."""
    return f"encode(sha256(convert_to({address}, 'UTF8')), 'hex')"


_KEY = key_sql(":address")

# A report of spam outweighs a bounce; what happened before an address was lifted says nothing about it now.
_ADD = text(f"""
    INSERT INTO mail_suppressions AS s (address_key, reason, email_id) VALUES ({_KEY}, :reason, :email_id)
    ON CONFLICT (address_key) DO UPDATE SET email_id = excluded.email_id, created_at = now(), lifted_at = NULL,
        reason = CASE WHEN s.lifted_at IS NULL AND s.reason = 'spam_reported' THEN s.reason ELSE excluded.reason END
    WHERE s.lifted_at IS NULL OR s.lifted_at < :happened_at
""")
_FIND = text(f"SELECT reason, lifted_at IS NULL AS is_active FROM mail_suppressions WHERE address_key = {_KEY}")
_LIFT = text(f"""
    UPDATE mail_suppressions SET lifted_at = now()
    WHERE address_key = {_KEY} AND lifted_at IS NULL AND reason = ANY(:reasons)
    RETURNING email_id
""")
_LIFT_OLD_BOUNCE = text(f"""
    UPDATE mail_suppressions SET lifted_at = now()
    WHERE address_key = {_KEY} AND lifted_at IS NULL AND reason = 'bounced'
        AND created_at <= now() - CAST(:pause AS interval)
""")
_REMOVE_LIFTED = text(f"DELETE FROM mail_suppressions WHERE address_key = {_KEY} AND lifted_at IS NOT NULL")
_FORGET = text(f"DELETE FROM mail_suppressions WHERE address_key = {_KEY}")
_LIST = text("""
    SELECT s.reason, s.email_id, s.created_at, m.template, m.to_address
    FROM mail_suppressions s JOIN emails m ON m.id = s.email_id
    WHERE s.lifted_at IS NULL  -- Uses index: mail_suppressions_age
    ORDER BY s.created_at DESC, s.address_key LIMIT :page_size OFFSET :offset
""")
_ADDRESS = text("SELECT to_address FROM emails WHERE id = :email_id")
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
    tx.execute(_ADD, {"address": address, **values})


def find(tx: Transaction, address: str) -> Suppression | None:
    """The suppression of an address, if there is one."""
    row = tx.execute(_FIND, {"address": address}).first()
    return Suppression(SuppressionReason(row.reason), row.is_active) if row else None


def lift_bounce(tx: Transaction, address: str) -> None:
    """Try an address again that a mail has bounced from: somebody has just given it as right."""
    tx.execute(_LIFT, {"address": address, "reasons": [SuppressionReason.BOUNCED]})


def retry_bounce(tx: Transaction, address: str) -> None:
    """Try an address again that bounced a day ago or earlier: somebody asks for a code, and a mailbox may be back."""
    tx.execute(_LIFT_OLD_BOUNCE, {"address": address, "pause": BOUNCE_PAUSE})


def lift(tx: Transaction, wanted: LiftRequest, *, by: UUID) -> None:
    """Try an address again, whatever the reason why it gets no mails. Raises NotFound."""
    lifted = tx.execute(_LIFT, {"address": wanted.email, "reasons": list(SuppressionReason)}).first()
    if lifted is None:
        raise NotFound
    audit.record(tx, "mail.suppression_lifted", subject="email", subject_id=lifted.email_id, actor_id=by)


def address_of(tx: Transaction, email_id: UUID) -> str:
    """The address that refused a mail and gets none any more. Raises NotFound."""
    address: str | None = tx.execute(_ADDRESS, {"email_id": email_id}).scalar()
    suppression = find(tx, address) if address else None
    if address is None or suppression is None or not suppression.is_active:
        raise NotFound
    return address


def remove_lifted(tx: Transaction, address: str) -> None:
    """Delete a lifted suppression, which the mail service has deleted too."""
    tx.execute(_REMOVE_LIFTED, {"address": address})


def delete(tx: Transaction, address: str) -> None:
    """Delete the suppression of an address whose account is deleted."""
    tx.execute(_FORGET, {"address": address})


def list_page(tx: Transaction, page: PageQuery) -> Listing[SuppressionResponse]:
    """The addresses that get no mails, the newest first."""
    rows = tx.execute(_LIST, {"page_size": page.page_size, "offset": page.offset}).mappings()
    items = [
        SuppressionResponse(
            **{name: value for name, value in row.items() if name != "to_address"}, address=mask(row["to_address"])
        )
        for row in rows
    ]
    return Listing[SuppressionResponse].of(page, items, tx.execute(_COUNT).scalar_one())
