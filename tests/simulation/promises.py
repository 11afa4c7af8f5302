"""What anybody was told: whoever was answered 200 or 201, or got a mail, must find it true afterwards (I12)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_AFTER = {
    "reserved": {"reserved", "pending_payment", "paid", "expired", "cancelled", "refunded"},
    "pending_payment": {"pending_payment", "paid", "expired", "cancelled", "refunded"},
    "paid": {"paid", "refunded"},
    "expired": {"expired", "paid", "refunded"},
    "cancelled": {"cancelled"},
    "refunded": {"refunded"},
}
"""What an order may have become after somebody was shown it in a state. Late money revives an expired order."""

_ORDERS = "SELECT id, status, total_amount, user_id FROM orders WHERE id = ANY(CAST(:ids AS uuid[]))"
_TICKETS = "SELECT id FROM tickets WHERE id = ANY(CAST(:ids AS uuid[]))"


@dataclass
class Promises:
    """The facts that people were told."""

    orders: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Order id to the state and the total it was last shown in."""
    tickets: set[str] = field(default_factory=set)
    """The tickets that people were shown."""
    taken_over: set[str] = field(default_factory=set)
    """Our ids of the payments that two checkouts have opened at once: only these may have two invoices."""

    def order_shown(self, order: dict[str, Any]) -> str | None:
        """Somebody is shown an order; what contradicts what they were shown before, if anything does."""
        before = self.orders.get(order["id"])
        self.orders[order["id"]] = (order["status"], order["total_amount"])
        self.tickets.update(ticket["id"] for ticket in order["tickets"])
        if before and (order["status"] not in _AFTER[before[0]] or order["total_amount"] != before[1]):
            return f"order {order['id']} was {before}, and is now {order['status']}, {order['total_amount']}"
        return None

    def broken(self, rows: Callable[..., list[Any]]) -> list[str]:
        """What people were told and do not find any more."""
        found = {str(row.id): row for row in rows(_ORDERS, ids=list(self.orders))}
        wrong = [
            f"order {order_id} was shown as {status}, {total}"
            for order_id, (status, total) in self.orders.items()
            if order_id not in found
            or found[order_id].status not in _AFTER[status]
            or found[order_id].total_amount != total
        ]
        there = {str(row.id) for row in rows(_TICKETS, ids=sorted(self.tickets))}
        return wrong + [f"ticket {ticket} was shown" for ticket in sorted(self.tickets - there)]
