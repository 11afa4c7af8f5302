"""What organizers are paid, and when (FN-004..012): once per event, seven days after its end, out of the ledger.

    pending ──► processing ──► completed
       ▲            └──► failed ──┐       carried_over: too little to send; the next event's payout takes it along
       └──────────────────────────┘       by reconcile MOST_TRIES times; by a person, or a new bank account, always

Only a pending payout is sent, so that a message that comes twice sends once; it may wait for a bank account.

The amount is whatever the ledger owes for the organizer's events that are due, so that debts of a
cancelled event and refunds after a payout are taken off the next one. The row, its posting and the first
transfer are written in one transaction under the organizer's lock.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit, outbox, ownership
from shared.cloud.database import Transaction, transaction
from shared.identity import people
from shared.identity.tokens import Principal
from shared.models import Answer, Listing, Page
from shared.money import ledger
from shared.problems import NotFound, Problem

DAYS_AFTER_EVENT = 7
MOST_TRIES = 5
"""Transfers of one payout before a person takes over. Whoever has it sent again begins anew."""
LEAST_AMOUNT = 10_000
"""Rupiah; what a bank transfer moves at least (docs/reference/gateways.md)."""

log = logging.getLogger(__name__)

Status = Literal["pending", "processing", "completed", "failed", "carried_over"]
_RETRYABLE = ("pending", "failed")

_IS_DUE = """
    FROM events e
    LEFT JOIN payouts p ON p.event_id = e.id LEFT JOIN event_cancellations c ON c.event_id = e.id
    WHERE p.id IS NULL
      AND (c.finished_at IS NOT NULL
        OR (e.status = 'published' AND e.end_date <= now() - make_interval(days => :days)))
      AND EXISTS (SELECT 1 FROM ledger_postings l WHERE l.event_id = e.id)
      AND NOT EXISTS (SELECT 1 FROM refunds r JOIN orders o ON o.id = r.order_id
        WHERE o.event_id = e.id AND r.status = 'requested')
"""
_DUE = text(f"SELECT e.id, e.organizer_id {_IS_DUE} ORDER BY e.end_date, e.id")
# Whoever changes the event's dates (catalog/editing.py) waits for this lock, or this waits for them and looks again.
_LOCK_DUE = text(f"SELECT e.id {_IS_DUE} AND e.id = :event_id FOR NO KEY UPDATE OF e")
_OWED = text("""
    SELECT COALESCE(-sum(e.amount), 0)
    FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id
    WHERE p.organizer_id = :organizer_id AND e.account = :account
      AND (p.event_id = :event_id OR p.event_id IN (SELECT event_id FROM payouts WHERE organizer_id = :organizer_id))
""")
_ADD = text("""
    INSERT INTO payouts (organizer_id, event_id, amount, status)
    VALUES (:organizer_id, :event_id, :amount, :status)
    RETURNING id
""")
_READ = text("""
    SELECT p.id, p.organizer_id, p.event_id, p.amount, p.status, p.failure, p.tries, e.title
    FROM payouts p JOIN events e ON e.id = p.event_id WHERE p.id = :id
""")
_LOCK = text("SELECT id FROM payouts WHERE id = :id FOR UPDATE")
_UNPAID = text("""
    SELECT id FROM payouts  -- Uses index: payouts_organizer
    WHERE organizer_id = :organizer_id AND status IN ('pending', 'processing', 'failed') ORDER BY id
""")
_CHANGE = text("""
    UPDATE payouts SET status = :status, failure = :failure, tries = :tries, updated_at = now(),
        completed_at = CASE WHEN :status = 'completed' THEN now() END
    WHERE id = :id
""")
_SELECT = """
    SELECT p.id, p.organizer_id, p.event_id, e.title AS event_title, p.amount, p.status, p.failure, p.created_at,
        p.completed_at, d.ending AS account_number_ending, d.bank_code
    FROM payouts p JOIN events e ON e.id = p.event_id
    LEFT JOIN LATERAL (
        SELECT b.bank_code, b.account_number_ending AS ending FROM disbursements t
        JOIN bank_accounts b ON b.id = t.bank_account_id
        WHERE t.payout_id = p.id ORDER BY t.attempt DESC LIMIT 1) AS d ON true
"""
_ONE = text(f"{_SELECT} WHERE p.id = :id")
_LIST = text(f"""
    {_SELECT} WHERE CAST(:organizer_id AS uuid) IS NULL OR p.organizer_id = CAST(:organizer_id AS uuid)
    ORDER BY p.created_at DESC, p.id LIMIT :page_size OFFSET :offset
""")
_COUNT = text("""
    SELECT count(*) FROM payouts p
    WHERE CAST(:organizer_id AS uuid) IS NULL OR p.organizer_id = CAST(:organizer_id AS uuid)
""")


class PayoutAnswer(Answer):
    """Money for an organizer. `amount` in rupiah."""

    id: UUID
    organizer_id: UUID
    event_id: UUID
    event_title: str
    amount: int
    status: Status
    failure: str | None
    bank_code: str | None
    account_number_ending: str | None
    created_at: datetime
    completed_at: datetime | None


class NotRetryable(Problem):
    """Only a payout that failed, or waits for a bank account, can be sent again."""

    status, slug = 409, "payout-not-retryable"


@dataclass(frozen=True)
class Payout:
    """A row of payouts, with its event's title. `tries`: transfers since it was made or asked for again."""

    id: UUID
    organizer_id: UUID
    event_id: UUID
    amount: int
    status: str
    failure: str | None
    tries: int
    title: str


def settle_all_due() -> int:
    """Make the payouts of all events that are due; return how many. Run twice at once it makes each once."""
    with transaction() as tx:
        due = tx.execute(_DUE, {"days": DAYS_AFTER_EVENT}).all()
    made = 0
    for event in due:
        with transaction() as tx:
            made += settle(tx, event.id, event.organizer_id) is not None
    return made


def settle(tx: Transaction, event_id: UUID, organizer_id: UUID) -> UUID | None:
    """Make the payout of one event; None where it is not due, or made. Organizer and event are locked from here on."""
    people.lock(tx, organizer_id)
    if tx.execute(_LOCK_DUE, {"event_id": event_id, "days": DAYS_AFTER_EVENT}).first() is None:
        return None
    names = {"organizer_id": organizer_id, "event_id": event_id}
    owed = int(tx.execute(_OWED, {**names, "account": ledger.payable_to(organizer_id)}).scalar_one())
    amount = owed if owed >= LEAST_AMOUNT else 0
    status = "pending" if amount else "carried_over"
    payout_id: UUID = tx.execute(_ADD, {**names, "amount": amount, "status": status}).scalar_one()
    entries = {ledger.payable_to(organizer_id): amount, ledger.PAYOUTS_PAYABLE: -amount}
    ledger.post_for_event(tx, "payout", payout_id, entries, event_id=event_id)
    audit.record(tx, "payout.made", subject="payout", subject_id=payout_id, amount=amount, owed=owed)
    if amount:
        outbox.add(tx, "payout.requested", {"payout_id": payout_id})
    return payout_id


def read(tx: Transaction, payout_id: UUID) -> Payout:
    """A payout as it is. Raises NotFound."""
    row = tx.execute(_READ, {"id": payout_id}).first()
    if row is None:
        raise NotFound
    return Payout(**row._mapping)


def lock(tx: Transaction, payout_id: UUID) -> Payout:
    """Lock a payout; it comes before its transfers. Raises NotFound."""
    tx.execute(_LOCK, {"id": payout_id})
    return read(tx, payout_id)


def change(
    tx: Transaction,
    payout: Payout,
    status: Status,
    failure: str | None = None,
    *,
    tries: int | None = None,
    by: UUID | None = None,
) -> None:
    """Note where a locked payout stands, and by whom; `tries` where they change too."""
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


def retry(tx: Transaction, payout_id: UUID, caller: Principal) -> PayoutAnswer:
    """Have a payout that failed or waits sent again. Raises NotFound, NotRetryable."""
    payout = lock(tx, payout_id)
    if not caller.may_act_for(payout.organizer_id):
        raise NotFound
    if payout.status not in _RETRYABLE:
        raise NotRetryable(payout_status=payout.status)
    send_afresh(tx, payout, by=caller.id)
    return visible(tx, payout_id, caller)


def send_all_afresh(tx: Transaction, organizer_id: UUID) -> None:
    """Have all that failed or waits sent to an organizer's new bank account.

    What is under way to the older one is waited for: whoever books that it failed sees the new account.
    """
    for payout_id in tx.execute(_UNPAID, {"organizer_id": organizer_id}).scalars().all():
        payout = lock(tx, payout_id)
        if payout.status in _RETRYABLE:
            send_afresh(tx, payout)


def send_afresh(tx: Transaction, payout: Payout, *, by: UUID | None = None) -> None:
    """Have a locked payout that failed or waits sent, as often as a new one."""
    change(tx, payout, "pending", tries=0, by=by)
    outbox.add(tx, "payout.requested", {"payout_id": payout.id})


def visible(tx: Transaction, payout_id: UUID, caller: Principal) -> PayoutAnswer:
    """A payout for its organizer or an admin; NotFound for anybody else."""
    row = tx.execute(_ONE, {"id": payout_id}).mappings().first()
    if row is None or not ownership.may_see(
        tx, caller, subject="payout", subject_id=payout_id, organizer_id=row["organizer_id"]
    ):
        raise NotFound
    return PayoutAnswer(**row)


def listed(tx: Transaction, caller: Principal, page: Page) -> Listing[PayoutAnswer]:
    """An organizer's payouts, or all of them for an admin; newest first (FN-011)."""
    ownership.looks_through(tx, caller, subject="payout")
    whose = {"organizer_id": None if caller.role == "admin" else caller.organizer_id}
    rows = tx.execute(_LIST, {**whose, "page_size": page.page_size, "offset": page.offset}).mappings()
    return Listing[PayoutAnswer].of(page, [PayoutAnswer(**row) for row in rows], tx.execute(_COUNT, whose).scalar_one())
