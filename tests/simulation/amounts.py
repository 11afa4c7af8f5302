"""The amounts that were agreed, computed a second time, in the database: questions whose answer must be: nothing.

PostgreSQL's `round` rounds half up, as the terms say.
"""

from typing import TYPE_CHECKING

from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

AMOUNTS = {
    "FN-001, FN-004: the fee is 5 % and 2,500 rupiah, the commission 10 %, rounded half up": """
        SELECT id, unit_price, discount, platform_fee, waived_fee, commission FROM order_items
        WHERE CASE unit_price WHEN 0 THEN platform_fee + waived_fee + commission <> 0
            ELSE platform_fee + waived_fee <> round(unit_price * 0.05) + 2500
                OR commission <> round((unit_price - discount + platform_discount) * 0.10) END
    """,
    "TS-006: a code takes off what its terms say": """
        SELECT o.id, p.code, o.subtotal, o.discount_amount FROM orders o JOIN promos p ON p.id = o.promo_id
            JOIN order_items i ON i.order_id = o.id
        WHERE p.applies_to = 'order' OR p.max_uses IS NULL AND p.max_uses_per_user IS NULL
        GROUP BY o.id, p.id HAVING o.discount_amount <> CASE WHEN p.applies_to = 'order'
            THEN LEAST(COALESCE(p.amount, round(o.subtotal * p.percent / 100.0)), p.max_discount, o.subtotal)
            ELSE sum(LEAST(COALESCE(p.amount, round(i.unit_price * p.percent / 100.0)), p.max_discount, i.unit_price))
            END
    """,
    "FN-004: a sale is the organizer's but for the commission, and for the fee that their code waives": """
        SELECT o.id, b.organizer, sum(i.commission) AS commission
        FROM orders o JOIN order_items i ON i.order_id = o.id JOIN (
            SELECT l.order_id, COALESCE(sum(e.amount) FILTER (WHERE e.account LIKE 'organizer_payable:%'), 0)
                    AS organizer,
                COALESCE(sum(e.amount) FILTER (WHERE e.account = 'commission_revenue'), 0) AS commission
            FROM ledger_postings l JOIN ledger_entries e ON e.posting_id = l.id WHERE l.kind = 'sale'
            GROUP BY l.order_id) b ON b.order_id = o.id
        GROUP BY o.id, b.organizer, b.commission
        HAVING b.commission <> -sum(i.commission) OR b.organizer <> -sum(i.unit_price - i.discount
            + i.platform_discount - i.commission - i.waived_fee + i.platform_waived_fee)
    """,
    "TS-008: a hold ends 30 minutes after its order was made, unless money has come": """
        SELECT o.id, o.created_at, o.reservation_expires_at AS until FROM orders o
        WHERE o.status IN ('reserved', 'pending_payment')
            AND o.reservation_expires_at > o.created_at + interval '30 min'
            AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.received_amount IS NOT NULL)
    """,
    "what buyers have asked back stays until it is decided, when their event is paid out": """
        SELECT p.id, p.amount, k.share FROM payouts p JOIN LATERAL (
            SELECT sum(i.unit_price - i.discount + i.platform_discount - i.commission) AS share
            FROM refunds r JOIN orders o ON o.id = r.order_id JOIN refund_items n ON n.refund_id = r.id
                JOIN order_items i ON i.id = n.order_item_id
            WHERE o.event_id = p.event_id AND r.kind = 'requested' AND r.created_at < p.created_at
                AND (r.decided_at IS NULL OR r.decided_at > p.created_at)) k ON true
        WHERE p.amount > 0 AND NOT p.is_remainder AND k.share > (
            SELECT -sum(e.amount) FROM ledger_entries e JOIN ledger_postings l ON l.id = e.posting_id
            WHERE e.account LIKE 'organizer_payable:%' AND l.event_id = p.event_id AND l.created_at <= p.created_at)
    """,
    "a ticket that has let somebody in is not given back at its holder's request": """
        SELECT s.ticket_id, s.created_at, r.decided_at FROM scans s JOIN tickets t ON t.id = s.ticket_id
            JOIN refund_items n ON n.order_item_id = t.order_item_id JOIN refunds r ON r.id = n.refund_id
        WHERE s.is_admitted AND s.result = 'valid' AND s.undone_at IS NULL AND r.kind = 'requested'
            AND r.status IN ('approved', 'processing', 'completed', 'failed') AND s.created_at < r.decided_at
    """,
    "nobody loses by an order that is undone more than the fee that their code waived": """
        SELECT l.order_id, sum(e.amount) FROM ledger_postings l JOIN ledger_entries e ON e.posting_id = l.id
        WHERE e.account LIKE 'organizer_payable:%' AND l.order_id IS NOT NULL GROUP BY l.order_id
        HAVING sum(e.amount) > (SELECT sum(i.waived_fee - i.platform_waived_fee) FROM order_items i
            WHERE i.order_id = l.order_id)
    """,
}


def check(world: "World") -> None:
    """Ask them all."""
    for promise, query in AMOUNTS.items():
        rows = world.rows(query)
        if rows:
            raise Violation(promise, rows)
