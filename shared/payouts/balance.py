"""The balance of an organizer at a moment: what we owe them of events that are paid out (decision 0023)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.accounting.accounts import organizer_payable
from shared.cloud.database import Transaction

# Of an event that is not paid out yet only a debt counts: its sales may still go back to their buyers.
_OWED = text("""
    WITH paid_out AS (
        SELECT CAST(:event_id AS uuid) AS event_id
        UNION SELECT event_id FROM payouts WHERE organizer_id = :organizer_id),
    balances AS (
        SELECT l.event_id, -sum(e.amount) AS balance
        FROM ledger_entries e JOIN ledger_postings l ON l.id = e.posting_id  -- Uses index: ledger_entries_account
        WHERE e.account = :account GROUP BY l.event_id)
    SELECT COALESCE(sum(balance), 0) FROM balances
    WHERE balance < 0 OR event_id IN (SELECT event_id FROM paid_out)
""")
_UNDECIDED = text("""
    SELECT r.id, sum(i.unit_price - i.discount + i.platform_discount - i.commission) AS amount
    FROM refunds r JOIN orders o ON o.id = r.order_id
    JOIN refund_items n ON n.refund_id = r.id JOIN order_items i ON i.id = n.order_item_id
    WHERE r.status = 'requested' AND o.organizer_id = :organizer_id
      AND (o.event_id = :event_id OR o.event_id IN (SELECT event_id FROM payouts WHERE organizer_id = :organizer_id))
    GROUP BY r.id
""")
# The organizer's share of orders whose payment a card's owner disputes, or of which money went back at a dashboard, for
# lines that a person is to name.
_WITHHELD = text("""
    WITH tasks AS MATERIALIZED (
        SELECT CAST(subject_id AS uuid) AS payment_id, kind FROM manual_tasks  -- Uses index: one_open_manual_task
        WHERE subject = 'payment'
          AND kind IN ('payment_partially_refunded', 'payment_refunded', 'payment_charged_back') AND done_at IS NULL),
    asked AS (
        SELECT p.order_id, bool_or(t.kind = 'payment_charged_back') AS is_disputed
        FROM tasks t JOIN payments p ON p.id = t.payment_id GROUP BY p.order_id),
    balances AS (
        SELECT l.order_id, bool_or(a.is_disputed) AS is_disputed,
            sum(e.amount) FILTER (WHERE e.account = 'dashboard_refunds') AS suspense,
            -sum(e.amount) FILTER (WHERE e.account = :account) AS share
        FROM asked a JOIN ledger_postings l ON l.order_id = a.order_id  -- Uses index: ledger_postings_order
        JOIN ledger_entries e ON e.posting_id = l.id
        WHERE l.organizer_id = :organizer_id
          AND (l.event_id = :event_id OR l.event_id IN (
            SELECT event_id FROM payouts WHERE organizer_id = :organizer_id))
        GROUP BY l.order_id)
    SELECT COALESCE(sum(GREATEST(CASE WHEN is_disputed THEN share ELSE LEAST(COALESCE(suspense, 0), share) END, 0)), 0)
    FROM balances
""")


@dataclass(frozen=True)
class UndecidedRefund:
    """A requested refund, and the organizer's share of it in rupiah."""

    id: UUID
    amount: int


def owed(tx: Transaction, organizer_id: UUID, event_id: UUID | None = None) -> int:
    """The amount to pay an organizer now, in rupiah, also for an event that is due; negative where they owe us."""
    names = {"organizer_id": organizer_id, "event_id": event_id, "account": organizer_payable(organizer_id)}
    kept_back = sum(refund.amount for refund in undecided_refunds(tx, organizer_id, event_id))
    kept_back += int(tx.execute(_WITHHELD, names).scalar_one())
    return int(tx.execute(_OWED, names).scalar_one()) - kept_back


def undecided_refunds(tx: Transaction, organizer_id: UUID, event_id: UUID | None) -> Sequence[UndecidedRefund]:
    """The undecided refunds of events that are paid out, or of this one: their shares are kept back."""
    names = {"organizer_id": organizer_id, "event_id": event_id}
    return [UndecidedRefund(row.id, int(row.amount)) for row in tx.execute(_UNDECIDED, names)]
