"""Scanning without network: what a gate's device needs for it, and the scans that it made."""

from uuid import UUID

from shared.models import Listing, PageQuery
from shared.problems import NotFound
from shared.tickets import double_entries, offline_scans, snapshots
from shared.tickets.double_entries import DoubleEntry
from shared.tickets.offline_scans import OfflineScanList, OfflineScans
from shared.tickets.snapshots import Snapshot, SnapshotQuery
from shared.web import GATE, App, GateStaff, Organizer, Transaction

routes = App("gate")


@routes.get("/gate/events/{event_id}/snapshot", limit=GATE, problems=(NotFound,))
def snapshot(event_id: UUID, query: SnapshotQuery, staff: GateStaff, tx: Transaction) -> Snapshot:
    """The tickets for a device that scans without network: hashes and states of the tickets, and nobody's name.

    With the `cursor` of the last one, only what has changed since.
    """
    return snapshots.take(tx, staff, event_id, query.cursor)


@routes.post("/gate/events/{event_id}/scans", limit=GATE, problems=(NotFound,))
def record_offline(event_id: UUID, sent: OfflineScans, staff: GateStaff) -> OfflineScanList:
    """Record scans that a device decided without network; each is judged as of its moment, once for its `scan_id`."""
    return offline_scans.record_all(staff, event_id, sent)


@routes.get("/gate/events/{event_id}/double-entries", problems=(NotFound,))
def list_double_entries(
    event_id: UUID, page: PageQuery, supervisor: Organizer, tx: Transaction
) -> Listing[DoubleEntry]:
    """The people whom a device admitted without network and the server would have refused, with the other entry."""
    return double_entries.list_page(tx, supervisor, event_id, page)
