"""Catching the product at a named point: by what it waits for there, seen in its database.

Nothing in the product helps with this. A dependency that is called at the point is slow, stopped, or locked by the
test; the test looks into the database whether the point is reached, and kills.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from sqlalchemy import Row, text

from tests.stack import Stack
from tests.waiting import PATIENCE_SECONDS, until

CLOUD = "cloud"
"""The process that Pub/Sub, Cloud Tasks and Cloud Storage run in (for `Stack.stalled`)."""

LONG = 60_000
"""Milliseconds a gateway takes to answer: longer than a test needs to see the point reached, and kill."""

_CLOCKS = {
    "orders": ("created_at", "updated_at", "reservation_expires_at", "paid_at"),
    "payments": ("created_at", "updated_at", "expires_at", "last_asked_at", "claimed_until"),
    "refunds": ("created_at", "updated_at"),
    "disbursements": ("created_at", "updated_at"),
    "payouts": ("created_at", "updated_at"),
    "event_cancellations": ("created_at", "updated_at"),
    "webhook_events": ("created_at",),
    "outbox": ("created_at", "claimed_until"),
    "emails": ("created_at", "claimed_until"),
    "idempotency_keys": ("created_at", "locked_until"),
}
"""Whatever the product compares with its clock."""


def rows(stack: Stack, query: str, **values: Any) -> Sequence[Row[Any]]:
    """Rows of the product's database."""
    with stack.database() as database, database.connect() as connection:
        return connection.execute(text(query), values).all()


def local_rows(stack: Stack, query: str, **values: Any) -> Sequence[Row[Any]]:
    """Rows of the database of the local cloud and of the simulators."""
    with stack.engine("karcis_local").connect() as connection:
        return connection.execute(text(query), values).all()


def stock(stack: Stack, event: dict[str, Any]) -> tuple[int, int]:
    """The reserved and sold counts of the event's first tier."""
    row = rows(stack, "SELECT reserved, sold FROM ticket_tiers WHERE id = :id", id=event["tiers"][0]["id"])[0]
    return row.reserved, row.sold


def payable(stack: Stack, order: dict[str, Any]) -> list[str]:
    """The references of what the gateways would still take money for, of all the tries to pay an order."""
    query = """
        SELECT reference FROM simulated_payments
        WHERE external_id LIKE :order_id || '-%' AND status IN ('open', 'pending')
    """
    return [row.reference for row in local_rows(stack, query, order_id=order["id"])]


def time_passes(stack: Stack, *, minutes: int) -> None:
    """Let everything in the product's database be that much older. The gateways' clocks stay."""
    with stack.database() as database:
        for table, columns in _CLOCKS.items():
            older = ", ".join(f"{column} = {column} - make_interval(mins => :minutes)" for column in columns)
            with database.begin() as tx:
                tx.execute(text(f"UPDATE {table} SET {older}"), {"minutes": minutes})


@contextmanager
def cut_off(request: Callable[[], object]) -> Iterator[None]:
    """Send a request beside the block, in which the product must die before it answers."""
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(request)
        yield
        with pytest.raises(requests.ConnectionError):
            sent.result(timeout=PATIENCE_SECONDS)


@contextmanager
def locked(stack: Stack, query: str, **values: Any) -> Iterator[Callable[[], None]]:
    """Hold the rows of a `SELECT ... FOR UPDATE` until the block ends, or calls what it is given."""
    with stack.database() as database, database.connect() as connection:
        connection.execute(text(query), values)
        yield connection.rollback


def until_waiting_for(stack: Stack, lock: str) -> None:
    """Wait until the product's statement that has `lock` in it waits for a row that the test holds."""
    query = """
        SELECT pid FROM pg_stat_activity
        WHERE application_name LIKE 'karcis-%' AND wait_event_type = 'Lock' AND position(:lock IN query) > 0
    """
    until(lambda: rows(stack, query, lock=lock), what=f"for the product to wait at {lock!r}")


def until_forgotten(stack: Stack) -> None:
    """Wait until the database has noticed that the killed product is gone, and rolled back what it had open."""
    query = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'karcis-%'"
    until(lambda: not rows(stack, query), what="for the sessions of the dead to end")


def run(stack: Stack, job: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Fire a scheduled job, `<function>-<job>`, and wait until it is done, and whatever its schedule fired beside."""
    query = (
        "SELECT 1 FROM queued_deliveries WHERE queue = 'scheduler' AND state = 'waiting' AND options ->> 'job' = :job"
    )
    stack.run_job(job)
    until(lambda: not local_rows(stack, query, job=job), seconds=seconds, what=f"for {job}")
