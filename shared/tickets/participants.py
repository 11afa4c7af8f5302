"""The organizer's list of participants: registrations with their BIB numbers, by category (REG-2).

Identity numbers are shown by their last four characters, to organizers as to everybody.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import Listing, PageQuery, ResponseModel
from shared.problems import NotFound
from shared.sales import ticket_mails
from shared.sales.registrations import mask
from shared.states import EmailStatus

_ORGANIZER = text("SELECT organizer_id FROM events WHERE id = :event_id")
_LIST = text(f"""
    SELECT i.id AS item_id, i.order_id, t.name AS tier_name, i.attendee_name, i.attendee_email, r.identity_ending,
        b.number AS bib_number, k.status AS ticket_status, ticket_mail.status AS ticket_mail_status
    FROM ticket_tiers t JOIN bib_numbers b ON b.tier_id = t.id JOIN order_items i ON i.id = b.item_id
        JOIN orders o ON o.id = i.order_id JOIN users u ON u.id = o.user_id
        LEFT JOIN registrations r ON r.item_id = i.id LEFT JOIN tickets k ON k.order_item_id = i.id
        {ticket_mails.STATUS_JOIN}
    WHERE t.event_id = :event_id
    ORDER BY t.position, t.id, b.number LIMIT :page_size OFFSET :offset
""")
_COUNT = text("SELECT count(*) FROM ticket_tiers t JOIN bib_numbers b ON b.tier_id = t.id WHERE t.event_id = :event_id")


class ParticipantResponse(ResponseModel):
    """A participant who has paid. `ticket_status` is void where the money went back: the number stays theirs.

    `ticket_mail_status`: what became of the last mail with their ticket (NS-008); `bounced`, `dropped` and
    `spam_reported` have not reached them.
    """

    item_id: UUID
    order_id: UUID
    tier_name: str
    bib_number: int
    attendee_name: str | None
    attendee_email: str | None
    identity_number: str | None
    ticket_status: str | None
    ticket_mail_status: EmailStatus | None


def list_page(tx: Transaction, caller: Principal, event_id: UUID, page: PageQuery) -> Listing[ParticipantResponse]:
    """An event's participants by category and BIB number; the access is audited.

    Raises NotFound for events of other organizers.
    """
    organizer_id = tx.execute(_ORGANIZER, {"event_id": event_id}).scalar()
    if organizer_id is None or not caller.may_act_for(organizer_id):
        raise NotFound
    authorization.record_list_access(tx, caller, subject="participants", subject_id=event_id, of_people=True)
    which = {"event_id": event_id}
    rows = tx.execute(_LIST, {**which, "page_size": page.page_size, "offset": page.offset}).mappings()
    return Listing[ParticipantResponse].of(
        page, [_response(row) for row in rows], tx.execute(_COUNT, which).scalar_one()
    )


def _response(row: Any) -> ParticipantResponse:
    return ParticipantResponse(**row, identity_number=mask(row["identity_ending"]))
