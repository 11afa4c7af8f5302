"""The promises of a sale, as questions to its database whose answer must be: nothing.

Some are kept by every transaction, so they hold at any moment, in a backup too. The others hold once the product has
come to rest: while a message is under way its order is paid and has no ticket yet.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

ALWAYS = {
    "reserved and sold equal the orders behind them": """
        SELECT * FROM (
            SELECT t.id, t.reserved, t.sold, t.quota,
                count(i.id) FILTER (WHERE o.status IN ('reserved', 'pending_payment')) AS held,
                count(i.id) FILTER (WHERE o.status = 'paid' AND i.returned_at IS NULL) AS bought
            FROM ticket_tiers t LEFT JOIN order_items i ON i.tier_id = t.id LEFT JOIN orders o ON o.id = i.order_id
            GROUP BY t.id) AS counted
        WHERE (reserved, sold) <> (held, bought) OR reserved + sold > quota
    """,
    "a ticket lets somebody in once, and is used then; whoever has left and came back is inside": """
        SELECT s.ticket_id, t.status, t.exited_at,
            count(*) FILTER (WHERE s.result = 'valid' AND NOT s.is_reentry) AS first,
            count(*) FILTER (WHERE s.result = 'valid') AS entries, count(*) FILTER (WHERE s.result = 'exited') AS exits
        FROM scans s JOIN tickets t ON t.id = s.ticket_id
        WHERE s.is_admitted AND s.result IN ('valid', 'exited') AND s.undone_at IS NULL
            AND t.validated_at > now() - interval '300 days'
        GROUP BY s.ticket_id, t.id
        HAVING t.status = 'issued' OR count(*) FILTER (WHERE s.result = 'valid' AND NOT s.is_reentry) <> 1
            OR count(*) FILTER (WHERE s.result = 'valid')
                <> count(*) FILTER (WHERE s.result = 'exited') + (t.exited_at IS NULL)::integer
    """,
    "a promo code is used by the orders that count on it, live or paid, and no more often than it may be": """
        SELECT p.id, p.code, p.uses, p.late_uses, p.max_uses, p.spent, p.budget, sum(o.promo_uses) AS counted,
            (SELECT COALESCE(sum(u.uses), 0) FROM promo_users u WHERE u.promo_id = p.id) AS by_users
        FROM promos p LEFT JOIN orders o ON o.promo_id = p.id AND o.promo_counted
            AND o.status IN ('reserved', 'pending_payment', 'paid')
        GROUP BY p.id
        HAVING p.uses <> COALESCE(sum(o.promo_uses), 0) OR p.spent <> COALESCE(sum(o.promo_spent), 0)
            OR p.late_uses <> COALESCE(sum(o.promo_uses) FILTER (WHERE o.is_promo_late), 0)
            OR p.uses - p.late_uses > p.max_uses OR p.spent - p.late_spent > p.budget
            OR p.uses <> (SELECT COALESCE(sum(u.uses), 0) FROM promo_users u WHERE u.promo_id = p.id)
    """,
    "what a person holds and buys of an event is what is counted for them, and no more than they may": """
        SELECT b.event_id, b.person_id, b.units, b.orders, b.max_units, b.max_orders,
            count(DISTINCT o.id) AS there, count(i.id) AS items
        FROM event_buyers b LEFT JOIN orders o ON o.event_id = b.event_id AND o.person_id = b.person_id
                AND o.status IN ('reserved', 'pending_payment', 'paid')
            LEFT JOIN order_items i ON i.order_id = o.id AND i.returned_at IS NULL
        GROUP BY b.event_id, b.person_id
        HAVING (b.units, b.orders) <> (count(i.id), count(DISTINCT o.id)) OR b.units > b.max_units
            OR b.orders > b.max_orders
            OR b.units <> (SELECT COALESCE(sum(t.units), 0) FROM tier_buyers t JOIN ticket_tiers k ON k.id = t.tier_id
                WHERE t.person_id = b.person_id AND k.event_id = b.event_id)
    """,
    "what an order's code takes off is what it takes off its items": """
        SELECT o.id, o.discount_amount, sum(i.discount) AS of_items, o.promo_spent, sum(i.waived_fee) AS waived
        FROM orders o JOIN order_items i ON i.order_id = o.id
        GROUP BY o.id HAVING o.discount_amount <> sum(i.discount)
            OR (o.promo_counted AND o.promo_spent <> sum(i.discount + i.waived_fee))
    """,
    "a registration is active while its order is live, or paid and the item not given back": """
        SELECT r.item_id, r.is_active, o.status, i.returned_at
        FROM registrations r JOIN orders o ON o.id = r.order_id JOIN order_items i ON i.id = r.item_id
        WHERE r.is_active <> (o.status IN ('reserved', 'pending_payment', 'paid') AND i.returned_at IS NULL)
    """,
    "BIB numbers have no gaps, and every runner's order that is issued has them": """
        SELECT tier_id, count(*) AS given, max(number) AS last FROM bib_numbers
        GROUP BY tier_id HAVING max(number) <> count(*)
        UNION ALL
        SELECT i.id, 0, 0 FROM order_items i JOIN ticket_tiers c ON c.id = i.tier_id JOIN orders o ON o.id = i.order_id
            LEFT JOIN bib_numbers b ON b.item_id = i.id
        WHERE c.kind = 'registration' AND o.status = 'paid' AND o.tickets_issued_at IS NOT NULL
            AND i.returned_at IS NULL AND b.item_id IS NULL
    """,
    "a digital tier has as many units as are not burned": """
        SELECT t.id, t.units, count(u.id) AS there FROM ticket_tiers t
            LEFT JOIN digital_units u ON u.tier_id = t.id AND u.burned_at IS NULL
        WHERE t.kind = 'digital' GROUP BY t.id HAVING t.units <> count(u.id)
    """,
    "nobody is asked to help with money that has arrived, or tickets that are there": """
        SELECT t.kind, t.subject_id FROM manual_tasks t
            LEFT JOIN refunds r ON t.subject = 'refund' AND r.id::text = t.subject_id
            LEFT JOIN payouts p ON t.subject = 'payout' AND p.id::text = t.subject_id
            LEFT JOIN orders o ON t.subject = 'order' AND o.id::text = t.subject_id
        WHERE t.done_at IS NULL
            AND (r.status = 'completed' OR p.status = 'completed'
                OR (t.kind = 'ticket_issue_failed' AND o.tickets_issued_at IS NOT NULL))
    """,
    "a paid order was paid once": """
        SELECT o.id, count(l.id) AS sales
        FROM orders o LEFT JOIN ledger_postings l ON l.order_id = o.id AND l.kind = 'sale'
        WHERE o.status = 'paid' AND (o.total_amount > 0 OR EXISTS (
            SELECT 1 FROM order_items i WHERE i.order_id = o.id AND i.platform_discount + i.waived_fee > 0))
        GROUP BY o.id HAVING count(l.id) <> 1
        UNION ALL
        SELECT o.id, 0 FROM orders o
        WHERE o.status = 'paid'
            AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.status = 'paid')
    """,
    "another amount than was asked for buys nothing, unless somebody has accepted it or the rest came": """
        SELECT p.id, p.amount, p.received_amount
        FROM ledger_postings l JOIN payments p ON p.id = l.reference_id
        WHERE l.kind = 'sale' AND p.received_amount <> p.amount AND p.review_decision IS NULL
    """,
    "every posting sums to zero": """
        SELECT posting_id, sum(amount) FROM ledger_entries GROUP BY posting_id HAVING sum(amount) <> 0
    """,
    "what is on its way to organizers is what the ledger has set apart for it": """
        SELECT booked, waiting FROM
            (SELECT -COALESCE(sum(amount), 0) AS booked FROM ledger_entries
                WHERE account = 'payouts_payable') AS ledger,
            (SELECT COALESCE(sum(amount), 0) AS waiting FROM payouts
                WHERE status IN ('pending', 'processing', 'failed')) AS payouts
        WHERE booked <> waiting
    """,
    "an order whose tickets are issued has one for each seat that was not given back": """
        SELECT o.id, count(i.id) AS seats, count(t.id) AS tickets
        FROM orders o JOIN order_items i ON i.order_id = o.id JOIN ticket_tiers c ON c.id = i.tier_id
            LEFT JOIN tickets t ON t.order_item_id = i.id AND t.status <> 'void'
        WHERE o.status = 'paid' AND o.tickets_issued_at IS NOT NULL AND i.returned_at IS NULL
            AND c.kind IN ('ticket', 'registration')
        GROUP BY o.id HAVING count(t.id) <> count(i.id)
    """,
}
"""Promises that every transaction keeps."""

AT_REST = {
    "an order is paid if and only if it has exactly its tickets, all printed": """
        SELECT o.id, o.status, count(i.id) FILTER (WHERE c.kind IN ('ticket', 'registration')) AS seats,
            count(t.id) FILTER (WHERE t.status <> 'void') AS valid, count(t.pdf_object) AS printed
        FROM orders o JOIN order_items i ON i.order_id = o.id JOIN ticket_tiers c ON c.id = i.tier_id
            LEFT JOIN tickets t ON t.order_item_id = i.id
        GROUP BY o.id
        HAVING count(t.id) FILTER (WHERE t.status <> 'void') <> count(i.id) FILTER (
                WHERE o.status = 'paid' AND c.kind IN ('ticket', 'registration') AND i.returned_at IS NULL)
            OR bool_or(t.status <> 'void' AND t.pdf_object IS NULL)
            OR (o.status = 'paid' AND o.tickets_issued_at IS NULL)
    """,
    "a paid order of products has its pickup code, and every digital item a unit of its own": """
        SELECT o.id, i.id AS item_id, c.kind FROM orders o JOIN order_items i ON i.order_id = o.id
            JOIN ticket_tiers c ON c.id = i.tier_id LEFT JOIN pickups p ON p.order_id = o.id
            LEFT JOIN digital_units u ON u.item_id = i.id
        WHERE CASE c.kind
            WHEN 'product' THEN o.status = 'paid' AND i.returned_at IS NULL AND COALESCE(p.status = 'void', true)
                OR o.status <> 'paid' AND p.status = 'waiting'
            WHEN 'digital' THEN (o.status = 'paid' AND i.returned_at IS NULL)
                <> (u.id IS NOT NULL AND u.burned_at IS NULL)
            ELSE false END
    """,
    "what has ended can't be paid any more": """
        SELECT p.id, p.gateway, p.status, o.status AS order_status, p.must_end_at_gateway
        FROM payments p JOIN orders o ON o.id = p.order_id
        WHERE p.must_end_at_gateway
            OR (p.status IN ('opening', 'pending') AND o.status NOT IN ('reserved', 'pending_payment'))
    """,
    "every message has been published": "SELECT id, topic, payload FROM outbox WHERE published_at IS NULL",
    "every webhook has been processed": """
        SELECT id, gateway, event_type, error_message FROM webhook_events WHERE NOT processed
    """,
    "every mail has been sent, or what it says is no longer true": """
        SELECT id, template, attempts, error_message FROM emails WHERE status = 'queued'
    """,
    "nobody has to help": "SELECT kind, subject, subject_id, details FROM manual_tasks WHERE done_at IS NULL",
}
"""Promises that hold once nothing is under way."""


def broken(connection: Connection, promises: Mapping[str, str]) -> dict[str, Sequence[Any]]:
    """The rows that contradict each of `promises` that is not kept."""
    found = {promise: connection.execute(text(query)).all() for promise, query in promises.items()}
    return {promise: rows for promise, rows in found.items() if rows}
