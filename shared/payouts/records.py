"""Payouts of organizers (FN-004..012): once per event, seven days after its end, out of the ledger.

    pending ──► processing ──► completed
       ▲            └──► failed ──┐       carried_over: too little to send; a later payout takes it along
       └──────────────────────────┘       by reconcile MAX_TRIES times; by a person, or a new bank account, always

Only a pending payout is sent, so that a message that comes twice sends once; it may wait for a bank account.

The amount is what the ledger owes at that moment for the events that are paid out, less what other events have
cost: a cancelled event's penalty is taken off whichever payout comes next. It is read again before each transfer,
since much can happen between: what is no longer owed is not sent. Money that becomes payable after an event's
payout is made goes out in a payout of its own, the remainder. The row, its posting and the first transfer are written
under the organizer's lock (decision 0023).
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud import audit, manual_tasks, outbox
from shared.cloud.database import Transaction
from shared.identity import people
from shared.payouts import balance
from shared.problems import NotFound
from shared.states import PayoutStatus

MAX_TRIES = 5
"""Transfers of one payout before a person takes over. A repeat by a person begins anew."""
MIN_AMOUNT = 10_000
"""Rupiah; what a bank transfer moves at least (docs/reference/gateways.md)."""

RETRYABLE = (PayoutStatus.PENDING, PayoutStatus.FAILED)

NEWEST_TRANSFER = """
    LEFT JOIN LATERAL (
        SELECT may_retry, updated_at FROM disbursements WHERE payout_id = p.id ORDER BY attempt DESC LIMIT 1
    ) AS d ON true
"""
RETRY_IS_DUE = f"""
    p.status = 'failed' AND p.tries < {MAX_TRIES} AND d.may_retry AND d.updated_at < now() - interval '1 hour'
"""
"""True of a failed payout that reconcile sends again, an hour after the last try."""

_IS_CANCELLING = text("""
    SELECT EXISTS (SELECT 1 FROM event_cancellations c JOIN events e ON e.id = c.event_id
        WHERE c.finished_at IS NULL AND e.organizer_id = :organizer_id)  -- Uses index: event_cancellations_open
""")
_READ = text("""
    SELECT p.id, p.organizer_id, p.event_id, p.amount, p.status, p.failure, p.tries, e.title
    FROM payouts p JOIN events e ON e.id = p.event_id WHERE p.id = :id
""")
_LOCK = text("SELECT id FROM payouts WHERE id = :id FOR UPDATE")
_IS_DUE = text(f"SELECT EXISTS (SELECT 1 FROM payouts p {NEWEST_TRANSFER} WHERE p.id = :id AND {RETRY_IS_DUE})")
_PENDING = text("""
    SELECT id FROM payouts  -- Uses index: payouts_organizer
    WHERE organizer_id = :organizer_id AND status = 'pending' ORDER BY id
""")
_SET_AMOUNT = text("UPDATE payouts SET amount = :amount, status = :status, updated_at = now() WHERE id = :id")
_UNPAID = text("""
    SELECT id FROM payouts  -- Uses index: payouts_organizer
    WHERE organizer_id = :organizer_id AND status IN ('pending', 'processing', 'failed') ORDER BY id
""")
_CHANGE = text("""
    UPDATE payouts SET status = :status, failure = :failure, tries = :tries, updated_at = now(),
        completed_at = CASE WHEN :status = 'completed' THEN now() END
    WHERE id = :id
""")


@dataclass(frozen=True)
class Payout:
    """A row of payouts, with its event's title. `tries`: transfers since it was created or retried."""

    id: UUID
    organizer_id: UUID
    event_id: UUID
    amount: int
    status: str
    failure: str | None
    tries: int
    title: str


def is_waiting_for_cancellation(tx: Transaction, payout: Payout) -> bool:
    """True if an event of the organizer's is being cancelled: what that costs is not in the ledger yet."""
    found: bool = tx.execute(_IS_CANCELLING, {"organizer_id": payout.organizer_id}).scalar_one()
    return found


def excess_amount(tx: Transaction, payout: Payout) -> int:
    """Rupiah of a locked payout that the organizer has come to owe us since it was made."""
    return min(max(-balance.owed(tx, payout.organizer_id), 0), payout.amount)


def reduce(tx: Transaction, payout: Payout, by: int, transfer_id: UUID) -> None:
    """Take off a locked payout what is no longer owed; `transfer_id` is the transfer that sends the rest."""
    if by:
        _set_amount(tx, payout, payout.amount - by, PayoutStatus.PROCESSING, reference_id=transfer_id)


def carry_over(tx: Transaction, payout: Payout) -> None:
    """Send nothing of a locked payout: what is left of it is too little, and stays in the ledger for a later one."""
    _set_amount(tx, payout, 0, PayoutStatus.CARRIED_OVER, reference_id=payout.id)
    manual_tasks.close(tx, payout.id, by=None)


def resume_pending(tx: Transaction, organizer_id: UUID) -> None:
    """Enqueue pending payouts, as a cancellation has ended. The organizer is locked."""
    for payout_id in tx.execute(_PENDING, {"organizer_id": organizer_id}).scalars():
        outbox.add(tx, "payout.requested", {"payout_id": payout_id})


def read(tx: Transaction, payout_id: UUID) -> Payout:
    """A payout as it is. Raises NotFound."""
    row = tx.execute(_READ, {"id": payout_id}).first()
    if row is None:
        raise NotFound
    return Payout(**row._mapping)


def lock(tx: Transaction, payout_id: UUID) -> Payout:
    """Lock a payout's organizer and then the payout; both come before its transfers. Raises NotFound."""
    people.lock(tx, read(tx, payout_id).organizer_id)
    tx.execute(_LOCK, {"id": payout_id})
    return read(tx, payout_id)


def is_retry_due(tx: Transaction, payout: Payout) -> bool:
    """True if a locked payout has failed and may be retried automatically, now."""
    due: bool = tx.execute(_IS_DUE, {"id": payout.id}).scalar_one()
    return due


def set_status(
    tx: Transaction,
    payout: Payout,
    status: PayoutStatus,
    failure: str | None = None,
    *,
    tries: int | None = None,
    by: UUID | None = None,
) -> None:
    """Set the status of a locked payout, and `tries` where they change too."""
    counted = payout.tries if tries is None else tries
    tx.execute(_CHANGE, {"id": payout.id, "status": status, "failure": failure, "tries": counted})
    audit.record(
        tx,
        f"payout.{status}",
        subject="payout",
        subject_id=payout.id,
        actor_id=by,
        amount=payout.amount,
        failure=failure,
    )


def resend_all(tx: Transaction, organizer_id: UUID) -> None:
    """Enqueue all failed and pending payouts again, to an organizer's new bank account.

    A transfer under way to the older one is waited for: its failure is booked after the change of account.
    """
    for payout_id in tx.execute(_UNPAID, {"organizer_id": organizer_id}).scalars().all():
        payout = lock(tx, payout_id)
        if payout.status in RETRYABLE:
            resend(tx, payout)


def resend(tx: Transaction, payout: Payout, *, by: UUID | None = None) -> None:
    """Enqueue a locked payout that failed or waits again, with as many tries as a new one."""
    set_status(tx, payout, PayoutStatus.PENDING, tries=0, by=by)
    outbox.add(tx, "payout.requested", {"payout_id": payout.id})


def _set_amount(tx: Transaction, payout: Payout, amount: int, status: PayoutStatus, *, reference_id: UUID) -> None:
    freed = payout.amount - amount
    tx.execute(_SET_AMOUNT, {"id": payout.id, "amount": amount, "status": status})
    ledger.post_payout_reduction(tx, reference_id, freed, organizer_id=payout.organizer_id, event_id=payout.event_id)
    audit.record(tx, "payout.reduced", subject="payout", subject_id=payout.id, before=payout.amount, amount=amount)
