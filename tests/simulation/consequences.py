"""Consequences of a change, seen in the rows it leaves: before scheduled repairs could hide that there were none."""

import json
from typing import TYPE_CHECKING

from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

_CONSEQUENCES = {
    "an order that has ended has its payment ended too": """
        SELECT o.id, o.status, p.id AS payment_id FROM orders o JOIN payments p ON p.order_id = o.id
        WHERE o.status IN ('expired', 'cancelled') AND p.status IN ('opening', 'pending')
            AND o.ended_at > now() - interval '1 hour' AND NOT EXISTS (
            SELECT 1 FROM outbox b WHERE b.topic = 'order.ended' AND b.payload ->> 'order_id' = CAST(o.id AS text))
    """,
    "a paid order has no other payment to pay": """
        SELECT o.id, p.id AS payment_id, p.status FROM orders o JOIN payments p ON p.order_id = o.id
        WHERE o.status = 'paid' AND p.status IN ('opening', 'pending')
    """,
    "an order counts as issued once its tickets have their files": """
        SELECT o.id, t.id AS ticket_id FROM orders o JOIN tickets t ON t.order_id = o.id
        WHERE o.tickets_issued_at IS NOT NULL AND t.status = 'issued' AND t.pdf_object IS NULL
    """,
    "an order whose money a person looks at does not expire": """
        SELECT id, review_reason FROM orders WHERE status = 'expired' AND review_reason <> 'top_up'
    """,
    "what is owed back is announced": """
        SELECT r.id, r.kind FROM refunds r
        WHERE r.status = 'approved' AND r.amount > 0 AND r.decided_at > now() - interval '1 hour' AND NOT EXISTS (
            SELECT 1 FROM outbox b WHERE b.topic = 'refund.approved' AND b.payload ->> 'refund_id' = CAST(r.id AS text))
    """,
}
_UNALLOCATED = """
    SELECT o.id, o.status, sum(e.amount) AS amount FROM orders o JOIN ledger_postings l ON l.order_id = o.id
        JOIN ledger_entries e ON e.posting_id = l.id
    WHERE e.account = 'unallocated' AND o.status IN ('expired', 'cancelled', 'refunded')
    GROUP BY o.id HAVING sum(e.amount) <> 0
"""
_UNPROCESSED = """
    SELECT p.id, p.gateway_reference, p.status, max(w.created_at) AS heard_at
    FROM webhook_events w JOIN payments p ON p.id = w.payment_id AND p.gateway_reference = w.gateway_reference
    WHERE w.processed AND p.received_amount IS NULL
        AND w.event_type IN ('payment.PAID', 'payment.settlement', 'payment.capture')
        AND w.payload ->> 'fraud_status' IS DISTINCT FROM 'challenge'
    GROUP BY p.id ORDER BY p.id
"""


def check(world: "World") -> None:
    """Ask for all of them, whether Pub/Sub has what counts as published, and whether money that was heard of is in."""
    for promise, query in _CONSEQUENCES.items():
        rows = world.rows(query)
        if rows:
            raise Violation(promise, rows)
    published = world.rows("SELECT topic, payload FROM outbox WHERE published_at IS NOT NULL ORDER BY id")
    lost = [row for row in published if (row.topic, json.dumps(row.payload, sort_keys=True)) not in world.pubsub.taken]
    if lost:
        raise Violation("a message counts as published once Pub/Sub has it", lost)
    unprocessed = world.rows(_UNPROCESSED)
    forgotten = [row for row in unprocessed if world.gateways.has_kept_since(row.gateway_reference, row.heard_at)]
    if forgotten:
        raise Violation("a notification of money counts as processed once its payment is", forgotten)


def check_at_rest(world: "World") -> None:
    """Money of the wrong amount has left the order that has ended without it."""
    rows = world.rows(_UNALLOCATED)
    if rows:
        raise Violation("money of the wrong amount goes back with the end of its order", rows)
