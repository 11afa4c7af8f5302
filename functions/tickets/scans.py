"""Scans of tickets and pickup codes, and their undoing (GATE, PROD-1)."""

from uuid import UUID

from shared.problems import NotFound
from shared.tickets import gate, pickups
from shared.tickets.admission import ReentryNotAllowed
from shared.tickets.gate import NotUsed, Scan, ScanResponse, ScanUndone, Undo
from shared.tickets.pickups import NotPickedUp, PickupResponse, PickupScan, PickupUndone
from shared.tickets.scan_records import ScanIdReused
from shared.web import GATE, App, GateStaff, Organizer, Transaction

routes = App("tickets")


@routes.post("/tickets/{ticket_id}/validate", limit=GATE, problems=(NotFound, ScanIdReused, ReentryNotAllowed))
def validate(ticket_id: UUID, scanned: Scan, staff: GateStaff, tx: Transaction) -> ScanResponse:
    """Scan this ticket at a gate: it admits its holder once, within the hours of the gate.

    The same `scan_id` gets the same answer, as in each scan.
    """
    return gate.scan(tx, staff, scanned, ticket_id=ticket_id)


@routes.post("/tickets/scan", limit=GATE, problems=(NotFound, ScanIdReused, ReentryNotAllowed))
def scan(scanned: Scan, staff: GateStaff, tx: Transaction) -> ScanResponse:
    """Scan any ticket at a gate: it admits its holder once, within the hours of the gate.

    Give each scan a `scan_id`, and repeat it with the same one while its answer is lost: it has its effect once.
    """
    return gate.scan(tx, staff, scanned)


@routes.post("/pickups/scan", limit=GATE, problems=(NotFound, ScanIdReused))
def scan_pickup(scanned: PickupScan, staff: GateStaff, tx: Transaction) -> PickupResponse:
    """Scan a pickup code at a counter: an order's products are handed over once."""
    return pickups.scan(tx, staff, scanned)


@routes.post("/tickets/{ticket_id}/scan/undo", status=200, problems=(NotFound, NotUsed))
def undo_scan(ticket_id: UUID, wanted: Undo, supervisor: Organizer, tx: Transaction) -> ScanUndone:
    """Undo a mistaken scan: the ticket can be scanned and refunded again."""
    return gate.undo(tx, supervisor, ticket_id, wanted)


@routes.post("/orders/{order_id}/pickup/undo", status=200, problems=(NotFound, NotPickedUp))
def undo_pickup(order_id: UUID, wanted: Undo, supervisor: Organizer, tx: Transaction) -> PickupUndone:
    """Undo a mistaken pickup: the products can be handed over and refunded again."""
    return pickups.undo(tx, supervisor, order_id, wanted)
