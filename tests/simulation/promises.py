"""Promises to anybody: whoever was answered 200 or 201, or got a mail, must find it true afterwards (I12)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.simulation.functions import Response

_AFTER = {
    "reserved": {"reserved", "pending_payment", "paid", "expired", "cancelled", "refunded"},
    "pending_payment": {"pending_payment", "paid", "expired", "cancelled", "refunded"},
    "paid": {"paid", "refunded"},
    "expired": {"expired", "paid", "refunded"},
    "cancelled": {"cancelled"},
    "refunded": {"refunded"},
}
"""The states that may follow one in which an order was shown. Late money revives an expired order."""

_ORDERS = "SELECT id, status, total_amount, user_id FROM orders WHERE id = ANY(CAST(:ids AS uuid[]))"
_TICKETS = "SELECT id FROM tickets WHERE id = ANY(CAST(:ids AS uuid[]))"


class Fact(StrEnum):
    """The state that somebody is told of when what they asked for is done; its column of the row `_NOW` reads."""

    PRICE = "price"
    QUOTA = "quota"
    ACCOUNT = "account"
    REFUND_OF = "refund_of"
    REFUND_DECISION = "refund_decision"


_NOW = {
    Fact.PRICE: "SELECT id, price FROM ticket_tiers WHERE id = ANY(CAST(:ids AS uuid[]))",
    Fact.QUOTA: "SELECT id, quota FROM ticket_tiers WHERE id = ANY(CAST(:ids AS uuid[]))",
    Fact.ACCOUNT: """
        SELECT user_id AS id, bank_code || ' ' || account_number_ending AS account FROM bank_accounts
        WHERE replaced_at IS NULL AND user_id = ANY(CAST(:ids AS uuid[]))
    """,
    Fact.REFUND_OF: "SELECT id, CAST(order_id AS text) AS refund_of FROM refunds WHERE id = ANY(CAST(:ids AS uuid[]))",
    Fact.REFUND_DECISION: """
        SELECT id, CASE status WHEN 'requested' THEN NULL WHEN 'rejected' THEN 'reject' ELSE 'approve' END
            AS refund_decision
        FROM refunds WHERE id = ANY(CAST(:ids AS uuid[]))
    """,
}
"""The same as it is now. A fact holds until somebody changes it."""


@dataclass
class Promises:
    """The facts that people were told."""

    orders: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Order id to the state and the total it was last shown in."""
    tickets: set[str] = field(default_factory=set)
    """The tickets that people were shown."""
    facts: dict[Fact, dict[str, Any]] = field(default_factory=lambda: {fact: {} for fact in Fact})
    """The other promises, by what they are about."""
    moved: set[str] = field(default_factory=set)
    """The events of which somebody changed the dates or the place, or tried to."""
    taken_over: set[str] = field(default_factory=set)
    """Our ids of the payments that two checkouts have opened at once: only these may be live twice."""
    opening_at_pauses: set[str] = field(default_factory=set)
    """Our ids of the payments that were being opened while a process stood still for longer than its claim."""

    def order_shown(self, order: dict[str, Any]) -> str | None:
        """Somebody is shown an order; what contradicts what they were shown before, if anything does."""
        before = self.orders.get(order["id"])
        self.orders[order["id"]] = (order["status"], order["total_amount"])
        self.tickets.update(ticket["id"] for ticket in order["tickets"])
        if before and (order["status"] not in _AFTER[before[0]] or order["total_amount"] != before[1]):
            return f"order {order['id']} was {before}, and is now {order['status']}, {order['total_amount']}"
        return None

    def told(self, fact: Fact, of: str, value: object, answer: Response | None) -> None:
        """Somebody asked for a change. What they believed is no longer sure; if it was done, they are told so."""
        if answer is None or answer.ok or answer.status >= 500:
            self.facts[fact].pop(of, None)
        if answer is not None and answer.ok:
            self.facts[fact][of] = value

    def broken(self, rows: Callable[..., list[Any]]) -> list[str]:
        """The promises that people do not find true any more."""
        found = {str(row.id): row for row in rows(_ORDERS, ids=list(self.orders))}
        wrong = [
            f"order {order_id} was shown as {status}, {total}"
            for order_id, (status, total) in self.orders.items()
            if order_id not in found
            or found[order_id].status not in _AFTER[status]
            or found[order_id].total_amount != total
        ]
        there = {str(row.id) for row in rows(_TICKETS, ids=sorted(self.tickets))}
        wrong += [f"ticket {ticket} was shown" for ticket in sorted(self.tickets - there)]
        return wrong + [each for fact, told in self.facts.items() if told for each in _changed(rows, fact, told)]


def _changed(rows: Callable[..., list[Any]], fact: Fact, told: dict[str, Any]) -> list[str]:
    now = {str(row.id): getattr(row, fact) for row in rows(_NOW[fact], ids=list(told))}
    return [
        f"{fact} of {of} was told as {value}, and is {now.get(of)}"
        for of, value in told.items()
        if now.get(of) != value
    ]
