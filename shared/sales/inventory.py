"""Stock: the four movements of a tier's counters (TS-009, TS-010).

    hold     free     -> reserved        sell     reserved -> sold
    release  reserved -> free            restore  sold     -> free

The counters are columns of the tier's row, and its CHECK refuses `reserved + sold > quota` and negative counts. A
tier of digital goods can't sell more units than it has either. Tiers are locked by ascending id, so that orders
over several tiers never deadlock, and after all other locks of a transaction, so that a hot row is held as briefly
as possible.

The views of stock that visitors see are cached, and invalidated as it moves (CACHE-002, CACHE-005).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud import cache
from shared.cloud.database import Transaction, after_commit
from shared.problems import Problem, violated_constraint

Quantities = Mapping[UUID, int]
"""Units by tier."""

NO_OVERSELLING = "no_overselling"
SELLABLE_UNITS = "LEAST(quota, units)"
"""An expression on ticket_tiers: the most it can sell. `units` is NULL where the tier is not digital."""
IS_ENTRY = "kind IN ('ticket', 'registration')"
"""A condition on ticket_tiers: it sells what lets people in, and not goods."""

# By key: a join with `moved`, of which PostgreSQL expects a hundred rows, reads thousands of tiers to find one.
_MOVE = text("""
    WITH moved AS (
        SELECT * FROM jsonb_to_recordset(CAST(:moves AS jsonb)) AS m (tier_id uuid, reserved int, sold int)),
    locked AS (
        SELECT id FROM ticket_tiers WHERE id = ANY(ARRAY(SELECT tier_id FROM moved)) ORDER BY id FOR NO KEY UPDATE)
    UPDATE ticket_tiers t SET reserved = t.reserved + moved.reserved, sold = t.sold + moved.sold
    FROM moved
    WHERE t.id = moved.tier_id AND t.id = ANY(ARRAY(SELECT id FROM locked))
    RETURNING t.event_id
""")
_OF_ORDERS = text("""
    SELECT tier_id, count(*) AS quantity FROM order_items
    WHERE order_id = ANY(:order_ids) AND returned_at IS NULL GROUP BY tier_id
""")


class SoldOut(Problem):
    """Fewer are left than you asked for. Choose fewer, or another ticket."""

    status, slug = 409, "sold-out"


def hold(tx: Transaction, quantities: Quantities) -> None:
    """Move units from free to reserved. Raises SoldOut where too few are free; the transaction stays usable."""
    try:
        with tx.begin_nested():
            _move(tx, quantities, reserved=1)
    except DBAPIError as error:
        if violated_constraint(error) == NO_OVERSELLING:
            raise SoldOut from error
        raise


def sell(tx: Transaction, order_id: UUID) -> None:
    """Move the units of an order from reserved to sold."""
    _move(tx, order_quantities(tx, [order_id]), reserved=-1, sold=1)


def release(tx: Transaction, order_ids: Sequence[UUID]) -> None:
    """Move the units of these orders from reserved back to free."""
    _move(tx, order_quantities(tx, order_ids), reserved=-1)


def restore(tx: Transaction, quantities: Quantities) -> None:
    """Move units from sold back to free (TS-013)."""
    _move(tx, quantities, sold=-1)


def order_quantities(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The units by tier that these orders together hold, or have bought and not returned."""
    rows = tx.execute(_OF_ORDERS, {"order_ids": list(order_ids)})
    return {row.tier_id: row.quantity for row in rows}


def cache_mark(event_id: UUID) -> str:
    """The mark in the shared cache under which the views of an event's stock are invalidated."""
    return f"changed:event:{event_id}"


def invalidate_views(tx: Transaction, event_ids: Iterable[UUID]) -> None:
    """Invalidate the cached views of these events' stock once `tx` has committed."""
    after_commit(tx, partial(cache.invalidate, *map(cache_mark, set(event_ids))))


def _move(tx: Transaction, quantities: Quantities, *, reserved: int = 0, sold: int = 0) -> None:
    moves: list[dict[str, Any]] = [
        {"tier_id": str(tier_id), "reserved": reserved * quantity, "sold": sold * quantity}
        for tier_id, quantity in quantities.items()
    ]
    if moves:
        invalidate_views(tx, tx.execute(_MOVE, {"moves": json.dumps(moves)}).scalars())
