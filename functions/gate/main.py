"""The gate: its counts, who lost the phone, and what it needs without network (GATE, OFFLINE-1)."""

from uuid import UUID

from shared.problems import NotFound
from shared.tickets import offline_scans, snapshots
from shared.tickets.offline_scans import OfflineScanList, OfflineScans
from shared.tickets.snapshots import Snapshot, SnapshotQuery
from shared.web import GATE, App, GateStaff, Transaction

app = App("gate")


@app.get("/gate/events/{event_id}/snapshot", limit=GATE, problems=(NotFound,))
def snapshot(event_id: UUID, query: SnapshotQuery, staff: GateStaff, tx: Transaction) -> Snapshot:
    """What a device needs to scan without network: hashes and states of the tickets, and nobody's name.

    With the `cursor` of the last one, only what has changed since.
    """
    return snapshots.take(tx, staff, event_id, query.cursor)


@app.post("/gate/events/{event_id}/scans", limit=GATE, problems=(NotFound,))
def record_offline(event_id: UUID, sent: OfflineScans, staff: GateStaff) -> OfflineScanList:
    """Record scans that a device decided without network; each is judged as of its moment, once for its `scan_id`."""
    return offline_scans.record_all(staff, event_id, sent)


main = app.entry_point()
