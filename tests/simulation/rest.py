"""Coming to rest: no more faults, everything under way arrives, time passes. Then the whole truth must be told."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.checks import invariants as promised
from shared.payouts.records import MAX_TRIES
from tests.model import chat_buyers, money_promises
from tests.simulation import consequences, invariants, payout_amounts
from tests.simulation.acts.admins import lose_all_disputes
from tests.simulation.acts.machines import hand_over
from tests.simulation.delivery import SAME_MOMENT
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

QUIET_SECONDS = 31 * 60
"""I8: every order has ended so long after its reservation, once faults have stopped."""
REPAIRED_SECONDS = 4 * 3600 + 60
"""In so long the hourly runs have repaired what was lost, and what came of that has arrived."""
TOP_UP_SECONDS = 24 * 3600 + 60
"""For so long an order waits for the rest of its money."""
_WAITS_FOR_REST = """
    SELECT id, status FROM orders WHERE status IN ('reserved', 'pending_payment') AND review_reason = 'top_up'
"""
_REPEATED = """
    SELECT 'two orders for one key' AS what, idempotency_key AS of FROM orders
        WHERE idempotency_key IS NOT NULL GROUP BY user_id, idempotency_key HAVING count(*) > 1
    UNION ALL SELECT 'two sales of one order', CAST(order_id AS text) FROM ledger_postings
        WHERE kind = 'sale' GROUP BY order_id HAVING count(*) > 1
    UNION ALL SELECT 'a payment taken in twice', CAST(reference_id AS text) FROM ledger_postings
        WHERE kind IN ('sale', 'unallocated_payment', 'unusable_payment')
        GROUP BY kind, reference_id HAVING count(*) > 1
    UNION ALL SELECT 'two tickets of one seat', CAST(order_item_id AS text) FROM tickets
        WHERE status <> 'void' GROUP BY order_item_id HAVING count(*) > 1
"""
_UNTOLD = """
    SELECT p.id FROM payments p WHERE p.external_id = ANY(CAST(:names AS text[])) AND p.received_amount = p.amount
        AND NOT EXISTS (SELECT 1 FROM manual_tasks t WHERE t.subject_id = CAST(p.id AS text)
                AND t.kind LIKE 'payment_reversed%'
            OR t.subject_id = p.external_id AND t.kind = 'clearing_difference')
"""
_GIVEN_BACK_BESIDE_US = """
    SELECT order_id, sum(amount) AS amount FROM refunds WHERE kind = 'by_gateway' AND status = 'completed' GROUP BY 1
"""
_STILL_LIVE = """
    SELECT o.id, o.status, o.review_reason FROM orders o WHERE o.status IN ('reserved', 'pending_payment')
        AND o.created_at <= now() - make_interval(secs => :seconds) AND (o.review_reason IS NULL OR NOT EXISTS (
            SELECT 1 FROM manual_tasks t JOIN payments p ON CAST(p.id AS text) = t.subject_id
            WHERE p.order_id = o.id AND t.done_at IS NULL))
"""
"""Orders that nothing ends any more. One whose money waits for an admin's decision keeps its hold.

Somebody may order in the chat while all comes to rest.
"""
_TRANSFERS = """
    SELECT CAST(d.id AS text) AS id, d.amount, b.bank_code, b.account_number_ending AS ending,
        b.user_id = COALESCE(r.user_id, p.organizer_id) AS is_theirs
    FROM disbursements d JOIN bank_accounts b ON b.id = d.bank_account_id
        LEFT JOIN refunds r ON r.id = d.refund_id LEFT JOIN payouts p ON p.id = d.payout_id
"""
_UNASKED = """
    SELECT 'refund' AS what, r.id FROM refunds r WHERE r.status = 'failed' AND NOT EXISTS (
        SELECT 1 FROM manual_tasks t WHERE t.subject_id = CAST(r.id AS text))
    UNION ALL SELECT 'payout', p.id FROM payouts p WHERE p.status = 'failed' AND NOT EXISTS (
        SELECT 1 FROM manual_tasks t WHERE t.subject_id = CAST(p.id AS text))
    AND (p.tries >= :most_tries OR NOT (
        SELECT d.may_retry FROM disbursements d WHERE d.payout_id = p.id ORDER BY d.attempt DESC LIMIT 1))
"""
"""Money that failed without a task about it; a payout that is tried again every hour is not yet one."""
_STRIDE_SECONDS = 1800
_MOST_DELIVERIES = 5000


def come_to_rest(world: "World") -> list[str]:
    """Deliver everything, let time pass until every hold is over, and deliver what came of it."""
    lines = _deliver_for(world, QUIET_SECONDS)
    _require_ended(world)
    lines += _deliver_for(world, REPAIRED_SECONDS)
    if world.rows(_WAITS_FOR_REST):
        lines += _deliver_for(world, TOP_UP_SECONDS)
    _require_ended(world)
    lines += lose_all_disputes(world, random.Random(0))
    lines += _deliver_for(world, QUIET_SECONDS)
    waiting = world.rows(_WAITS_FOR_REST)
    if waiting:
        raise Violation("an order waits a day for the rest of its money, and not longer", waiting)
    return lines


def _require_ended(world: "World") -> None:
    live = world.rows(_STILL_LIVE, seconds=QUIET_SECONDS)
    if live:
        raise Violation("I8: every order has ended 31 minutes after its reservation", live)


def check(world: "World") -> None:
    """Everything that must be true at rest."""
    queries = dict(promised.AT_REST)
    del queries["nobody has to help"]
    with world.database.owner.connect() as connection:
        for promise, rows in promised.broken(connection, queries).items():
            raise Violation(promise, rows)
    taken_back = world.gateways.taken_back()
    moved = world.gateways.moved()
    before = {key: amount + taken_back.get(key, 0) for key, amount in moved.items()}
    money: dict[str, Sequence[object]] = {
        "I5: the books say what each gateway says it has moved": [
            (gateway, name, booked, has_moved)
            for gateway, name, booked, has_moved in money_promises.clearing_differences(world.rows, moved)
            if booked != before.get((gateway, name)) or (gateway, name) not in taken_back
        ],
        "I9: nobody gets more than they are owed": _overpaid(world, before),
        "I5: what is owed in the books are the open refunds and payouts": money_promises.miscounted_debts(world.rows),
        "a payment is opened once at its gateway": _opened_twice(world),
        "I9: money is sent to the account of whom it is owed to": _sent_elsewhere(world),
        "a person is asked about money that could not be sent": world.rows(_UNASKED, most_tries=MAX_TRIES),
        "everything comes to its end": money_promises.hanging(world.rows),
        "no conversation stands still in the middle": world.rows(chat_buyers.UNFINISHED),
        "I7: one effect for each request and notification": world.rows(_REPEATED),
        "a payment that a bank took back is told to a person": world.rows(
            _UNTOLD, names=sorted(name for _, name in taken_back)
        ),
    }
    for promise, rows in money.items():
        if rows:
            raise Violation(promise, rows)
    consequences.check_at_rest(world)
    payout_amounts.check(world)


def _opened_twice(world: "World") -> list[str]:
    """Payments with two invoices, where neither two checkouts at once, a pause nor a gateway's old list explain it."""
    explained = world.promises.taken_over | world.promises.opening_at_pauses | world.network.not_listed
    return [each for each in world.gateways.opened_twice() if each not in explained]


def _sent_elsewhere(world: "World") -> list[object]:
    """Transfers to another bank or account than that of the buyer or organizer they are for, or of another amount."""
    known = {row.id: row for row in world.rows(_TRANSFERS)}
    return [
        sent
        for transfer_id, sent in world.gateways.transfers().items()
        if not (row := known.get(transfer_id))
        or not row.is_theirs
        or not sent[0].endswith(row.bank_code)
        or not sent[1].endswith(row.ending)
        or sent[2] != row.amount
    ]


def _overpaid(world: "World", moved: money_promises.Moved) -> list[object]:
    """The people who got too much from us. What somebody gave back at a dashboard on top is theirs."""
    beside_us = {row.order_id: int(row.amount) for row in world.rows(_GIVEN_BACK_BESIDE_US)}
    return money_promises.overpaid(world.rows, moved, beside_us=beside_us)


def _deliver_for(world: "World", seconds: float) -> list[str]:
    """Let `seconds` pass, and hand over what comes due, in its order."""
    end = world.clock.seconds + seconds
    lines = []
    for _ in range(_MOST_DELIVERIES):
        due = world.deliveries.due(world.clock.seconds)
        if due:
            commits = world.database.commits
            lines.append(f"     {world.clock.seconds:9.1f} s  at rest: {hand_over(world, due[0])}")
            world.raise_if_broken()
            if world.database.commits > commits:
                invariants.check_step(world)
            continue
        if world.clock.seconds > end - SAME_MOMENT:
            return lines
        next_due = world.deliveries.next_due()
        stride = min(world.clock.seconds + _STRIDE_SECONDS, end)
        world.advance(min(next_due or stride, stride) - world.clock.seconds)
    raise Violation("everything that is under way arrives in the end", lines[-5:])
