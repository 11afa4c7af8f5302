"""The terms of refunds that buyers ask for: how much goes back, until when, and who bears it (PS-015, PS-018, PS-021).

Left out are orders of which money went back at a dashboard: there a person decides.
"""

from typing import TYPE_CHECKING

from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

_NOTHING_BESIDE_US = "NOT EXISTS (SELECT 1 FROM refunds d WHERE d.order_id = o.id AND d.kind = 'by_gateway')"
_ALL = "i.unit_price - i.discount + i.platform_fee"
_NINE_TENTHS = "round((i.unit_price - i.discount) * 0.90)"
_WAS_MOVED = """EXISTS (SELECT 1 FROM event_changes c WHERE c.event_id = o.event_id AND c.allows_refund
    AND c.moved_at > o.created_at AND c.changed_at < r.created_at)"""
_MAY_HAVE_BEEN_MOVED = "o.event_id = ANY(CAST(:moved AS uuid[]))"
"""Changes join one that nobody was told of yet, whose time becomes theirs, or undo it."""

TERMS = {
    "PS-018: nine tenths of the price go back, rounded half up, or all where the event was moved": f"""
        SELECT r.id, n.amount, i.unit_price, i.discount FROM refunds r JOIN refund_items n ON n.refund_id = r.id
            JOIN order_items i ON i.id = n.order_item_id JOIN orders o ON o.id = r.order_id
        WHERE r.kind = 'requested' AND {_NOTHING_BESIDE_US} AND CASE WHEN {_WAS_MOVED} THEN n.amount <> {_ALL}
            ELSE n.amount <> {_NINE_TENTHS} AND NOT (n.amount = {_ALL} AND {_MAY_HAVE_BEEN_MOVED}) END
    """,
    "PS-015: money is asked back up to seven days before the event, or until it begins where it was moved": f"""
        SELECT r.id, r.created_at, e.start_date FROM refunds r JOIN orders o ON o.id = r.order_id
            JOIN events e ON e.id = o.event_id
        WHERE r.kind = 'requested' AND {_NOTHING_BESIDE_US} AND r.created_at > e.start_date
            - CASE WHEN {_MAY_HAVE_BEEN_MOVED} THEN interval '0' ELSE interval '7 days' END
    """,
    "PS-018, PS-021: of what goes back the organizer keeps nothing; a fee that their code waived stays paid": f"""
        SELECT o.id, b.organizer, k.organizer AS computed FROM orders o JOIN LATERAL (
            SELECT -sum(e.amount) AS organizer FROM ledger_postings l JOIN ledger_entries e ON e.posting_id = l.id
            WHERE l.order_id = o.id AND e.account LIKE 'organizer_payable:%') b ON true JOIN LATERAL (
            SELECT sum(CASE WHEN i.returned_at IS NULL
                    THEN i.unit_price - i.discount + i.platform_discount - i.commission ELSE 0 END
                - CASE WHEN i.returned_at IS NULL OR r.kind = 'requested' AND n.amount <> {_ALL}
                    THEN i.waived_fee - i.platform_waived_fee ELSE 0 END) AS organizer,
                bool_or(i.unit_price > 0 AND {_ALL} = 0 AND r.kind = 'requested') AS is_unclear
            FROM order_items i LEFT JOIN refund_items n ON n.order_item_id = i.id AND NOT n.is_rejected
                LEFT JOIN refunds r ON r.id = n.refund_id
            WHERE i.order_id = o.id) k ON true
        WHERE (o.status = 'paid' OR o.status = 'refunded' AND b.organizer IS NOT NULL) AND {_NOTHING_BESIDE_US}
            AND COALESCE(b.organizer, 0) <> k.organizer
            AND k.is_unclear IS NOT TRUE
            AND NOT EXISTS (SELECT 1 FROM ledger_postings l WHERE l.order_id = o.id AND l.kind = 'sale_taken_back')
    """,
}
"""An item that cost nothing tells not by its amount whether its fee came back."""


def check(world: "World") -> None:
    """Ask them all."""
    for promise, query in TERMS.items():
        rows = world.rows(query, moved=sorted(world.promises.moved))
        if rows:
            raise Violation(promise, rows)
