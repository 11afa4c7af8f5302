"""A ticket for its buyer and its holder, and an event's participants."""

from uuid import UUID

from shared.messages import mails
from shared.messages.quotas import TooManyMails
from shared.models import Listing, PageQuery
from shared.problems import NotFound
from shared.tickets import holders, participants, ticket_rendering
from shared.tickets.holders import HolderChange, HolderChangeClosed, TicketResponse
from shared.tickets.participants import ParticipantResponse
from shared.tickets.ticket_rendering import TicketVoid
from shared.tickets.voiding import TicketUsed
from shared.web import App, File, Organizer, SignedIn, SignedInOrSteppedUpAdmin, Transaction

routes = App("tickets")


@routes.get("/tickets/{ticket_id}", problems=(NotFound,))
def ticket(ticket_id: UUID, caller: SignedIn, tx: Transaction) -> TicketResponse:
    """The ticket and the text of its QR code, for its buyer, its holder's account, its organizer or an admin."""
    return holders.read(tx, caller, ticket_id)


@routes.put(
    "/tickets/{ticket_id}/holder", problems=(NotFound, TicketVoid, TicketUsed, HolderChangeClosed, TooManyMails)
)
def change_holder(
    ticket_id: UUID, wanted: HolderChange, caller: SignedInOrSteppedUpAdmin, tx: Transaction
) -> TicketResponse:
    """Change the holder of a ticket, and mail it to them. It gets a new QR code; the old one is void at once."""
    holders.change(tx, caller, ticket_id, wanted, mails.enqueue_holder_changed)
    return holders.read(tx, caller, ticket_id)


@routes.get("/tickets/{ticket_id}/download", problems=(NotFound, TicketVoid))
def download(ticket_id: UUID, caller: SignedIn) -> File:
    """The ticket as a PDF, for its buyer, its holder's account, its organizer or an admin."""
    return ticket_rendering.ticket_file(ticket_id, caller)


@routes.get("/events/{event_id}/participants", problems=(NotFound,))
def list_participants(
    event_id: UUID, page: PageQuery, organizer: Organizer, tx: Transaction
) -> Listing[ParticipantResponse]:
    """The participants of your event, by category and BIB number."""
    return participants.list_page(tx, organizer, event_id, page)
