"""Tickets that others bought for a person: of their account, and gone from it when it is deleted (DP-001, DP-002).

They are found by the mails that the person got about them, as nothing else leads from an address to orders of others.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.sales import attendees

_ITEMS: Final = """
    SELECT DISTINCT i.id FROM users u
        JOIN emails m ON m.to_address = u.email  -- Uses index: emails_to
        JOIN orders o ON o.id = m.order_id AND o.user_id <> u.id
        JOIN order_items i ON i.order_id = o.id AND lower(i.attendee_email) = u.email
    WHERE u.id = :id
"""
READ: Final = text(f"""
    SELECT i.id AS item_id, o.event_id, e.title AS event_title, e.start_date AS event_start_date, c.name AS tier_name,
        i.attendee_name, i.attendee_email, i.returned_at, t.id AS ticket_id, t.status, t.validated_at, t.gate,
        r.identity_ending AS identity_number_ending, b.number AS bib_number
    FROM order_items i JOIN orders o ON o.id = i.order_id JOIN events e ON e.id = o.event_id
        JOIN ticket_tiers c ON c.id = i.tier_id LEFT JOIN tickets t ON t.order_item_id = i.id
        LEFT JOIN registrations r ON r.item_id = i.id LEFT JOIN bib_numbers b ON b.item_id = i.id
    WHERE i.id IN ({_ITEMS}) ORDER BY o.created_at, o.id, i.position
""")
"""The tickets of a person that others bought, without anything else of these orders."""


def forget_address(tx: Transaction, user_id: UUID) -> None:
    """Take a person's address off tickets that others bought, whose buyers hold them from now on.

    The name stays, as the buyer wrote it. Call it before the person's mails are anonymised.
    """
    attendees.forget_addresses(tx, tx.execute(text(_ITEMS), {"id": user_id}).scalars().all())
