"""Set the time that an order's hold still has, in the database: no test waits for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text

from tests.stack import Stack


def let_remain(stack: Stack, order: dict[str, Any], seconds: int) -> None:
    """Let an order be held for so many seconds more."""
    with stack.database() as database, database.begin() as tx:
        tx.execute(
            text("UPDATE orders SET reservation_expires_at = now() + make_interval(secs => :seconds) WHERE id = :id"),
            {"id": order["id"], "seconds": seconds},
        )


def let_it_expire(stack: Stack, order: dict[str, Any]) -> None:
    """Let the hold be over, and the sweep take its tickets back."""
    let_remain(stack, order, -1)
    stack.run_job("expire-sweep")


@contextmanager
def just_over(stack: Stack, order: dict[str, Any]) -> Iterator[None]:
    """Let the hold be over, and the sweep not get at it yet."""
    let_remain(stack, order, -1)
    with stack.database() as database, database.begin() as tx:
        tx.execute(text("SELECT 1 FROM orders WHERE id = :id FOR NO KEY UPDATE"), {"id": order["id"]})
        yield
