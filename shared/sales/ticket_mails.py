"""What became of the mail with a ticket, for those who read orders and attendees (NS-008)."""

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
"""The states of a mail that its reader does not have, or does not want."""
