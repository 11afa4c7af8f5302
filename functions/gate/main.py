"""The gate: its counts, who lost the phone, and what it needs without network (GATE, OFFLINE-1)."""

from uuid import UUID

from shared.models import Listing, PageQuery
from shared.problems import NotFound
from shared.tickets import double_entries, gate_counts, manual_admission, offline_scans, snapshots
from shared.tickets.admission import ReentryNotAllowed
from shared.tickets.double_entries import DoubleEntry
from shared.tickets.gate import AdmissionRequest, ScanResponse
from shared.tickets.gate_counts import GateCounts
from shared.tickets.manual_admission import FoundTickets, GateSearch
from shared.tickets.offline_scans import OfflineScanList, OfflineScans
from shared.tickets.scan_records import ScanIdReused
from shared.tickets.snapshots import Snapshot, SnapshotQuery
from shared.web import GATE, App, GateStaff, Organizer, Transaction

app = App("gate")


@app.get("/gate/events/{event_id}/snapshot", limit=GATE, problems=(NotFound,))
def snapshot(event_id: UUID, query: SnapshotQuery, staff: GateStaff, tx: Transaction) -> Snapshot:
    """The tickets for a device that scans without network: hashes and states of the tickets, and nobody's name.

    With the `cursor` of the last one, only what has changed since.
    """
    return snapshots.take(tx, staff, event_id, query.cursor)


@app.post("/gate/events/{event_id}/scans", limit=GATE, problems=(NotFound,))
def record_offline(event_id: UUID, sent: OfflineScans, staff: GateStaff) -> OfflineScanList:
    """Record scans that a device decided without network; each is judged as of its moment, once for its `scan_id`."""
    return offline_scans.record_all(staff, event_id, sent)


@app.get("/gate/events/{event_id}/search", limit=GATE, problems=(NotFound,))
def search(event_id: UUID, wanted: GateSearch, staff: GateStaff, tx: Transaction) -> FoundTickets:
    """The tickets of somebody who has none to show, by name, e-mail address, order or BIB number."""
    return manual_admission.search(tx, staff, event_id, wanted)


@app.post(
    "/gate/events/{event_id}/tickets/{ticket_id}/admit",
    limit=GATE,
    problems=(NotFound, ScanIdReused, ReentryNotAllowed),
)
def admit(event_id: UUID, ticket_id: UUID, wanted: AdmissionRequest, staff: GateStaff, tx: Transaction) -> ScanResponse:
    """Let in the holder of a ticket who can't show it, by the same rules as a scan."""
    return manual_admission.admit(tx, staff, event_id, ticket_id, wanted)


@app.get("/gate/events/{event_id}/counts", limit=GATE, problems=(NotFound,))
def counts(event_id: UUID, staff: GateStaff, tx: Transaction) -> GateCounts:
    """The number of people who are in: of each tier, and by each gate."""
    return gate_counts.read(tx, staff, event_id)


@app.get("/gate/events/{event_id}/double-entries", problems=(NotFound,))
def list_double_entries(
    event_id: UUID, page: PageQuery, supervisor: Organizer, tx: Transaction
) -> Listing[DoubleEntry]:
    """The people whom a device admitted without network and the server would have refused, with the other entry."""
    return double_entries.list_page(tx, supervisor, event_id, page)


main = app.entry_point()
