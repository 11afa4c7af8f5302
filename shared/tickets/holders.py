"""Changes of a ticket's holder (NAME-1).

The buyer may until the organizer's deadline, the organizer until the ticket is used or the event is over.
A new name makes a new QR code, and the old one is void at once. So does a new address, for whoever reads the old one's
mail has the ticket, unless no mail with it has been enqueued.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.field_types import plain_line
from shared.identity.addresses import EmailAddress
from shared.identity.tokens import Principal
from shared.models import RequestModel, ResponseModel
from shared.problems import NotFound, Problem
from shared.sales import attendees, orders
from shared.sales.attendees import HolderChanged
from shared.states import TicketStatus
from shared.tickets import access, qr
from shared.tickets.ticket_rendering import TicketVoid
from shared.tickets.voiding import TicketUsed

_TICKET = """
    SELECT t.id, t.order_id, t.event_id, t.order_item_id AS item_id, t.status, t.revision, t.qr_issued_at,
        c.name AS tier_name,
        COALESCE(i.attendee_name, u.full_name) AS attendee_name, lower(i.attendee_email) AS attendee_email,
        COALESCE(lower(i.attendee_email), u.email) AS held_by,
        b.number AS bib_number, e.status = 'published' AND e.end_date > now() AS is_ahead,
        LEAST(e.name_change_deadline, e.start_date) > now() AS is_changeable, date_trunc('second', now()) AS renewed_at
    FROM tickets t JOIN order_items i ON i.id = t.order_item_id JOIN ticket_tiers c ON c.id = i.tier_id
        JOIN orders o ON o.id = t.order_id JOIN users u ON u.id = o.user_id JOIN events e ON e.id = t.event_id
        LEFT JOIN bib_numbers b ON b.item_id = i.id
    WHERE t.id = :id
"""
_READ = text(_TICKET)
_LOCK = text(f"{_TICKET} FOR NO KEY UPDATE OF t, i")
_IS_MAILED = text("""
    SELECT EXISTS (SELECT 1 FROM emails  -- Uses index: emails_to
        WHERE to_address = :holder AND order_id = :order_id AND template = 'e_ticket')
""")
_RENEW = text("""
    UPDATE tickets SET revision = :revision, qr_issued_at = :issued_at, qr_hash = :qr_hash,
        replaced_qr_hashes = replaced_qr_hashes || CAST(:replaced_qr_hash AS bytea)
    WHERE id = :id
""")


Notify = Callable[[Transaction, HolderChanged], None]
"""Tells of a change of holder whom it concerns, within its transaction."""


class HolderChange(RequestModel):
    """The new holder of a ticket."""

    name: Annotated[str, plain_line(255)]
    email: EmailAddress


class TicketResponse(ResponseModel):
    """A ticket and the text of its QR code. `status`: `valid`, `used` or `void`.

    `may_change_holder`: whether the caller may correct who holds it now. `is_buyer`: whether they bought it.
    """

    id: UUID
    order_id: UUID
    event_id: UUID
    item_id: UUID
    status: str
    qr: str | None
    attendee_name: str
    tier_name: str
    bib_number: int | None
    download_url: str
    may_change_holder: bool
    is_buyer: bool


class HolderChangeClosed(Problem):
    """The time to change who holds this ticket is over. Ask the organizer to correct it for you."""

    status, slug = 409, "holder-change-closed"


def read(tx: Transaction, caller: Principal, ticket_id: UUID) -> TicketResponse:
    """The ticket for its buyer, its holder's account, its organizer or an admin. Raises NotFound."""
    parties = access.require_read_access(tx, caller, ticket_id)
    ticket = tx.execute(_READ, {"id": ticket_id}).one()
    is_buyer = parties.is_buyer(caller)
    is_open = ticket.status == TicketStatus.ISSUED and _is_open(ticket, is_buyer=is_buyer)
    return _response(ticket, may_change_holder=is_open and not parties.is_holder_only(caller), is_buyer=is_buyer)


def read_of_event(tx: Transaction, caller: Principal, event_id: UUID, ticket_id: UUID) -> TicketResponse:
    """The ticket, if it is one of this event. Raises NotFound."""
    ticket = read(tx, caller, ticket_id)
    if ticket.event_id != event_id:
        raise NotFound
    return ticket


def change(tx: Transaction, caller: Principal, ticket_id: UUID, wanted: HolderChange, notify: Notify) -> None:
    """Correct who holds a ticket, and `notify` of it, unless that changes nothing.

    Raises NotFound, TicketVoid, TicketUsed, HolderChangeClosed, and what `notify` raises.
    """
    parties = access.require_change_access(tx, caller, ticket_id)
    orders.lock(tx, parties.order_id)
    ticket = tx.execute(_LOCK, {"id": ticket_id}).one()
    is_by_buyer = parties.is_buyer(caller)
    _require_changeable(ticket, is_buyer=is_by_buyer)
    is_moved = wanted.email != ticket.attendee_email
    if wanted.name == ticket.attendee_name and not is_moved:
        return
    is_renewed = wanted.name != ticket.attendee_name or (is_moved and _is_mailed(tx, ticket))
    attendees.set_attendee(tx, ticket.order_id, ticket.item_id, name=wanted.name, email=wanted.email)
    if is_renewed:
        _renew(tx, ticket, wanted.name)
    audit.record(
        tx,
        "ticket.holder_changed",
        subject="ticket",
        subject_id=ticket_id,
        actor_id=caller.id,
        is_renewed=is_renewed,
        is_address_changed=is_moved,
    )
    changed = HolderChanged(
        ticket_id,
        ticket.item_id,
        ticket.order_id,
        old_email=ticket.attendee_email,
        is_renewed=is_renewed,
        is_by_buyer=is_by_buyer,
    )
    notify(tx, changed)


def _renew(tx: Transaction, ticket: Any, name: str) -> None:
    """Give a locked ticket another QR code; the old one is void from now on."""
    old = _content(ticket)
    new = replace(old, attendee_name=name, revision=old.revision + 1, issued_at=ticket.renewed_at)
    values = {
        "id": ticket.id,
        "revision": new.revision,
        "issued_at": new.issued_at,
        "qr_hash": qr.short_hash(new),
        "replaced_qr_hash": qr.short_hash(old),
    }
    tx.execute(_RENEW, values)


def _content(ticket: Any) -> qr.QrContent:
    return qr.QrContent(ticket.id, ticket.event_id, ticket.attendee_name, ticket.revision, ticket.qr_issued_at)


def _is_mailed(tx: Transaction, ticket: Any) -> bool:
    found: bool = tx.execute(_IS_MAILED, {"holder": ticket.held_by, "order_id": ticket.order_id}).scalar_one()
    return found


def _require_changeable(ticket: Any, *, is_buyer: bool) -> None:
    if ticket.status == TicketStatus.VOID:
        raise TicketVoid
    if ticket.status == TicketStatus.USED:
        raise TicketUsed(ticket_ids=[str(ticket.id)])
    if not _is_open(ticket, is_buyer=is_buyer):
        raise HolderChangeClosed


def _is_open(ticket: Any, *, is_buyer: bool) -> bool:
    """True while the time for corrections lasts."""
    return bool(ticket.is_ahead and (ticket.is_changeable or not is_buyer))


def _response(ticket: Any, *, may_change_holder: bool, is_buyer: bool) -> TicketResponse:
    return TicketResponse(
        id=ticket.id,
        order_id=ticket.order_id,
        event_id=ticket.event_id,
        item_id=ticket.item_id,
        status="valid" if ticket.status == TicketStatus.ISSUED else ticket.status,
        qr=None if ticket.status == TicketStatus.VOID else qr.encode(_content(ticket)),
        attendee_name=ticket.attendee_name,
        tier_name=ticket.tier_name,
        bib_number=ticket.bib_number,
        download_url=f"/api/v1/tickets/{ticket.id}/download",
        may_change_holder=may_change_holder,
        is_buyer=is_buyer,
    )
