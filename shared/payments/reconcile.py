"""Reconcile: finding and repairing what crashes, lost messages and silent gateways have left (L3).

It has no repairs of its own: it finds, and calls the operations that the functions call. Each repair is an audit line
`reconcile_fix_...`, each run one `reconcile_run` with its totals (MON alerts on them).
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import TextClause, text

from shared.accounting import ledger
from shared.cloud import audit, object_deletion, outbox
from shared.cloud.database import transaction
from shared.gateways.errors import GatewayError
from shared.payments import (
    cancellation,
    change_notices,
    payment_expiry,
    reconcile_totals,
    status_handling,
    sync,
    transfer_sync,
    unallocated,
    unrecorded_payments,
    webhooks,
)
from shared.payments import records as payment_records
from shared.payments.status_handling import StatusOutcome
from shared.payouts import bank_account_checks
from shared.payouts import execution as payout_execution
from shared.payouts import records as payout_records
from shared.problems import Problem
from shared.refunds import execution as refund_execution
from shared.sales import counter_repair, expiry, orders
from shared.states import BankAccountStatus, PayoutStatus, RefundStatus, TransferStatus

MAX_PER_CHECK = 200
CHECK_SECONDS = 40
"""After so long a check leaves its other rows to the next run: a slow gateway keeps no other check waiting, and the
function ends before its time-out (functions/manifest.yaml)."""
_GATEWAY_CHECKS = ("reconcile_fix_unrecorded_invoice", "reconcile_fix_dashboard_refund")

log = logging.getLogger(__name__)

_STUCK_WEBHOOKS = text("""
    SELECT id FROM webhook_events  -- Uses index: webhook_events_waiting
    WHERE NOT processed AND created_at < now() - make_interval(secs => :older_than_seconds)
    ORDER BY created_at LIMIT :most
""")
_OVERDUE_PAYMENTS = text("""
    SELECT id FROM payments  -- Uses index: payments_open
    WHERE status = 'pending' AND expires_at < now() - make_interval(secs => :older_than_seconds)
    ORDER BY expires_at LIMIT :most
""")
_QUIET_PAYMENTS = text("""
    SELECT p.id FROM payments p
    WHERE p.status = 'pending' AND p.created_at < now() - interval '5 minutes' AND p.expires_at >= now()
    ORDER BY p.created_at LIMIT :most
""")
_STUCK_OPENING = text("""
    SELECT id FROM payments
    WHERE status = 'opening' AND updated_at < now() - make_interval(secs => :older_than_seconds)
    ORDER BY updated_at LIMIT :most
""")
_TO_END = text("""
    SELECT id FROM payments  -- Uses index: payments_to_end
    WHERE must_end_at_gateway AND updated_at < now() - make_interval(secs => :older_than_seconds)
    ORDER BY updated_at LIMIT :most
""")
_OPEN_ON_ENDED = text("""
    SELECT DISTINCT p.order_id AS id FROM payments p JOIN orders o ON o.id = p.order_id
    WHERE p.status IN ('opening', 'pending') AND o.status NOT IN ('reserved', 'pending_payment')
      AND o.updated_at < now() - make_interval(secs => :older_than_seconds)
    LIMIT :most
""")
_UNRETURNED = text(f"""
    SELECT DISTINCT p.order_id AS id  -- Uses index: payments_to_review
    FROM payments p JOIN orders o ON o.id = p.order_id
    WHERE {unallocated.WAITING} AND o.status IN ('expired', 'cancelled', 'refunded')
      AND o.updated_at < now() - make_interval(secs => :older_than_seconds)
    LIMIT :most
""")
_UNISSUED = text("""
    SELECT id FROM orders  -- Uses index: orders_unissued
    WHERE status = 'paid' AND tickets_issued_at IS NULL
      AND paid_at < now() - make_interval(secs => :older_than_seconds)
    ORDER BY paid_at LIMIT :most
""")
# Units that issuing assigned before it recorded that it was done; if they were lost since, issuing assigns them again.
_WITHOUT_GOODS = text("""
    SELECT DISTINCT o.id FROM orders o  -- Uses index: orders_paid
    JOIN order_items i ON i.order_id = o.id JOIN ticket_tiers t ON t.id = i.tier_id
    WHERE o.event_id IN (SELECT event_id FROM ticket_tiers WHERE kind IN ('product', 'digital'))
      AND o.status = 'paid' AND o.paid_at > now() - interval '7 days' AND o.tickets_issued_at IS NOT NULL
      AND i.returned_at IS NULL
      AND o.paid_at < now() - make_interval(secs => :older_than_seconds)
      AND CASE t.kind
            WHEN 'product' THEN NOT EXISTS (SELECT 1 FROM pickups p WHERE p.order_id = o.id)
            WHEN 'digital' THEN NOT EXISTS (SELECT 1 FROM digital_units u WHERE u.item_id = i.id)
            ELSE false END
    LIMIT :most
""")
_UNBOOKED = """
    SELECT p.id
    FROM orders o JOIN payments p ON p.order_id = o.id AND p.status = 'paid'  -- Uses index: orders_paid
    WHERE o.status = 'paid' AND o.paid_at > now() - interval '{}' AND o.total_amount > 0
      AND p.received_amount = p.amount
      AND NOT EXISTS (SELECT 1 FROM ledger_postings l WHERE l.order_id = o.id)
    LIMIT :most
"""
# Every five minutes of what is new; an hour that was missed is made up for by the thorough runs.
_UNBOOKED_LATELY, _UNBOOKED_IN_DAYS = (text(_UNBOOKED.format(age)) for age in ("2 hours", "2 days"))
# Drawn, as the oldest may be those that a gateway leaves pending for days: the others would never have their turn.
_REFUNDS = text("""
    SELECT id, status FROM refunds  -- Uses index: refunds_open
    WHERE (status = 'processing' OR (status = 'approved' AND (method IS DISTINCT FROM 'disbursement'
            OR EXISTS (SELECT 1 FROM bank_accounts b WHERE b.user_id = refunds.user_id AND b.replaced_at IS NULL
                AND b.status = 'verified' AND NOT b.is_frozen
                AND COALESCE(b.waits_until <= clock_timestamp(), true)))))
      AND updated_at < now() - make_interval(secs => :older_than_seconds)
    ORDER BY random() LIMIT :most
""")
_TRANSFERS = text("""
    SELECT id FROM disbursements  -- Uses index: disbursements_open
    WHERE status = 'sending' AND updated_at < now() - make_interval(secs => :older_than_seconds)
    ORDER BY updated_at LIMIT :most
""")
_CHECKED_ACCOUNTS = text("""
    SELECT id FROM bank_accounts  -- Uses index: bank_accounts_checking
    WHERE status = 'checking' AND replaced_at IS NULL
      AND created_at < now() - make_interval(secs => :older_than_seconds)
    ORDER BY random() LIMIT :most
""")
_PAYOUTS = text(f"""
    SELECT p.id, p.status FROM payouts p  -- Uses index: payouts_open
    {payout_records.NEWEST_TRANSFER}
    WHERE p.updated_at < now() - make_interval(secs => :older_than_seconds) AND (
        (p.status = 'pending' AND EXISTS (SELECT 1 FROM bank_accounts b WHERE b.user_id = p.organizer_id
            AND b.replaced_at IS NULL AND b.status = 'verified' AND NOT b.is_frozen
            AND COALESCE(b.waits_until <= clock_timestamp(), true)))
        OR ({payout_records.RETRY_IS_DUE}))
    ORDER BY p.updated_at LIMIT :most
""")
_CANCELLATIONS = text("""
    SELECT event_id AS id FROM event_cancellations  -- Uses index: event_cancellations_open
    WHERE finished_at IS NULL AND updated_at < now() - make_interval(secs => :older_than_seconds)
    ORDER BY updated_at LIMIT :most
""")
_EVENT_CHANGES = text("""
    SELECT id FROM event_changes  -- Uses index: event_changes_open
    WHERE finished_at IS NULL AND GREATEST(due_at, updated_at) < now() - make_interval(secs => :older_than_seconds)
    ORDER BY due_at LIMIT :most
""")
_QUEUED_MAILS = text("""
    SELECT id FROM emails  -- Uses index: emails_queued
    WHERE status = 'queued' AND created_at < now() - make_interval(secs => :older_than_seconds)
    ORDER BY created_at LIMIT :most
""")


@dataclass(frozen=True)
class _Found:
    """A row that a check has found, with its status if the repair needs it."""

    id: UUID
    status: str | None = None


@dataclass(frozen=True)
class _Check:
    """A check: how to find what is wrong, the name of its repair, and the repair."""

    name: str
    find: TextClause
    repair: Callable[[_Found], object]


class StepsFailed(Exception):
    """Steps of a run failed, and the others have done their part: `totals` counts their repairs."""

    def __init__(self, totals: Mapping[str, int]) -> None:
        super().__init__("steps of reconcile have failed")
        self.totals = totals


def run(*, thorough: bool, older_than_seconds: int = 60) -> dict[str, int]:
    """Run all checks and repair what they find; return the number of repairs by name.

    `thorough` (hourly) also asks the gateways about payments that are merely silent, and recounts the counters. Rows
    younger than `older_than_seconds` are left to the functions that are working on them. Raises StepsFailed at the end.
    """
    totals: Counter[str] = Counter()
    errors: list[Exception] = []
    for name, step in _steps(thorough=thorough, older_than_seconds=older_than_seconds):
        totals[name] += _count(name, step, errors)
    with transaction() as tx:
        audit.record(tx, "reconcile_run", subject="run", subject_id=None, thorough=thorough, totals=totals)
    _log_counted_repairs(totals)
    log.info("reconcile.run", extra={"totals": totals})
    if errors:
        raise StepsFailed(totals) from errors[0]
    return totals


def _steps(*, thorough: bool, older_than_seconds: int) -> Iterator[tuple[str, Callable[[], int]]]:
    """The steps of a run, in its order: the name of each repair, and the step that returns its number."""
    yield "reconcile_fix_message_published", lambda: outbox.sweep(older_than_seconds=min(older_than_seconds, 10))
    yield "reconcile_release_stock", expiry.expire_all_due
    yield "reconcile_delete_file", object_deletion.sweep
    for check in _CHECKS + (_THOROUGH if thorough else []):
        yield check.name, partial(_apply, check, older_than_seconds)
    if thorough:
        yield (
            "reconcile_fix_unrecorded_invoice",
            lambda: unrecorded_payments.handle_unrecorded(older_than_seconds=older_than_seconds),
        )
        yield "reconcile_fix_dashboard_refund", unrecorded_payments.handle_refunds
        yield "reconcile_fix_counter", counter_repair.correct_counters
        yield reconcile_totals.LEDGER_DIFFERENCE, _ledger_differences


def _count(name: str, step: Callable[[], int], errors: list[Exception]) -> int:
    """The number of repairs; 0 if a step fails, which must not stop the others: the next run checks again."""
    try:
        return step()
    except GatewayError as error:
        log.warning("reconcile.postponed", extra={"check": name, "error": str(error)})
    except Exception as error:
        log.error("reconcile.failed", extra={"check": name}, exc_info=error)
        errors.append(error)
    return 0


def _apply(check: _Check, older_than_seconds: int) -> int:
    with transaction() as tx:
        values = {"older_than_seconds": older_than_seconds, "most": MAX_PER_CHECK}
        found = [_Found(**row._mapping) for row in tx.execute(check.find, values)]
    deadline, repaired = time.monotonic() + CHECK_SECONDS, 0
    for number, row in enumerate(found, 1):
        repaired += _repair(check, row)
        if time.monotonic() > deadline and number < len(found):
            log.warning("reconcile.cut_short", extra={"check": check.name, "left": len(found) - number})
            break
    return repaired


def _repair(check: _Check, row: _Found) -> bool:
    """Repair one row; a failure must not stop the others."""
    try:
        outcome = check.repair(row)
    except (GatewayError, Problem) as error:
        log.warning("reconcile.postponed", extra={"check": check.name, "id": str(row.id), "error": str(error)})
        return False
    except Exception as error:
        log.error("reconcile.failed", extra={"check": check.name, "id": str(row.id)}, exc_info=error)
        return False
    if outcome in (StatusOutcome.NOTHING, False):
        return False
    with transaction() as tx:
        audit.record(tx, check.name, subject="row", subject_id=row.id, outcome=outcome)
    log.warning("reconcile.repaired", extra={"check": check.name, "id": str(row.id), "outcome": str(outcome)})
    return True


def _log_counted_repairs(totals: dict[str, int]) -> None:
    """Log the repairs that are only counted. Released stock and deleted files are routine, no repairs."""
    for name in ("reconcile_fix_message_published", "reconcile_fix_counter", *_GATEWAY_CHECKS):
        if totals.get(name):
            log.warning("reconcile.repaired", extra={"check": name, "count": totals[name]})


def _republish(topic: str, field: str) -> Callable[[_Found], object]:
    def publish(row: _Found) -> str:
        with transaction() as tx:
            outbox.add(tx, topic, {field: row.id})
        return topic

    return publish


def _book(row: _Found) -> bool:
    with transaction() as tx:
        order = orders.lock(tx, payment_records.read(tx, row.id).order_id)
        payment = payment_records.lock(tx, row.id)
        return ledger.post_sale(tx, payment.id, status_handling.sale_of(order, payment))


def _expire_abandoned_checkout(row: _Found) -> str:
    """Expire a payment whose checkout died between its two transactions and whose buyer did not come back."""
    payment_expiry.expire_unopened(row.id)
    return "given_up"


def _refund(row: _Found) -> str | bool:
    done = refund_execution.execute(row.id) if row.status == RefundStatus.APPROVED else refund_execution.sync(row.id)
    return done if done != row.status else False


def _transfer(row: _Found) -> str | bool:
    done = transfer_sync.sync_transfer(row.id)
    return done if done not in (TransferStatus.SENDING, PayoutStatus.PROCESSING) else False


def _bank_account(row: _Found) -> str | bool:
    done = bank_account_checks.recheck(row.id)
    return done if done != BankAccountStatus.CHECKING else False


def _payout(row: _Found) -> str | bool:
    done = (
        payout_execution.execute(row.id)
        if row.status == PayoutStatus.PENDING
        else payout_execution.retry_failed(row.id)
    )
    return done if done != row.status else False


def _id(act: Callable[[UUID], object]) -> Callable[[_Found], object]:
    return lambda row: act(row.id)


def _ledger_differences() -> int:
    with transaction() as tx:
        found = ledger.unbalanced_postings(tx, days=2)
    if found:
        log.critical("ledger.difference", extra={"postings": {str(key): amount for key, amount in found.items()}})
    return len(found)


_CHECKS = [
    _Check("reconcile_fix_webhook", _STUCK_WEBHOOKS, _id(webhooks.process)),
    _Check("reconcile_fix_payment", _OVERDUE_PAYMENTS, _id(sync.sync_payment)),
    _Check("reconcile_fix_opening", _STUCK_OPENING, _expire_abandoned_checkout),
    _Check("reconcile_end_payment", _OPEN_ON_ENDED, _id(payment_expiry.expire_payments)),
    _Check("reconcile_end_payment", _UNRETURNED, _id(payment_expiry.expire_payments)),
    _Check("reconcile_end_payment", _TO_END, _id(payment_expiry.cancel_at_gateway)),
    _Check("reconcile_fix_ticket_issued", _UNISSUED, _republish("payment.success", "order_id")),
    _Check("reconcile_fix_ledger", _UNBOOKED_LATELY, _book),
    _Check("reconcile_fix_cancellation", _CANCELLATIONS, _id(cancellation.run_batch)),
    _Check("reconcile_fix_notices", _EVENT_CHANGES, _id(change_notices.enqueue_batch)),
    _Check("reconcile_fix_bank_account", _CHECKED_ACCOUNTS, _bank_account),
    _Check("reconcile_fix_refund", _REFUNDS, _refund),
    _Check("reconcile_fix_transfer", _TRANSFERS, _transfer),
    _Check("reconcile_fix_payout", _PAYOUTS, _payout),
    _Check("reconcile_fix_mail", _QUEUED_MAILS, _republish("email.requested", "email_id")),
]
_THOROUGH = [
    _Check("reconcile_fix_payment", _QUIET_PAYMENTS, _id(sync.sync_payment)),
    _Check("reconcile_fix_ledger", _UNBOOKED_IN_DAYS, _book),
    _Check("reconcile_fix_goods", _WITHOUT_GOODS, _republish("payment.success", "order_id")),
]
