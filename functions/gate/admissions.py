"""Admission without a code, and how many people are in."""

from uuid import UUID

from shared.problems import NotFound
from shared.tickets import gate_counts, manual_admission
from shared.tickets.admission import ReentryNotAllowed
from shared.tickets.gate import AdmissionRequest, ScanResponse
from shared.tickets.gate_counts import GateCounts
from shared.tickets.manual_admission import FoundTickets, GateSearch
from shared.tickets.scan_records import ScanIdReused
from shared.web import GATE, App, GateStaff, Transaction

routes = App("gate")


@routes.get("/gate/events/{event_id}/search", limit=GATE, problems=(NotFound,))
def search(event_id: UUID, wanted: GateSearch, staff: GateStaff, tx: Transaction) -> FoundTickets:
    """Search the tickets of somebody who has none to show, by name, e-mail address, order or BIB number."""
    return manual_admission.search(tx, staff, event_id, wanted)


@routes.post(
    "/gate/events/{event_id}/tickets/{ticket_id}/admit",
    limit=GATE,
    problems=(NotFound, ScanIdReused, ReentryNotAllowed),
)
def admit(event_id: UUID, ticket_id: UUID, wanted: AdmissionRequest, staff: GateStaff, tx: Transaction) -> ScanResponse:
    """Let in the holder of a ticket who can't show it, by the same rules as a scan."""
    return manual_admission.admit(tx, staff, event_id, ticket_id, wanted)


@routes.get("/gate/events/{event_id}/counts", limit=GATE, problems=(NotFound,))
def counts(event_id: UUID, staff: GateStaff, tx: Transaction) -> GateCounts:
    """The number of people who are in: of each tier, and by each gate."""
    return gate_counts.read(tx, staff, event_id)
