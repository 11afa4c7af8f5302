"""Authorization to see a ticket: its buyer, the account of its holder, its organizer and admins (ISO-1)."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.cloud import authorization
from shared.cloud.authorization import Caller
from shared.cloud.database import Transaction
from shared.problems import NotFound

# Uses indexes: tickets_pkey, users_email
_PARTIES = text("""
    SELECT t.order_id, o.user_id AS buyer_id, o.organizer_id,
        (SELECT h.id FROM users h
            WHERE h.email = lower(i.attendee_email) AND h.is_email_verified AND NOT h.is_deleted) AS holder_id
    FROM tickets t JOIN orders o ON o.id = t.order_id JOIN order_items i ON i.id = t.order_item_id
    WHERE t.id = :id
""")


@dataclass(frozen=True)
class TicketParties:
    """The people of a ticket. The holder's account is the one with the verified address of the attendee."""

    order_id: UUID
    buyer_id: UUID
    organizer_id: UUID
    holder_id: UUID | None

    def is_buyer(self, caller: Caller) -> bool:
        """True for the buyer."""
        return caller.id == self.buyer_id

    def is_holder_only(self, caller: Caller) -> bool:
        """True for the holder's account, unless it may see the ticket for another reason too."""
        may_control = caller.role == "admin" or caller.id in (self.buyer_id, self.organizer_id)
        return caller.id == self.holder_id and not may_control


def require_read_access(tx: Transaction, caller: Caller, ticket_id: UUID) -> TicketParties:
    """The parties of a ticket that the caller may see. Raises NotFound."""
    parties = _find(tx, ticket_id)
    if parties is None or not (parties.is_holder_only(caller) or _check(tx, caller, ticket_id, parties)):
        raise NotFound
    return parties


def require_change_access(tx: Transaction, caller: Caller, ticket_id: UUID) -> TicketParties:
    """The parties of a ticket that the caller may change, which its holder may not. Raises NotFound."""
    parties = _find(tx, ticket_id)
    if parties is None or not _check(tx, caller, ticket_id, parties):
        raise NotFound
    return parties


def _find(tx: Transaction, ticket_id: UUID) -> TicketParties | None:
    row = tx.execute(_PARTIES, {"id": ticket_id}).first()
    return TicketParties(**row._mapping) if row else None


def _check(tx: Transaction, caller: Caller, ticket_id: UUID, parties: TicketParties) -> bool:
    return authorization.check_access(
        tx,
        caller,
        subject="ticket",
        subject_id=ticket_id,
        organizer_id=parties.organizer_id,
        owner_id=parties.buyer_id,
    )
