"""What must be true of all the money once nothing is under way: questions whose answer must be: nothing.

`rows` asks the database; `moved` is the money that each gateway says it has moved, by its name and our id of it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

Rows = Callable[..., list[Any]]
Moved = Mapping[tuple[str, str], int]

GIVEN_BACK_BEYOND_WHAT_WAS_PAID = """
    SELECT r.order_id FROM refunds r WHERE r.status <> 'rejected' AND r.kind <> 'by_gateway' GROUP BY 1
    HAVING sum(r.amount) > (SELECT sum(p.received_amount) FROM payments p WHERE p.order_id = r.order_id)
"""
_BOOKED = """
    SELECT substr(e.account, 18) AS gateway, CASE WHEN d.id IS NOT NULL THEN CAST(d.id AS text)
        WHEN l.kind = 'refund_paid_by_hand' AND r.method = 'disbursement' THEN CAST(r.id AS text)
        ELSE COALESCE(p.external_id, q.external_id) END AS name, sum(e.amount) AS amount
    FROM ledger_entries e JOIN ledger_postings l ON l.id = e.posting_id
    LEFT JOIN payments p ON p.id = l.reference_id
    LEFT JOIN refunds r ON r.id = l.reference_id LEFT JOIN payments q ON q.id = r.payment_id
    LEFT JOIN disbursements d ON d.id = l.reference_id
    WHERE e.account LIKE 'gateway_clearing:%' GROUP BY 1, 2
"""
_HANGING = """
    SELECT 'refund' AS what, CAST(id AS text) AS id, status FROM refunds
        WHERE status = 'processing' OR (status = 'approved' AND method IS DISTINCT FROM 'disbursement')
    UNION ALL SELECT 'transfer', CAST(id AS text), status FROM disbursements WHERE status = 'sending'
    UNION ALL SELECT 'payout', CAST(id AS text), status FROM payouts WHERE status = 'processing'
    UNION ALL SELECT 'cancellation', CAST(event_id AS text), '' FROM event_cancellations
        WHERE finished_at IS NULL
    UNION ALL SELECT 'payment', CAST(p.id AS text), p.status FROM payments p JOIN orders o ON o.id = p.order_id
        WHERE (p.status IN ('opening', 'pending') AND o.status NOT IN ('reserved', 'pending_payment'))
            OR p.must_end_at_gateway
    UNION ALL SELECT 'part of an order that has ended', CAST(p.id AS text), o.status
        FROM payments p JOIN orders o ON o.id = p.order_id
        WHERE o.status NOT IN ('reserved', 'pending_payment', 'paid') AND p.review_decision IS NULL AND EXISTS (
            SELECT 1 FROM ledger_postings l WHERE l.kind = 'unallocated_payment' AND l.reference_id = p.id)
    UNION ALL SELECT 'order of a cancelled event', CAST(o.id AS text), o.status
        FROM orders o JOIN event_cancellations c ON c.event_id = o.event_id
        WHERE o.status IN ('reserved', 'pending_payment') OR (o.status = 'paid' AND EXISTS (
            SELECT 1 FROM order_items i WHERE i.order_id = o.id AND i.returned_at IS NULL))
"""
_PAID_FOR = """
    SELECT order_id, external_id AS name FROM payments
    UNION ALL SELECT r.order_id, CAST(d.id AS text) FROM disbursements d JOIN refunds r ON r.id = d.refund_id
"""
_SENT_WRONGLY = """
    SELECT d.payout_id AS id FROM disbursements d JOIN payouts p ON p.id = d.payout_id
        WHERE d.status = 'succeeded' GROUP BY d.payout_id, p.amount HAVING sum(d.amount) <> p.amount
    UNION ALL
    SELECT r.id FROM refunds r JOIN disbursements d ON d.refund_id = r.id AND d.status = 'succeeded'
        GROUP BY r.id HAVING sum(d.amount) <> r.amount OR r.status <> 'completed'
    UNION ALL
    SELECT o.id FROM orders o WHERE o.status = 'refunded' AND EXISTS (
        SELECT 1 FROM refunds r WHERE r.order_id = o.id AND r.status IN ('approved', 'processing', 'failed')
            AND r.kind <> 'unusable_payment' AND r.kind <> 'review'
            AND NOT EXISTS (SELECT 1 FROM disbursements d WHERE d.refund_id = r.id AND d.status = 'reversed'))
"""
"""A refund whose transfer came back after its order was closed is owed again: a person sees to it."""
_DEBTS = """
    SELECT 'refunds_payable' AS account, COALESCE(-sum(e.amount), 0) AS booked,
        COALESCE((SELECT sum(amount) FROM refunds WHERE status IN ('approved', 'processing', 'failed')), 0) AS open
    FROM ledger_entries e WHERE e.account = 'refunds_payable'
    UNION ALL
    SELECT 'payouts_payable', COALESCE(-sum(e.amount), 0),
        COALESCE((SELECT sum(amount) FROM payouts WHERE status IN ('pending', 'processing', 'failed')), 0)
    FROM ledger_entries e WHERE e.account = 'payouts_payable'
"""


def clearing_differences(rows: Rows, moved: Moved) -> list[tuple[str, str, int, int]]:
    """The payments about which the books and a gateway disagree: gateway, name, booked and moved."""
    booked = {(row.gateway, row.name): int(row.amount) for row in rows(_BOOKED)}
    return [
        (gateway, name, booked.get((gateway, name), 0), moved.get((gateway, name), 0))
        for gateway, name in sorted(booked.keys() | moved.keys())
        if booked.get((gateway, name), 0) != moved.get((gateway, name), 0)
    ]


def hanging(rows: Rows) -> list[Any]:
    """The refunds and transfers that should have come to their end, and have not."""
    return rows(_HANGING)


def overpaid(rows: Rows, moved: Moved, *, beside_us: Mapping[UUID, int] | None = None) -> list[Any]:
    """Orders that gave back more than they took in, and transfers that are not what was owed.

    `beside_us` is what people gave back at a dashboard on top of what we sent, by order.
    """
    left: Counter[UUID] = Counter(beside_us or {})
    by_name: Counter[str] = Counter()
    for (_, name), amount in moved.items():
        by_name[name] += amount
    for row in rows(_PAID_FOR):
        left[row.order_id] += by_name[row.name]
    return [order_id for order_id, amount in left.items() if amount < 0] + [row.id for row in rows(_SENT_WRONGLY)]


def miscounted_debts(rows: Rows) -> list[Any]:
    """Debts in the books that are not those of open refunds and payouts."""
    return [row for row in rows(_DEBTS) if row.booked != row.open]
