"""Money for thousands, cut off in the middle: a cancelled event, and the day of the payouts.

SCALE (15) says how many: `SCALE=10000 pytest tests/faults/test_at_scale.py`.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sqlalchemy import text

from shared.cloud import secrets
from shared.cloud.field_encryption import encrypt
from tests import invariants
from tests.faults.crowds import COMMISSION, FEE, PRICE, sold
from tests.faults.points import locked, rows, run, time_passes
from tests.people import World
from tests.stack import KEYS, Stack
from tests.waiting import until

SCALE = int(os.environ.get("SCALE", "15"))


def count(stack: Stack, query: str, **values: Any) -> int:
    return int(rows(stack, query, **values)[0][0])


@pytest.mark.slow("fifteen refunds, each by its own messages and gateway calls")
def test_a_cancellation_is_killed_in_the_middle_and_refunds_each_order_once(stack: Stack, world: World):
    [(event_id, organizer_id)] = sold(stack, events=1, orders=SCALE, starts_in_days=30)
    returned = "SELECT count(*) FROM refunds r JOIN orders o ON o.id = r.order_id WHERE o.event_id = :id"
    admin = world.somebody("admin")
    last = "SELECT id FROM orders WHERE event_id = :id ORDER BY id DESC LIMIT 1 FOR UPDATE"
    with locked(stack, last, id=event_id):  # it can't be through before it is killed
        admin.api.post(f"events/{event_id}/cancel", {"reason": "Hujan"}, status=202)
        until(lambda: count(stack, returned, id=event_id) > SCALE // 3, seconds=600)
        stack.kill()
    stack.start()
    assert count(stack, returned, id=event_id) < SCALE

    def is_done() -> bool:
        time_passes(stack, minutes=2)
        run(stack, "reconcile-light", seconds=600)
        return count(stack, f"{returned} AND r.status = 'completed'", id=event_id) == SCALE

    until(is_done, seconds=600 + SCALE / 5, what="for all refunds")
    time_passes(stack, minutes=2)
    run(stack, "reconcile-light", seconds=600)
    done = admin.api.get(f"events/{event_id}/cancellation")
    assert (done["orders"], done["orders_left"], done["refunds"]) == (SCALE, 0, SCALE)
    assert done["penalty"] == SCALE * PRICE * 5 // 100
    assert count(stack, "SELECT sold FROM ticket_tiers WHERE event_id = :id", id=event_id) == 0
    refunded = [movement for movement in movements(stack) if movement["kind"] == "refund"]
    orders = {str(row[0]) for row in rows(stack, "SELECT id FROM orders WHERE event_id = :id", id=event_id)}
    mine = [movement for movement in refunded if movement["external_id"].rpartition("-")[0] in orders]
    assert (len(mine), sum(movement["amount"] for movement in mine)) == (SCALE, -SCALE * (PRICE + FEE))
    owed = "SELECT sum(amount) FROM ledger_entries WHERE account = :account"
    assert count(stack, owed, account=f"organizer_payable:{organizer_id}") == done["penalty"]


@pytest.mark.slow("fifteen payouts, each by its own messages and gateway calls")
def test_a_payout_run_twice_at_once_pays_each_event_once(stack: Stack):
    made = sold(stack, events=SCALE, orders=1, starts_in_days=-8)
    with stack.database() as database, database.begin() as tx:
        confirm_accounts(stack, tx, [organizer_id for _, organizer_id in made])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(stack.run_job, ["payout-execution-daily"] * 4))
    events = [str(event_id) for event_id, _ in made]
    paid = "SELECT count(*) FROM payouts WHERE event_id = ANY(CAST(:ids AS uuid[])) AND status = 'completed'"
    until(lambda: count(stack, paid, ids=events) == SCALE, seconds=600 + SCALE / 5, what="for all payouts")
    invariants.all_kept(stack)
    transfers = [str(row[0]) for row in rows(stack, "SELECT id FROM disbursements WHERE payout_id IS NOT NULL")]
    out = [movement for movement in movements(stack) if movement["external_id"] in transfers]
    assert len(transfers) == len(set(transfers)) == len(out) == SCALE
    assert sum(movement["amount"] for movement in out) == -SCALE * (PRICE - COMMISSION)


def movements(stack: Stack) -> list[dict[str, Any]]:
    """Every movement of money at the simulated gateway."""
    items: list[dict[str, Any]] = requests.get(f"{stack.url}/simulators/xendit/transactions", timeout=60).json()[
        "items"
    ]
    return items


def confirm_accounts(stack: Stack, tx: Any, organizer_ids: list[Any]) -> None:
    """Give each of these organizers a bank account that its bank has confirmed."""
    secrets.provide({"field-encryption-key": KEYS["FIELD_ENCRYPTION_KEY"]})
    for row in tx.execute(text("SELECT id FROM bank_accounts WHERE user_id = ANY(:ids)"), {"ids": organizer_ids}).all():
        tx.execute(
            text("UPDATE bank_accounts SET status = 'verified', account_number_sealed = :encrypted WHERE id = :id"),
            {"id": row.id, "encrypted": encrypt("1234567890", about=f"bank_account:{row.id}")},
        )
