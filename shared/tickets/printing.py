"""The PDFs of tickets: printed from the rows, kept in Cloud Storage under names that nobody can guess (TS-020).

Printing again gives the same bytes under the same name, so a crash between storing a file and
remembering its name leaves nothing behind. Of whom has deleted their account nothing is stored (DP-002):
an organizer who asks is given a fresh print, which names nobody.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud import disposal, ownership, storage
from shared.cloud.database import Transaction, transaction
from shared.cloud.secrets import secret
from shared.cloud.settings import settings
from shared.identity.tokens import Principal
from shared.problems import NotFound, Problem
from shared.tickets import qr

_TICKETS = """
    SELECT t.id AS ticket_id, t.order_id, t.event_id, t.status, t.pdf_object, o.user_id, o.organizer_id, o.paid_at,
        u.is_deleted AS is_owner_deleted,
        e.title AS event_title, e.start_date, e.end_date, e.timezone, e.venue, e.location, e.terms,
        c.name AS tier_name, COALESCE(i.attendee_name, u.full_name) AS attendee_name,
        i.unit_price - i.discount + i.platform_fee AS price_paid, b.number AS bib_number
    FROM tickets t JOIN orders o ON o.id = t.order_id JOIN users u ON u.id = o.user_id
        JOIN events e ON e.id = t.event_id
        JOIN order_items i ON i.id = t.order_item_id JOIN ticket_tiers c ON c.id = i.tier_id
        LEFT JOIN bib_numbers b ON b.item_id = i.id
"""
_UNPRINTED = text(f"""{_TICKETS}
    WHERE t.order_id = :order_id AND t.status <> 'void' AND t.pdf_object IS NULL AND NOT u.is_deleted
    ORDER BY i.position
""")
_ONE = text(f"{_TICKETS} WHERE t.id = :ticket_id")
_PRINTED = text("""
    UPDATE tickets t SET pdf_object = :pdf_object FROM orders o JOIN users u ON u.id = o.user_id
    WHERE t.id = :ticket_id AND o.id = t.order_id AND t.pdf_object IS NULL AND NOT u.is_deleted
""")
_FORGET = text("""
    UPDATE tickets t SET pdf_object = NULL FROM orders o WHERE o.id = t.order_id AND o.user_id = :user_id
    RETURNING t.event_id, t.id
""")


@dataclass(frozen=True)
class Printed:
    """A ticket whose PDF is stored as `pdf_object`."""

    ticket_id: UUID
    pdf_object: str


@dataclass(frozen=True)
class TicketFile:
    """A ticket's PDF and the name to save it under."""

    content: bytes
    filename: str


class TicketVoid(Problem):
    """This ticket is no longer valid, because its order was refunded. Look at the order."""

    status, slug = 410, "ticket-void"


def print_missing(order_id: UUID) -> list[Printed]:
    """Print and store what an order's tickets lack. Takes its own time, so never call it in a transaction."""
    with transaction() as tx:
        rows = tx.execute(_UNPRINTED, {"order_id": order_id}).all()
    return [_store(row, _render(row)) for row in rows]


def remember(tx: Transaction, printed: Sequence[Printed]) -> None:
    """Note where these PDFs are."""
    for each in printed:
        tx.execute(_PRINTED, {"ticket_id": each.ticket_id, "pdf_object": each.pdf_object})


def forget(tx: Transaction, user_id: UUID) -> None:
    """Delete the PDFs of everything a person bought, remembered or not: their names are on them."""
    rows = tx.execute(_FORGET, {"user_id": user_id}).all()
    disposal.dispose(tx, settings().tickets_bucket, [_prefix(row.event_id, row.id) for row in rows])


def ticket_file(ticket_id: UUID, principal: Principal) -> TicketFile:
    """The PDF for the ticket's owner, its organizer or an admin, printed now if it never was (TS-019).

    Raises NotFound to anyone else, and TicketVoid. Opens its own transactions around the storage.
    """
    with transaction() as tx:
        row = tx.execute(_ONE, {"ticket_id": ticket_id}).first()
        if row is None or not _may_see(tx, principal, row):
            raise NotFound
    if row.status == "void":
        raise TicketVoid
    return TicketFile(_stored(row) or _print_now(row), f"tiket-{ticket_id}.pdf")


def _may_see(tx: Transaction, principal: Principal, row: Any) -> bool:
    return ownership.may_see(
        tx,
        principal,
        subject="ticket",
        subject_id=row.ticket_id,
        organizer_id=row.organizer_id,
        owner_id=row.user_id,
    )


def _stored(row: Any) -> bytes | None:
    return storage.get(settings().tickets_bucket, row.pdf_object) if row.pdf_object else None


def _print_now(row: Any) -> bytes:
    content = _render(row)
    if not row.is_owner_deleted:
        printed = _store(row, content)
        with transaction() as tx:
            remember(tx, [printed])
    return content


def _store(row: Any, content: bytes) -> Printed:
    name = _object_name(row.event_id, row.ticket_id)
    storage.put_once(settings().tickets_bucket, name, content, "application/pdf")
    return Printed(row.ticket_id, name)


def _object_name(event_id: UUID, ticket_id: UUID) -> str:
    unguessable = hmac.digest(secret(qr.KEY).encode(), b"pdf" + ticket_id.bytes, hashlib.sha256).hex()[:32]
    return f"{_prefix(event_id, ticket_id)}{unguessable}.pdf"


def _prefix(event_id: UUID, ticket_id: UUID) -> str:
    return f"{event_id}/{ticket_id}-"


def _render(row: Any) -> bytes:
    from shared.tickets import pdf  # a quarter second that webhook, checkout and sync need not spend at cold start

    return pdf.render(
        pdf.TicketPage(
            ticket_id=row.ticket_id,
            order_id=row.order_id,
            qr_text=qr.encode(qr.Claims(row.ticket_id, row.event_id, row.attendee_name)),
            event_title=row.event_title,
            starts_at=row.start_date,
            ends_at=row.end_date,
            timezone=row.timezone,
            venue=row.venue,
            location=row.location,
            tier_name=row.tier_name,
            attendee_name=row.attendee_name,
            bib_number=str(row.bib_number) if row.bib_number else None,
            price_paid=row.price_paid,
            terms=row.terms,
            paid_at=row.paid_at,
        )
    )
