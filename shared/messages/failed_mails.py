"""Mails that could not be sent and wait for a person, as admins see them (PS-024)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, text

from shared.cloud.database import Transaction
from shared.cloud.logs import mask
from shared.messages.sending import IS_SENDABLE_AGAIN, KEPT, NotSendable
from shared.models import Listing, PageQuery, ResponseModel
from shared.problems import NotFound

_COLUMNS = "m.id, m.template, m.to_address, m.attempts, m.error_message, m.order_id, m.created_at"
_ONE = text(f"SELECT {_COLUMNS}, {IS_SENDABLE_AGAIN} AS is_sendable FROM emails m WHERE m.id = :id")
_TO_LOOK_AT = """
    FROM manual_tasks t JOIN emails m ON CAST(m.id AS text) = t.subject_id  -- Uses index: one_open_manual_task
    WHERE t.kind = 'mail_failed' AND t.done_at IS NULL
"""
_LIST = text(f"SELECT {_COLUMNS} {_TO_LOOK_AT} ORDER BY t.created_at, t.id LIMIT :page_size OFFSET :offset")
_COUNT = text(f"SELECT count(*) {_TO_LOOK_AT}")


class FailedMail(ResponseModel):
    """A mail that could not be sent, its address masked."""

    id: UUID
    template: str
    address: str
    attempts: int
    error_message: str | None
    order_id: UUID | None
    created_at: datetime


def find(tx: Transaction, email_id: UUID) -> FailedMail:
    """A mail that failed and can be sent again. Raises NotFound, NotSendable."""
    row = tx.execute(_ONE, {"id": email_id, **KEPT}).mappings().first()
    if row is None:
        raise NotFound
    if not row["is_sendable"]:
        raise NotSendable
    return _failed_mail(row)


def list_page(tx: Transaction, page: PageQuery) -> Listing[FailedMail]:
    """The mails whose manual task is open, oldest first."""
    rows = tx.execute(_LIST, {"page_size": page.page_size, "offset": page.offset}).mappings()
    total: int = tx.execute(_COUNT).scalar_one()
    return Listing[FailedMail].of(page, [_failed_mail(row) for row in rows], total)


def _failed_mail(row: RowMapping) -> FailedMail:
    shown = {name: row[name] for name in FailedMail.model_fields if name != "address"}
    return FailedMail(**shown, address=mask(row["to_address"]))
