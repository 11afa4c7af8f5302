"""The PDFs of tickets: rendered from the rows, kept in Cloud Storage under names that nobody can guess (TS-020).

A file's name holds a keyed hash of the rendered content, so a stored PDF is known to be current without
being read, and one that says what is no longer true is rendered anew when it is next requested. The rest of the name
comes from the file it replaces: a crash between storing a file and noting its name leaves nothing behind, and no
name is ever used twice. Nothing is stored of people who have deleted their account (DP-002): an organizer who asks is
given a fresh PDF, which names nobody.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import text

from shared.cloud import object_deletion, storage
from shared.cloud.database import Transaction, autocommit, transaction
from shared.cloud.secrets import secret
from shared.cloud.settings import settings
from shared.identity.tokens import Principal
from shared.models import File
from shared.problems import Problem
from shared.states import TicketStatus
from shared.tickets import access, qr
from shared.tickets.ticket_content import TicketContent

LAYOUT: Final = 1
"""Raise it and every stored PDF is rendered anew when it is next requested."""

_PDF: Final = "application/pdf"

TICKETS = """
    SELECT t.id AS ticket_id, t.order_id, t.event_id, t.status, t.revision, t.qr_issued_at, t.pdf_object,
        o.user_id, o.organizer_id, o.paid_at, u.is_deleted AS is_owner_deleted,
        e.title AS event_title, e.start_date, e.end_date, e.timezone, e.venue, e.location, e.terms, e.slug,
        e.allows_reentry,
        c.name AS tier_name, COALESCE(i.attendee_name, u.full_name) AS attendee_name,
        i.attendee_email, i.position, i.unit_price - i.discount + i.platform_fee AS price_paid, b.number AS bib_number
    FROM tickets t JOIN orders o ON o.id = t.order_id JOIN users u ON u.id = o.user_id
        JOIN events e ON e.id = t.event_id
        JOIN order_items i ON i.id = t.order_item_id JOIN ticket_tiers c ON c.id = i.tier_id
        LEFT JOIN bib_numbers b ON b.item_id = i.id
"""
"""Selects of tickets, `t`, all that their PDFs show."""
_ONE = text(f"{TICKETS} WHERE t.id = :ticket_id")
_RECORD = text("""
    UPDATE tickets t SET pdf_object = r.pdf_object, print_claimed_until = NULL
    FROM unnest(CAST(:ticket_ids AS uuid[]), CAST(:pdf_objects AS text[]), CAST(:replaced AS text[]))
            AS r (ticket_id, pdf_object, replaces),
        orders o JOIN users u ON u.id = o.user_id
    WHERE t.id = r.ticket_id AND o.id = t.order_id AND t.pdf_object IS NOT DISTINCT FROM r.replaces AND NOT u.is_deleted
    RETURNING t.id
""")
_PDF_OBJECTS = text("SELECT id, pdf_object FROM tickets WHERE id = ANY(:ticket_ids)")
_FORGET = text("""
    UPDATE tickets t SET pdf_object = NULL FROM orders o WHERE o.id = t.order_id AND o.user_id = :user_id
    RETURNING t.event_id, t.id
""")


class TicketRow(Protocol):
    """A row of TICKETS."""

    ticket_id: UUID
    order_id: UUID
    event_id: UUID
    status: str
    revision: int
    qr_issued_at: datetime | None
    pdf_object: str | None
    paid_at: datetime
    is_owner_deleted: bool
    event_title: str
    start_date: datetime
    end_date: datetime
    timezone: str
    venue: str
    location: str
    terms: str
    slug: str
    allows_reentry: bool
    tier_name: str
    attendee_name: str
    attendee_email: str | None
    position: int
    price_paid: int
    bib_number: int | None


@dataclass(frozen=True)
class RenderedTicket:
    """A ticket whose PDF is stored as `pdf_object`, in place of the file `replaces`."""

    ticket_id: UUID
    pdf_object: str
    replaces: str | None = None


class TicketVoid(Problem):
    """This ticket is no longer valid, because its order was refunded. Look at the order."""

    status, slug = 410, "ticket-void"


def render_and_store(row: TicketRow) -> RenderedTicket:
    """Render and store the PDF of a ticket. It takes its time: no transaction may be open."""
    page = _page(row)
    return _store(row, page, _render(page))


def record_rendered(tx: Transaction, rendered: Sequence[RenderedTicket]) -> None:
    """Record where these PDFs are stored, and delete the files that they replace."""
    if not rendered:
        return
    values = {
        "ticket_ids": [each.ticket_id for each in rendered],
        "pdf_objects": [each.pdf_object for each in rendered],
        "replaced": [each.replaces for each in rendered],
    }
    recorded = set(tx.execute(_RECORD, values).scalars())
    stale = [each.replaces for each in rendered if each.ticket_id in recorded and each.replaces]
    late = [each for each in rendered if each.ticket_id not in recorded]
    object_deletion.schedule_deletion(tx, settings().tickets_bucket, stale + _unwanted(tx, late))


def _unwanted(tx: Transaction, late: Sequence[RenderedTicket]) -> list[str]:
    """The files that came too late, but for those where another delivery has rendered the same."""
    if not late:
        return []
    current = {row.id: row.pdf_object for row in tx.execute(_PDF_OBJECTS, {"ticket_ids": [e.ticket_id for e in late]})}
    return [each.pdf_object for each in late if current.get(each.ticket_id) != each.pdf_object]


def delete_pdfs(tx: Transaction, user_id: UUID) -> None:
    """Delete the PDFs of all tickets of a person, recorded or not: their names are on them."""
    rows = tx.execute(_FORGET, {"user_id": user_id}).all()
    object_deletion.delete_after_commit(tx, settings().tickets_bucket, [_prefix(row.event_id, row.id) for row in rows])


def ticket_file(ticket_id: UUID, principal: Principal) -> File:
    """The PDF for the ticket's buyer, its holder's account, its organizer or an admin (TS-019).

    It is rendered now where the stored one is out of date. Raises NotFound to anyone else, and TicketVoid. Opens its
    own transactions around the storage.
    """
    with transaction() as tx:
        access.require_read_access(tx, principal, ticket_id)
        row = tx.execute(_ONE, {"ticket_id": ticket_id}).one()
    if row.status == TicketStatus.VOID:
        raise TicketVoid
    return File(_stored(row) or _render_now(row), _PDF, f"tiket-{ticket_id}.pdf")


def current_pdf(ticket_id: UUID) -> bytes | None:
    """A ticket's current PDF, for its known holder; None for a void ticket.

    Opens its own transactions around the storage.
    """
    with autocommit() as tx:
        row = tx.execute(_ONE, {"ticket_id": ticket_id}).one()
    return None if row.status == TicketStatus.VOID else _stored(row) or _render_now(row)


def _stored(row: TicketRow) -> bytes | None:
    """The stored PDF if it is current."""
    if not row.pdf_object or not row.pdf_object.startswith(_name_by_content(row, _page(row))):
        return None
    return storage.get(settings().tickets_bucket, row.pdf_object)


def _render_now(row: TicketRow) -> bytes:
    page = _page(row)
    content = _render(page)
    if not row.is_owner_deleted:
        rendered = _store(row, page, content)
        with transaction() as tx:
            record_rendered(tx, [rendered])
    return content


def _store(row: TicketRow, page: TicketContent, content: bytes) -> RenderedTicket:
    name = _object_name(row, page)
    storage.put_once(settings().tickets_bucket, name, content, _PDF)
    return RenderedTicket(row.ticket_id, name, replaces=row.pdf_object)


def _object_name(row: TicketRow, page: TicketContent) -> str:
    """The name of the PDF to store; that of the stored file, where that is current but lost."""
    beginning = _name_by_content(row, page)
    if row.pdf_object and row.pdf_object.startswith(beginning):
        return row.pdf_object
    return f"{beginning}{_keyed(row.ticket_id, 'replaces', row.pdf_object or '')}.pdf"


def _name_by_content(row: TicketRow, page: TicketContent) -> str:
    """The prefix of the names of an item's PDFs."""
    shown = dict(vars(page))
    if not page.allows_reentry:  # as if there were no such field: what was stored before there was one stays current
        del shown["allows_reentry"]
    content = json.dumps([LAYOUT, shown], default=str)
    return _prefix(row.event_id, row.ticket_id) + _keyed(row.ticket_id, "facts", content)


def _keyed(ticket_id: UUID, purpose: str, content: str) -> str:
    """64 bits that nobody can compute without the key."""
    message = f"pdf {purpose} {ticket_id} {content}"
    return hmac.digest(secret(qr.KEY).encode(), message.encode(), hashlib.sha256).hex()[:16]


def _prefix(event_id: UUID, ticket_id: UUID) -> str:
    return f"{event_id}/{ticket_id}-"


def _render(page: TicketContent) -> bytes:
    from shared.tickets import pdf  # a quarter second that webhook, checkout and sync need not spend at cold start

    return pdf.render(page)


def _page(row: TicketRow) -> TicketContent:
    return TicketContent(
        ticket_id=row.ticket_id,
        order_id=row.order_id,
        qr_text=qr.encode(qr.QrContent(row.ticket_id, row.event_id, row.attendee_name, row.revision, row.qr_issued_at)),
        event_title=row.event_title,
        starts_at=row.start_date.astimezone(UTC),
        ends_at=row.end_date.astimezone(UTC),
        timezone=row.timezone,
        venue=row.venue,
        location=row.location,
        tier_name=row.tier_name,
        attendee_name=row.attendee_name,
        bib_number=str(row.bib_number) if row.bib_number else None,
        price_paid=row.price_paid,
        terms=row.terms,
        paid_at=row.paid_at.astimezone(UTC),
        name_instead=_name_instead(row.attendee_email, row.position),
        terms_url=f"{settings().public_url.rstrip('/')}/events/{row.slug}",
        allows_reentry=row.allows_reentry,
    )


def _name_instead(email: str | None, position: int) -> str:
    """A name to show for an attendee whose name is all emoji: the local part of their address, or a number."""
    return email.partition("@")[0] if email else f"Peserta {position}"
