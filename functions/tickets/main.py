"""Tickets and pickups, for holders, gates and counters (TS-019, GATE, PROD-1)."""

from uuid import UUID

from shared.messages import mails
from shared.messages.quotas import TooManyMails
from shared.models import Listing, PageQuery
from shared.problems import NotFound
from shared.tickets import gate, holders, participants, pickups, ticket_rendering
from shared.tickets.admission import ReentryNotAllowed
from shared.tickets.gate import NotUsed, Scan, ScanResponse, ScanUndone, Undo
from shared.tickets.holders import HolderChange, HolderChangeClosed, TicketResponse
from shared.tickets.participants import ParticipantResponse
from shared.tickets.pickups import NotPickedUp, PickupResponse, PickupScan, PickupUndone
from shared.tickets.scan_records import ScanIdReused
from shared.tickets.ticket_rendering import TicketVoid
from shared.tickets.voiding import TicketUsed
from shared.web import GATE, App, File, GateStaff, Organizer, SignedIn, SignedInOrSteppedUpAdmin, Transaction

app = App("tickets")


@app.get("/tickets/{ticket_id}", problems=(NotFound,))
def ticket(ticket_id: UUID, caller: SignedIn, tx: Transaction) -> TicketResponse:
    """The ticket and the text of its QR code, for its buyer, its holder's account, its organizer or an admin."""
    return holders.read(tx, caller, ticket_id)


@app.put("/tickets/{ticket_id}/holder", problems=(NotFound, TicketVoid, TicketUsed, HolderChangeClosed, TooManyMails))
def change_holder(
    ticket_id: UUID, wanted: HolderChange, caller: SignedInOrSteppedUpAdmin, tx: Transaction
) -> TicketResponse:
    """Change the holder of a ticket, and mail it to them. It gets a new QR code; the old one is void at once."""
    holders.change(tx, caller, ticket_id, wanted, mails.enqueue_holder_changed)
    return holders.read(tx, caller, ticket_id)


@app.get("/tickets/{ticket_id}/download", problems=(NotFound, TicketVoid))
def download(ticket_id: UUID, caller: SignedIn) -> File:
    """The ticket as a PDF, for its buyer, its holder's account, its organizer or an admin."""
    found = ticket_rendering.ticket_file(ticket_id, caller)
    return File(found.content, "application/pdf", found.filename)


@app.post("/tickets/{ticket_id}/validate", limit=GATE, problems=(NotFound, ScanIdReused, ReentryNotAllowed))
def validate(ticket_id: UUID, scanned: Scan, staff: GateStaff, tx: Transaction) -> ScanResponse:
    """Scan this ticket at a gate: it admits its holder once, within the hours of the gate.

    The same `scan_id` gets the same answer, as in each scan.
    """
    return gate.scan(tx, staff, scanned, ticket_id=ticket_id)


@app.post("/tickets/scan", limit=GATE, problems=(NotFound, ScanIdReused, ReentryNotAllowed))
def scan(scanned: Scan, staff: GateStaff, tx: Transaction) -> ScanResponse:
    """Scan any ticket at a gate: it admits its holder once, within the hours of the gate.

    Give each scan a `scan_id`, and repeat it with the same one while its answer is lost: it has its effect once.
    """
    return gate.scan(tx, staff, scanned)


@app.post("/pickups/scan", limit=GATE, problems=(NotFound, ScanIdReused))
def scan_pickup(scanned: PickupScan, staff: GateStaff, tx: Transaction) -> PickupResponse:
    """Scan a pickup code at a counter: an order's products are handed over once."""
    return pickups.scan(tx, staff, scanned)


@app.post("/tickets/{ticket_id}/scan/undo", status=200, problems=(NotFound, NotUsed))
def undo_scan(ticket_id: UUID, wanted: Undo, supervisor: Organizer, tx: Transaction) -> ScanUndone:
    """Undo a mistaken scan: the ticket can be scanned and refunded again."""
    return gate.undo(tx, supervisor, ticket_id, wanted)


@app.post("/orders/{order_id}/pickup/undo", status=200, problems=(NotFound, NotPickedUp))
def undo_pickup(order_id: UUID, wanted: Undo, supervisor: Organizer, tx: Transaction) -> PickupUndone:
    """Undo a mistaken pickup: the products can be handed over and refunded again."""
    return pickups.undo(tx, supervisor, order_id, wanted)


@app.get("/events/{event_id}/participants", problems=(NotFound,))
def list_participants(
    event_id: UUID, page: PageQuery, organizer: Organizer, tx: Transaction
) -> Listing[ParticipantResponse]:
    """The participants of your event, by category and BIB number."""
    return participants.list_page(tx, organizer, event_id, page)


main = app.entry_point()
