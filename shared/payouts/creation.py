"""Creation of payouts: of each event some days after its end, and of later remainders (FN-006)."""

import logging
from collections.abc import Callable
from uuid import UUID

from sqlalchemy import text

from shared.accounting import ledger
from shared.accounting.accounts import organizer_payable
from shared.cloud import audit, manual_tasks, outbox
from shared.cloud.database import Transaction, transaction
from shared.identity import people
from shared.payouts import balance, self_dealing
from shared.payouts.records import MIN_AMOUNT
from shared.states import PayoutStatus

log = logging.getLogger(__name__)

DAYS_AFTER_EVENT = 7
DAYS_TO_DECIDE = 14
"""The time after an event's end for which an undecided refund holds its payout. Then its money is kept back."""

_IS_DUE = """
    FROM events e
    LEFT JOIN payouts p ON p.event_id = e.id LEFT JOIN event_cancellations c ON c.event_id = e.id
    WHERE p.id IS NULL
      AND (c.finished_at IS NOT NULL
        OR (e.status = 'published' AND e.end_date <= now() - make_interval(days => :days)))
      AND EXISTS (SELECT 1 FROM ledger_postings l WHERE l.event_id = e.id)
      AND (e.end_date <= now() - make_interval(days => :days_to_decide)
        OR NOT EXISTS (SELECT 1 FROM refunds r JOIN orders o ON o.id = r.order_id
            WHERE o.event_id = e.id AND r.status = 'requested'))
"""
_DUE = text(f"SELECT e.id, e.organizer_id {_IS_DUE} ORDER BY e.end_date, e.id")
# A change of the event's dates (catalog/editing.py) waits for this lock, or this waits for it and looks again.
_LOCK_DUE = text(f"SELECT e.id {_IS_DUE} AND e.id = :event_id FOR NO KEY UPDATE OF e")
# In another order each day: a run that is cut off leaves out others than the day before.
_PAID_ORGANIZERS = text("SELECT organizer_id FROM payouts GROUP BY organizer_id ORDER BY random()")
_HAS_OPEN_REMAINDER = text("""
    SELECT EXISTS (SELECT 1 FROM payouts  -- Uses index: one_remainder_at_a_time
        WHERE organizer_id = :organizer_id AND is_remainder AND status IN ('pending', 'processing', 'failed'))
""")
_MOST_OWED_EVENT = text("""
    SELECT p.event_id FROM payouts p JOIN ledger_postings l ON l.event_id = p.event_id
    JOIN ledger_entries e ON e.posting_id = l.id
    WHERE p.organizer_id = :organizer_id AND NOT p.is_remainder AND e.account = :account
    GROUP BY p.event_id ORDER BY sum(e.amount), p.event_id LIMIT 1
""")
_ADD = text("""
    INSERT INTO payouts (organizer_id, event_id, amount, status, is_remainder)
    VALUES (:organizer_id, :event_id, :amount, :status, :is_remainder)
    RETURNING id
""")
_DUE_DAYS = {"days": DAYS_AFTER_EVENT, "days_to_decide": DAYS_TO_DECIDE}


def create_all_due() -> int:
    """Create the payouts of all due events, and of remainders; return how many. Concurrent runs create each once.

    One that fails keeps no other from being created: the first error is raised once all were tried.
    """
    with transaction() as tx:
        due = tx.execute(_DUE, _DUE_DAYS).all()
    outcomes = [_try_to_create(create, event.id, event.organizer_id) for event in due]
    with transaction() as tx:
        organizers = tx.execute(_PAID_ORGANIZERS).scalars().all()
    outcomes += [_try_to_create(_create_remainder_if_owed, organizer_id) for organizer_id in organizers]
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    if errors:
        raise errors[0]
    return sum(outcome is not None for outcome in outcomes)


def create(tx: Transaction, event_id: UUID, organizer_id: UUID) -> UUID | None:
    """Create the payout of one event; None where it is not due, or exists. Locks the organizer and the event."""
    people.lock(tx, organizer_id)
    if tx.execute(_LOCK_DUE, {"event_id": event_id, **_DUE_DAYS}).first() is None:
        return None
    if self_dealing.holds_payout(tx, event_id, organizer_id) or self_dealing.holds_later_sales(tx, organizer_id):
        return None
    owed = balance.owed(tx, organizer_id, event_id)
    _open_undecided_tasks(tx, organizer_id, event_id)
    return _create(tx, organizer_id, event_id, owed if owed >= MIN_AMOUNT else 0, is_remainder=False)


def create_remainder(tx: Transaction, organizer_id: UUID) -> UUID | None:
    """Create a payout of what has become payable since an organizer's events were paid out; None if it is little."""
    people.lock(tx, organizer_id)
    owed = balance.owed(tx, organizer_id)
    if owed < MIN_AMOUNT or tx.execute(_HAS_OPEN_REMAINDER, {"organizer_id": organizer_id}).scalar_one():
        return None
    if self_dealing.holds_later_sales(tx, organizer_id) or self_dealing.is_any_held(tx, organizer_id):
        return None
    names = {"organizer_id": organizer_id, "account": organizer_payable(organizer_id)}
    event_id: UUID = tx.execute(_MOST_OWED_EVENT, names).scalar_one()
    return _create(tx, organizer_id, event_id, owed, is_remainder=True)


def _try_to_create(make: Callable[..., UUID | None], *ids: UUID) -> UUID | Exception | None:
    """Create a payout in a transaction of its own; the error where that fails."""
    try:
        with transaction() as tx:
            return make(tx, *ids)
    except Exception as error:
        log.error("payout.creation_failed", extra={"ids": [str(each) for each in ids]}, exc_info=error)
        return error


def _create_remainder_if_owed(tx: Transaction, organizer_id: UUID) -> UUID | None:
    """Create a remainder; an organizer who is owed little is not locked for it."""
    return create_remainder(tx, organizer_id) if balance.owed(tx, organizer_id) >= MIN_AMOUNT else None


def _open_undecided_tasks(tx: Transaction, organizer_id: UUID, event_id: UUID) -> None:
    for refund in balance.undecided_refunds(tx, organizer_id, event_id):
        manual_tasks.add(tx, "refund_undecided", subject="refund", subject_id=refund.id, kept_back=refund.amount)


def _create(tx: Transaction, organizer_id: UUID, event_id: UUID, amount: int, *, is_remainder: bool) -> UUID:
    status = PayoutStatus.PENDING if amount else PayoutStatus.CARRIED_OVER
    names = {"organizer_id": organizer_id, "event_id": event_id, "is_remainder": is_remainder}
    payout_id: UUID = tx.execute(_ADD, {**names, "amount": amount, "status": status}).scalar_one()
    ledger.post_payout(tx, payout_id, amount, organizer_id=organizer_id, event_id=event_id)
    audit.record(tx, "payout.made", subject="payout", subject_id=payout_id, amount=amount)
    if amount:
        outbox.add(tx, "payout.requested", {"payout_id": payout_id})
    return payout_id
