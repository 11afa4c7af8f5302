"""The amounts of payouts, computed a second time from all that was booked before them (FN-006)."""

from typing import TYPE_CHECKING

from shared.payouts.records import MIN_AMOUNT
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

_PAID_OUT = """(SELECT q.event_id FROM payouts q
    WHERE q.organizer_id = p.organizer_id AND q.created_at <= p.created_at)"""
_WRONG = f"""
    WITH made AS (
        SELECT p.organizer_id, p.created_at, array_agg(p.id) AS ids, -sum(e.amount) AS amount, count(*) AS number
        FROM payouts p JOIN ledger_postings l ON l.kind = 'payout' AND l.reference_id = p.id
            JOIN ledger_entries e ON e.posting_id = l.id AND e.account = 'payouts_payable'
        GROUP BY p.organizer_id, p.created_at)
    SELECT p.ids, p.amount, b.owed, u.undecided FROM made p JOIN LATERAL (
        SELECT COALESCE(sum(of_event), 0) AS owed FROM (
            SELECT l.event_id, -sum(e.amount) AS of_event FROM ledger_postings l
                JOIN ledger_entries e ON e.posting_id = l.id
            WHERE e.account = 'organizer_payable:' || p.organizer_id AND l.created_at <= p.created_at
                AND l.reference_id <> ALL(p.ids) GROUP BY l.event_id) balances
        WHERE of_event < 0 OR event_id IN {_PAID_OUT}) b ON true
    JOIN LATERAL (
        SELECT COALESCE(sum(i.unit_price - i.discount + i.platform_discount - i.commission), 0) AS undecided
        FROM refunds r JOIN orders o ON o.id = r.order_id JOIN refund_items n ON n.refund_id = r.id
            JOIN order_items i ON i.id = n.order_item_id
        WHERE r.kind = 'requested' AND r.created_at < p.created_at
            AND (r.decided_at IS NULL OR r.decided_at > p.created_at) AND o.event_id IN {_PAID_OUT}) u ON true
    WHERE p.amount NOT BETWEEN b.owed - u.undecided - CASE p.number WHEN 1 THEN 0 ELSE :least - 1 END
            AND b.owed - u.undecided
        AND NOT EXISTS (SELECT 1 FROM ledger_postings l WHERE l.organizer_id = p.organizer_id
            AND l.created_at = p.created_at AND l.reference_id <> ALL(p.ids))
        AND NOT EXISTS (SELECT 1 FROM payouts q WHERE q.organizer_id = p.organizer_id
            AND q.created_at = p.created_at AND q.id <> ALL(p.ids))
        AND NOT EXISTS (SELECT 1 FROM refunds r JOIN orders o ON o.id = r.order_id
            WHERE o.organizer_id = p.organizer_id AND (r.kind = 'by_gateway' AND r.created_at <= p.created_at
                OR p.created_at IN (r.created_at, r.decided_at)))
"""
"""Payouts that were not what the organizer was owed when they were made; those of one moment together.

They are owed what is left of the events that are paid out, less the debts of others and what buyers have asked back.
Left out are organizers of whose orders money had gone back at a dashboard, as a person was to say what for, and moments
in which something else was booked or carried over, as nobody knows which came first.
"""


def check(world: "World") -> None:
    """Ask what the payouts had to be."""
    rows = world.rows(_WRONG, least=MIN_AMOUNT)
    if rows:
        raise Violation("FN-006: a payout is what the organizer was owed when it was made", rows)
