"""An event with a paid order and somebody at the entrance, for the tests of the gate."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import snapshot, transaction
from shared.identity.tokens import Principal
from shared.tickets import gate, issuing, offline_scans, snapshots, voiding
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

    def send(self, *scans: offline_scans.OfflineScan, staff=None) -> list[offline_scans.OfflineScanResponse]:
        """Send scans that were decided without network."""
        sent = offline_scans.OfflineScans(scans=list(scans))
        return offline_scans.record_all(staff or self.staff, self.event.id, sent).items

    def snapshot(self, cursor: str | None = None, *, staff=None) -> snapshots.Snapshot:
        """What a device at the gate is given."""
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
            "not_open": lambda: self.hours(gates_open_at=datetime.now(UTC) + timedelta(hours=1)),
        }
        prepare.get(result, lambda: None)()
        if result == "forged":
            return "palsu"
        return Entrance().codes[0] if result == "wrong_event" else self.codes[0]

    def hours(self, **columns):
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
