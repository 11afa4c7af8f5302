"""The delivery status of ticket mails, shown with orders and attendees (NS-008)."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.states import EmailStatus

STATUS_JOIN = """
    LEFT JOIN LATERAL (
        SELECT m.status FROM emails m  -- Uses index: emails_order
        WHERE m.order_id = i.order_id AND m.template = 'e_ticket'
            AND m.to_address = COALESCE(lower(i.attendee_email), u.email)
        ORDER BY m.created_at DESC LIMIT 1
    ) AS ticket_mail ON true
"""
"""Joins `ticket_mail.status`, of the last mail to whom order item `i` names, or else to its buyer `u`."""

UNDELIVERED = (EmailStatus.DROPPED, EmailStatus.BOUNCED, EmailStatus.SPAM_REPORTED)
"""The states of a mail that did not reach its reader, or was reported as spam."""

_STATUSES = text(f"""
    SELECT i.id, ticket_mail.status
    FROM order_items i JOIN orders o ON o.id = i.order_id JOIN users u ON u.id = o.user_id {STATUS_JOIN}
    WHERE i.id = ANY(:item_ids) AND ticket_mail.status IS NOT NULL
""")


def statuses(tx: Transaction, item_ids: Sequence[UUID]) -> dict[UUID, EmailStatus]:
    """The status of the last ticket mail of each item; items without a mail are left out."""
    rows = tx.execute(_STATUSES, {"item_ids": list(item_ids)})
    return {row.id: EmailStatus(row.status) for row in rows}
