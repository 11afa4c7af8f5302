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

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud import audit, authorization, manual_tasks, outbox
from shared.cloud.database import Transaction, transaction
from shared.identity import people
from shared.identity.tokens import Principal
from shared.models import Listing, PageQuery, ResponseModel
from shared.payouts import self_dealing
from shared.problems import NotFound, Problem
from shared.states import PayoutStatus

DAYS_AFTER_EVENT = 7
MAX_TRIES = 5
"""Transfers of one payout before a person takes over. A repeat by a person begins anew."""
DAYS_TO_DECIDE = 14
"""The time after an event's end for which an undecided refund holds its payout. Then its money is kept back."""
MIN_AMOUNT = 10_000
"""Rupiah; what a bank transfer moves at least (docs/reference/gateways.md)."""

log = logging.getLogger(__name__)

_RETRYABLE = (PayoutStatus.PENDING, PayoutStatus.FAILED)

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
# The organizer's share of orders of which money went back at a dashboard, for lines that a person is to name.
_SUSPENDED = text("""
    WITH asked AS (
        SELECT DISTINCT p.order_id FROM manual_tasks t JOIN payments p ON CAST(p.id AS text) = t.subject_id
        WHERE t.subject = 'payment' AND t.kind IN ('payment_partially_refunded', 'payment_refunded')
          AND t.done_at IS NULL),
    balances AS (
        SELECT l.order_id, sum(e.amount) FILTER (WHERE e.account = 'dashboard_refunds') AS suspense,
            -sum(e.amount) FILTER (WHERE e.account = :account) AS share
        FROM asked a JOIN ledger_postings l ON l.order_id = a.order_id  -- Uses index: ledger_postings_order
        JOIN ledger_entries e ON e.posting_id = l.id
        WHERE l.organizer_id = :organizer_id
          AND (l.event_id = :event_id OR l.event_id IN (
            SELECT event_id FROM payouts WHERE organizer_id = :organizer_id))
        GROUP BY l.order_id)
    SELECT COALESCE(sum(GREATEST(LEAST(COALESCE(suspense, 0), share), 0)), 0) FROM balances
""")
_PAID_ORGANIZERS = text("SELECT DISTINCT organizer_id FROM payouts ORDER BY organizer_id")
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
_IS_CANCELLING = text("""
    SELECT EXISTS (SELECT 1 FROM event_cancellations c JOIN events e ON e.id = c.event_id
        WHERE c.finished_at IS NULL AND e.organizer_id = :organizer_id)  -- Uses index: event_cancellations_open
""")
_ADD = text("""
    INSERT INTO payouts (organizer_id, event_id, amount, status, is_remainder)
    VALUES (:organizer_id, :event_id, :amount, :status, :is_remainder)
    RETURNING id
""")
_READ = text("""
    SELECT p.id, p.organizer_id, p.event_id, p.amount, p.status, p.failure, p.tries, e.title
    FROM payouts p JOIN events e ON e.id = p.event_id WHERE p.id = :id
""")
_LOCK = text("SELECT id FROM payouts WHERE id = :id FOR UPDATE")
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
_DUE_DAYS = {"days": DAYS_AFTER_EVENT, "days_to_decide": DAYS_TO_DECIDE}
_SELECT = """
    SELECT p.id, p.organizer_id, p.event_id, e.title AS event_title, p.amount, p.status, p.failure, p.created_at,
        p.completed_at, p.is_remainder, d.ending AS account_number_ending, d.bank_code,
        CASE WHEN p.status IN ('processing', 'failed') THEN 'transfer' WHEN p.status = 'pending' THEN
            CASE WHEN a.id IS NULL OR a.status <> 'verified' THEN 'bank_account'
                WHEN a.is_frozen THEN 'bank_account_frozen'
                WHEN a.waits_until > clock_timestamp() THEN 'bank_account_wait'
                WHEN NOT a.has_payee_name THEN 'bank_account_name'
                ELSE 'transfer' END END AS waits_for
    FROM payouts p JOIN events e ON e.id = p.event_id
    LEFT JOIN bank_accounts a ON a.user_id = p.organizer_id AND a.replaced_at IS NULL
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


class PayoutResponse(ResponseModel):
    """Money for an organizer. `amount` in rupiah; a remainder became payable after its event's own payout was made.

    `waits_for` is a bank account, or one that is set but not to be used yet: because it replaced another less than a
    day ago, was stopped by the link in the mail about it (`..._frozen`: set it again), or bears another name than its
    organizer (`..._name`: we look at it); or the transfer; null once it has ended.
    """

    id: UUID
    organizer_id: UUID
    event_id: UUID
    event_title: str
    amount: int
    status: PayoutStatus
    failure: str | None
    bank_code: str | None
    account_number_ending: str | None
    created_at: datetime
    completed_at: datetime | None
    is_remainder: bool
    waits_for: (
        Literal["bank_account", "bank_account_wait", "bank_account_frozen", "bank_account_name", "transfer"] | None
    )


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


def create_all_due() -> int:
    """Make the payouts of all due events, and of remainders; return how many. Run twice at once it makes each once."""
    with transaction() as tx:
        due = tx.execute(_DUE, _DUE_DAYS).all()
    made = 0
    for event in due:
        with transaction() as tx:
            made += create(tx, event.id, event.organizer_id) is not None
    return made + _create_remainders()


def create(tx: Transaction, event_id: UUID, organizer_id: UUID) -> UUID | None:
    """Make the payout of one event; None where it is not due, or made. Organizer and event are locked from here on."""
    people.lock(tx, organizer_id)
    if tx.execute(_LOCK_DUE, {"event_id": event_id, **_DUE_DAYS}).first() is None:
        return None
    if self_dealing.holds_payout(tx, event_id, organizer_id) or self_dealing.holds_later_sales(tx, organizer_id):
        return None
    owed = _owed(tx, organizer_id, event_id)
    _open_undecided_tasks(tx, organizer_id, event_id)
    return _make(tx, organizer_id, event_id, owed if owed >= MIN_AMOUNT else 0, is_remainder=False)


def create_remainder(tx: Transaction, organizer_id: UUID) -> UUID | None:
    """Make a payout of what has become payable since the events of an organizer were paid out; None if it is little."""
    people.lock(tx, organizer_id)
    owed = _owed(tx, organizer_id)
    if owed < MIN_AMOUNT or tx.execute(_HAS_OPEN_REMAINDER, {"organizer_id": organizer_id}).scalar_one():
        return None
    if self_dealing.holds_later_sales(tx, organizer_id) or self_dealing.is_any_held(tx, organizer_id):
        return None
    names = {"organizer_id": organizer_id, "account": ledger.payable_to(organizer_id)}
    event_id: UUID = tx.execute(_MOST_OWED_EVENT, names).scalar_one()
    return _make(tx, organizer_id, event_id, owed, is_remainder=True)


def is_waiting_for_cancellation(tx: Transaction, payout: Payout) -> bool:
    """True if an event of the organizer's is being cancelled: what that costs is not in the ledger yet."""
    found: bool = tx.execute(_IS_CANCELLING, {"organizer_id": payout.organizer_id}).scalar_one()
    return found


def no_longer_owed(tx: Transaction, payout: Payout) -> int:
    """Rupiah of a locked payout that the organizer has come to owe us since it was made."""
    return min(max(-_owed(tx, payout.organizer_id), 0), payout.amount)


def reduce(tx: Transaction, payout: Payout, by: int, transfer_id: UUID) -> None:
    """Take off a locked payout what is no longer owed; `transfer_id` is the transfer that sends the rest."""
    if by:
        _set_amount(tx, payout, payout.amount - by, PayoutStatus.PROCESSING, reference_id=transfer_id)


def carry_over(tx: Transaction, payout: Payout) -> None:
    """Send nothing of a locked payout: what is left of it is too little, and stays in the ledger for a later one."""
    _set_amount(tx, payout, 0, PayoutStatus.CARRIED_OVER, reference_id=payout.id)
    manual_tasks.close(tx, payout.id, by=None)


def resume_pending(tx: Transaction, organizer_id: UUID) -> None:
    """Have what waits sent, now that a cancellation has ended. The organizer is locked."""
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


def change(
    tx: Transaction,
    payout: Payout,
    status: PayoutStatus,
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


def retry(tx: Transaction, payout_id: UUID, caller: Principal) -> PayoutResponse:
    """Have a payout that failed or waits sent again. Raises NotFound, NotRetryable."""
    payout = lock(tx, payout_id)
    if not caller.may_act_for(payout.organizer_id):
        raise NotFound
    if payout.status not in _RETRYABLE:
        raise NotRetryable(payout_status=payout.status)
    resend(tx, payout, by=caller.id)
    return visible(tx, payout_id, caller)


def resend_all(tx: Transaction, organizer_id: UUID) -> None:
    """Have all that failed or waits sent to an organizer's new bank account.

    A transfer under way to the older one is waited for: whoever books that it failed sees the new account.
    """
    for payout_id in tx.execute(_UNPAID, {"organizer_id": organizer_id}).scalars().all():
        payout = lock(tx, payout_id)
        if payout.status in _RETRYABLE:
            resend(tx, payout)


def resend(tx: Transaction, payout: Payout, *, by: UUID | None = None) -> None:
    """Have a locked payout that failed or waits sent, as often as a new one."""
    change(tx, payout, PayoutStatus.PENDING, tries=0, by=by)
    outbox.add(tx, "payout.requested", {"payout_id": payout.id})


def visible(tx: Transaction, payout_id: UUID, caller: Principal) -> PayoutResponse:
    """A payout for its organizer or an admin; NotFound for anybody else."""
    row = tx.execute(_ONE, {"id": payout_id}).mappings().first()
    if row is None or not authorization.check_access(
        tx, caller, subject="payout", subject_id=payout_id, organizer_id=row["organizer_id"]
    ):
        raise NotFound
    return PayoutResponse(**row)


def listed(tx: Transaction, caller: Principal, page: PageQuery) -> Listing[PayoutResponse]:
    """An organizer's payouts, or all of them for an admin; newest first (FN-011)."""
    authorization.record_list_access(tx, caller, subject="payout")
    whose = {"organizer_id": None if caller.role == "admin" else caller.organizer_id}
    rows = tx.execute(_LIST, {**whose, "page_size": page.page_size, "offset": page.offset}).mappings()
    return Listing[PayoutResponse].of(
        page, [PayoutResponse(**row) for row in rows], tx.execute(_COUNT, whose).scalar_one()
    )


def _create_remainders() -> int:
    with transaction() as tx:
        organizers = tx.execute(_PAID_ORGANIZERS).scalars().all()
    made = 0
    for organizer_id in organizers:
        with transaction() as tx:
            if _owed(tx, organizer_id) >= MIN_AMOUNT:
                made += create_remainder(tx, organizer_id) is not None
    return made


def _owed(tx: Transaction, organizer_id: UUID, event_id: UUID | None = None) -> int:
    """The amount to pay an organizer now, in rupiah, also for an event that is due; negative where they owe us."""
    names = {"organizer_id": organizer_id, "event_id": event_id, "account": ledger.payable_to(organizer_id)}
    kept_back = sum(int(refund.amount) for refund in tx.execute(_UNDECIDED, names))
    kept_back += int(tx.execute(_SUSPENDED, names).scalar_one())
    return int(tx.execute(_OWED, names).scalar_one()) - kept_back


def _open_undecided_tasks(tx: Transaction, organizer_id: UUID, event_id: UUID) -> None:
    for refund in tx.execute(_UNDECIDED, {"organizer_id": organizer_id, "event_id": event_id}):
        manual_tasks.add(tx, "refund_undecided", subject="refund", subject_id=refund.id, kept_back=int(refund.amount))


def _make(tx: Transaction, organizer_id: UUID, event_id: UUID, amount: int, *, is_remainder: bool) -> UUID:
    status = PayoutStatus.PENDING if amount else PayoutStatus.CARRIED_OVER
    names = {"organizer_id": organizer_id, "event_id": event_id, "is_remainder": is_remainder}
    payout_id: UUID = tx.execute(_ADD, {**names, "amount": amount, "status": status}).scalar_one()
    entries = {ledger.payable_to(organizer_id): amount, ledger.PAYOUTS_PAYABLE: -amount}
    ledger.post_for_event(tx, "payout", payout_id, entries, event_id=event_id)
    audit.record(tx, "payout.made", subject="payout", subject_id=payout_id, amount=amount)
    if amount:
        outbox.add(tx, "payout.requested", {"payout_id": payout_id})
    return payout_id


def _set_amount(tx: Transaction, payout: Payout, amount: int, status: PayoutStatus, *, reference_id: UUID) -> None:
    freed = payout.amount - amount
    tx.execute(_SET_AMOUNT, {"id": payout.id, "amount": amount, "status": status})
    entries = {ledger.PAYOUTS_PAYABLE: freed, ledger.payable_to(payout.organizer_id): -freed}
    ledger.post_for_event(tx, "payout_reduced", reference_id, entries, event_id=payout.event_id)
    audit.record(tx, "payout.reduced", subject="payout", subject_id=payout.id, before=payout.amount, amount=amount)
