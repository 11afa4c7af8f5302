"""The facts that a ticket shows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class TicketContent:
    """The content of a ticket's page. Times are UTC and shown in `timezone`; `price_paid` is rupiah, fee included.

    `name_instead` stands for a name that can't be read, `terms_url` is where the whole terms are.
    """

    ticket_id: UUID
    order_id: UUID
    qr_text: str
    event_title: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    venue: str | None
    location: str
    tier_name: str
    attendee_name: str
    bib_number: str | None
    price_paid: int
    terms: str
    paid_at: datetime
    name_instead: str = "Peserta"
    terms_url: str = ""
    allows_reentry: bool = False
