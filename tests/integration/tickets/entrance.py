"""An event with a paid order and somebody at the entrance, for the tests of the gate."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud.database import snapshot, transaction
from shared.identity.tokens import Principal
from shared.models import PageQuery
from shared.tickets import double_entries, gate, gate_counts, issuing, offline_scans, snapshots, voiding
from shared.tickets.offline_scans import OfflineScan
from tests.factories import Event, a_gate_staff, a_tier, an_event, an_order, code_of

_TICKETS = text("""
    SELECT t.id FROM tickets t JOIN order_items i ON i.id = t.order_item_id WHERE t.order_id = :id ORDER BY i.position
""")
_SCANS = text("SELECT * FROM scans WHERE event_id = :id ORDER BY created_at, id")


class Entrance:
    """An event, a paid order with its tickets and their codes, and somebody at the entrance."""

    def __init__(self, *, event: Event | None = None, staff: Principal | None = None, tickets: int = 2, **settings):
        with transaction() as tx:
            self.event = event or an_event(tx, tiers=[a_tier(name="VIP", quota=1000)], gates_open=True, **settings)
            self.staff = staff or a_gate_staff(tx, self.event)
        self.order = self.sell(tickets)
        self.ticket_ids = self.tickets_of(self.order)
        self.codes = [code_of(ticket_id) for ticket_id in self.ticket_ids]
        self.organizer = Principal(self.event.organizer_id, "organizer", self.event.organizer_id)

    def sell(self, quantity: int):
        """A paid order, issued."""
        order = an_order(self.event, quantities=[quantity], paid=True)
        issuing.issue(order.id)
        return order

    @staticmethod
    def tickets_of(order) -> list[UUID]:
        """The tickets of an order, in their order."""
        with transaction() as tx:
            return list(tx.execute(_TICKETS, {"id": order.id}).scalars())

    def scan(self, code, *, at="Gerbang A", staff=None, event_id=None, ticket_id=None, **asked):
        """Scan at the gate, in a transaction of its own."""
        scanned = gate.Scan(event_id=event_id or self.event.id, qr=code, gate=at, **asked)
        with transaction() as tx:
            return gate.scan(tx, staff or self.staff, scanned, ticket_id=ticket_id)

    def send(self, *scans: OfflineScan, staff=None) -> list[offline_scans.OfflineScanResponse]:
        """Send scans that were decided without network."""
        sent = offline_scans.OfflineScans(scans=list(scans))
        return offline_scans.record_all(staff or self.staff, self.event.id, sent).items

    def snapshot(self, cursor: str | None = None, *, staff=None) -> snapshots.Snapshot:
        """The snapshot that a device at the gate is given."""
        with snapshot() as tx:
            return snapshots.take(tx, staff or self.staff, self.event.id, cursor)

    def undo(self, *, number=0):
        """Undo the scan of a ticket."""
        with transaction() as tx:
            return gate.undo(tx, self.organizer, self.ticket_ids[number], gate.Undo(reason="Salah pindai"))

    def code_that_is(self, result: str) -> str:
        """A code that gets this result when it is scanned next."""
        prepare = {
            "already_used": lambda: self.scan(self.codes[0]),
            "refunded": lambda: self._void(),
            "not_open": lambda: self.change_event(gates_open_at=datetime.now(UTC) + timedelta(hours=1)),
        }
        prepare.get(result, lambda: None)()
        if result == "forged":
            return "palsu"
        return Entrance().codes[0] if result == "wrong_event" else self.codes[0]

    def change_event(self, **columns):
        """Change columns of the event."""
        named = ", ".join(f"{name} = :{name}" for name in columns)
        with transaction() as tx:
            tx.execute(text(f"UPDATE events SET {named} WHERE id = :id"), {**columns, "id": self.event.id})

    def _void(self):
        with transaction() as tx:
            voiding.void(tx, self.order.id)


def scans_of(event: Event):
    """The recorded scans of an event, in their order."""
    with transaction() as tx:
        return tx.execute(_SCANS, {"id": event.id}).all()


def counts_of(entrance: Entrance) -> gate_counts.GateCounts:
    """The counts that the gate shows."""
    with transaction() as tx:
        return gate_counts.read(tx, entrance.staff, entrance.event.id)


def double_entries_of(entrance: Entrance) -> list[double_entries.DoubleEntry]:
    """All double entries, the latest first."""
    with transaction() as tx:
        return double_entries.list_page(tx, entrance.organizer, entrance.event.id, PageQuery(page_size=100)).items


def offline(code: str, *, minutes_ago: float = 5, admitted: bool = True, **asked) -> OfflineScan:
    """A scan that a device has decided, so long ago."""
    scanned_at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    given = {"scan_id": uuid4(), "gate": "Gerbang B", **asked}
    return OfflineScan(qr=code, scanned_at=scanned_at, admitted=admitted, **given)
