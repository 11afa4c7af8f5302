"""Purchase limits: how much one person may hold and buy of an event, over all their live and paid orders.

A person is every account whose e-mail address reaches the same mailbox (migration 0021). Unless the event sets
`max_per_person` for all tiers together, the limit is two full orders of each tier. Purchases are counted in the
statement that creates the order (`COUNT_PURCHASES`), where CHECKs enforce the limits, and released with the stock.
The counts are locked after registrations and before promo codes, an event's row before those of its tiers.

Holds that end unpaid impose a cooldown on the person's next hold of the event:

    an abandoned hold              2 points, 3 if it was extended by starting a payment
    up to 6 points                 no wait
    7, 9, 11, ... points           1, 2, 4, ... minutes, 30 at most
    a paid order, or 6 hours       the points are reset
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.problems import Problem

DEFAULT_MAX_ORDERS = 2
"""The number of full orders of a tier that a person may have, where the event sets no limit."""
LIMIT_CONSTRAINTS = {"max_units_per_person", "max_orders_per_person", "max_tier_units_per_person"}
"""The constraints that enforce the limits."""


class PersonLimitReached(Problem):
    """You have as many tickets for this event as one person may have. Look at your orders."""

    status, slug = 409, "person-limit-reached"


class HoldCooldown(Problem):
    """You have let several reservations for this event go. Wait for the seconds in Retry-After, then reserve again."""

    status, slug = 429, "hold-again-later"


class LimitedTier(Protocol):
    """The columns of ticket_tiers and events that set the purchase limits."""

    @property
    def id(self) -> UUID:
        """The tier."""

    @property
    def name(self) -> str:
        """Show the limits as buyers see them."""

    @property
    def max_per_order(self) -> int:
        """Units."""

    @property
    def max_per_person(self) -> int | None:
        """Units over the whole event; None where each tier has its own limit."""

    @property
    def one_purchase_per_person(self) -> bool:
        """True if a person may have only one order of the event."""


_Tier = TypeVar("_Tier", bound=LimitedTier)


@dataclass(frozen=True)
class PurchaseCount:
    """A person's units and orders of an event, and the seconds until their next hold is allowed."""

    units: int = 0
    orders: int = 0
    tier_units: Mapping[str, int] | None = None
    wait_seconds: int = 0


ANY_OF_TIERS = "ANY(ARRAY(SELECT unnest(CAST(:tier_ids AS uuid[]))))"
"""Any of `:tier_ids`. PostgreSQL keeps the plan; for `ANY(:tier_ids)` it plans anew each time."""

# A scalar subquery, read with the tiers: the counts of these buyers. `:buyers` is a JSON list of objects with
# `user_id` and `event_id`. Each row is looked up by its key: a join may be planned to read a whole table while that is
# small, and the plan is kept when a sale fills it.
PURCHASE_COUNTS = f"""
    (SELECT jsonb_agg(jsonb_build_array(requested.user_id, requested.event_id, b.units, b.orders,
        GREATEST(ceil(extract(epoch FROM b.hold_again_at - now())), 0),
        (SELECT jsonb_object_agg(tier_id, units) FROM tier_buyers
            WHERE person_id = b.person_id AND tier_id = {ANY_OF_TIERS})))
    FROM jsonb_to_recordset(CAST(:buyers AS jsonb)) AS requested (user_id uuid, event_id uuid)
        CROSS JOIN LATERAL (SELECT * FROM event_buyers WHERE event_id = requested.event_id
            AND person_id = (SELECT person_id FROM users WHERE id = requested.user_id) LIMIT 1) b)::text
"""

# For a statement with the CTEs `requested`, `units` and `created`. A purchase over a limit violates one of
# LIMIT_CONSTRAINTS, and a running cooldown makes `units` NULL: either aborts the whole statement.
COUNT_PURCHASES = """
    counted AS (
        INSERT INTO event_buyers AS b (event_id, person_id, units, max_units, orders, max_orders)
        SELECT created.event_id, person_id, sum(quantity)::int, min(max_units), count(*)::int, min(max_orders)
        FROM created JOIN requested ON requested.id = created.id WHERE person_id IS NOT NULL {before}
        GROUP BY created.event_id, person_id ORDER BY created.event_id, person_id
        ON CONFLICT (event_id, person_id) DO UPDATE
        SET units = CASE WHEN COALESCE(b.hold_again_at <= now(), true) THEN b.units + excluded.units END,
            max_units = excluded.max_units, orders = b.orders + excluded.orders, max_orders = excluded.max_orders
        RETURNING person_id),
    counted_by_tier AS (
        INSERT INTO tier_buyers AS b (tier_id, person_id, units, max_units)
        SELECT tier_id, person_id, count(*)::int, min(max_units) FROM units JOIN created ON created.id = units.order_id
        WHERE person_id IS NOT NULL AND (SELECT count(*) FROM counted) >= 0
        GROUP BY tier_id, person_id ORDER BY tier_id, person_id
        ON CONFLICT (tier_id, person_id) DO UPDATE
        SET units = b.units + excluded.units, max_units = excluded.max_units
        RETURNING tier_id),
"""
_RELEASE = text("""
    WITH items AS (
        SELECT o.event_id, o.person_id, i.tier_id, count(*)::int AS quantity
        FROM orders o JOIN order_items i ON i.order_id = o.id
        WHERE o.person_id IS NOT NULL AND i.returned_at IS NULL
            AND (o.id = ANY(:order_ids) OR i.id = ANY(:item_ids))
        GROUP BY o.event_id, o.person_id, i.tier_id),
    ended AS (
        SELECT event_id, person_id, count(*)::int AS orders, sum(CASE
                WHEN NOT :is_abandoned OR review_reason IS NOT NULL THEN 0
                WHEN status = 'pending_payment' THEN 3 WHEN status = 'reserved' THEN 2 ELSE 0 END)::int AS points
        FROM orders WHERE id = ANY(:order_ids) AND person_id IS NOT NULL GROUP BY event_id, person_id),
    released AS (
        SELECT event_id, person_id, COALESCE(quantity, 0) AS units, COALESCE(orders, 0) AS orders,
            COALESCE(points, 0) AS points
        FROM (SELECT event_id, person_id, sum(quantity)::int AS quantity FROM items GROUP BY event_id, person_id) AS i
            FULL JOIN ended USING (event_id, person_id)),
    locked AS (
        SELECT released.*, CASE WHEN points = 0 THEN abandoned_score
                WHEN last_abandoned_at > now() - interval '6 hours' THEN abandoned_score + points
                ELSE points END AS score
        FROM event_buyers b JOIN released USING (event_id, person_id) ORDER BY event_id, person_id
        FOR NO KEY UPDATE OF b),
    by_event AS (
        UPDATE event_buyers b SET units = b.units - l.units, orders = b.orders - l.orders, abandoned_score = score,
            last_abandoned_at = CASE WHEN points > 0 THEN now() ELSE last_abandoned_at END,
            hold_again_at = CASE WHEN points > 0 AND score > 6
                THEN now() + make_interval(mins => LEAST(power(2, LEAST((score - 7) / 2, 5))::int, 30))
                ELSE hold_again_at END
        FROM locked l WHERE (b.event_id, b.person_id) = (l.event_id, l.person_id)
        RETURNING b.person_id),
    tiers_locked AS (
        SELECT b.tier_id, b.person_id, quantity FROM tier_buyers b JOIN items USING (tier_id, person_id)
        WHERE (SELECT count(*) FROM by_event) >= 0 ORDER BY tier_id, person_id FOR NO KEY UPDATE OF b)
    UPDATE tier_buyers b SET units = b.units - quantity
    FROM tiers_locked l WHERE (b.tier_id, b.person_id) = (l.tier_id, l.person_id)
""")
# A late payment is honoured: the order was within the limit when it was made, so the limit grows with it.
_RECLAIM = text("""
    WITH items AS (
        SELECT o.event_id, o.person_id, i.tier_id, count(*)::int AS quantity
        FROM orders o JOIN order_items i ON i.order_id = o.id
        WHERE o.id = :order_id AND o.person_id IS NOT NULL AND i.returned_at IS NULL
        GROUP BY o.event_id, o.person_id, i.tier_id),
    by_event AS (
        UPDATE event_buyers b SET units = b.units + added.units, orders = b.orders + 1,
            max_units = CASE WHEN b.max_units IS NOT NULL THEN GREATEST(b.max_units, b.units + added.units) END,
            max_orders = CASE WHEN b.max_orders IS NOT NULL THEN GREATEST(b.max_orders, b.orders + 1) END
        FROM (SELECT event_id, person_id, sum(quantity)::int AS units FROM items GROUP BY event_id, person_id) AS added
        WHERE (b.event_id, b.person_id) = (added.event_id, added.person_id)
        RETURNING b.person_id),
    tiers_locked AS (
        SELECT b.tier_id, b.person_id, quantity FROM tier_buyers b JOIN items USING (tier_id, person_id)
        WHERE (SELECT count(*) FROM by_event) >= 0 ORDER BY tier_id, person_id FOR NO KEY UPDATE OF b)
    UPDATE tier_buyers b SET units = b.units + quantity,
        max_units = CASE WHEN b.max_units IS NOT NULL THEN GREATEST(b.max_units, b.units + quantity) END
    FROM tiers_locked l WHERE (b.tier_id, b.person_id) = (l.tier_id, l.person_id)
""")
RESET_ABANDONMENT = """
    UPDATE event_buyers b SET abandoned_score = 0, last_abandoned_at = NULL, hold_again_at = NULL
    FROM {orders} o WHERE b.event_id = o.event_id AND b.person_id = o.person_id AND b.abandoned_score > 0
"""
"""The end of a statement by which orders become paid: resets their buyers' points for abandoned holds."""
_RESET_ABANDONMENT = text(f"{RESET_ABANDONMENT.format(orders='orders')} AND o.id = :order_id")
_PAID_BY = text("""
    SELECT id FROM orders WHERE user_id = :user_id AND status = 'paid' AND person_id IS NOT NULL ORDER BY id FOR UPDATE
""")
_DETACH = text("UPDATE orders SET person_id = NULL WHERE user_id = :user_id AND person_id IS NOT NULL")


def parse_counts(counts: str) -> dict[tuple[UUID, UUID], PurchaseCount]:
    """Parse the result of PURCHASE_COUNTS, by buyer and event."""
    return {
        (UUID(user_id), UUID(event_id)): PurchaseCount(units, orders, tiers, int(wait or 0))
        for user_id, event_id, units, orders, wait, tiers in json.loads(counts)
    }


def max_units_of_tier(tier: LimitedTier) -> int | None:
    """The units of a tier that one person may have; None is no limit."""
    return None if tier.max_per_person else DEFAULT_MAX_ORDERS * tier.max_per_order


def check(counted: PurchaseCount, quantities: Mapping[_Tier, int]) -> None:
    """Refuse purchases over the limits, and holds during a cooldown.

    `quantities` are the requested units by tier. Raises PersonLimitReached and HoldCooldown.
    """
    if counted.wait_seconds:
        raise HoldCooldown(retry_after_seconds=counted.wait_seconds)
    settings = next(iter(quantities))
    if settings.one_purchase_per_person and counted.orders:
        raise PersonLimitReached(
            "One purchase per person is allowed for this event, and you have made yours. Look at your orders.",
            have=counted.units,
            limit=counted.units,
        )
    if settings.max_per_person:
        _require_within(counted.units, sum(quantities.values()), settings.max_per_person, "this event")
    for tier, quantity in quantities.items():
        limit, have = max_units_of_tier(tier), (counted.tier_units or {}).get(str(tier.id), 0)
        if limit is not None:
            _require_within(have, quantity, limit, tier.name, tier_id=str(tier.id))


def release(
    tx: Transaction, *, order_ids: Sequence[UUID] = (), item_ids: Sequence[UUID] = (), is_abandoned: bool = False
) -> None:
    """Stop counting these locked orders, or items of a paid one. Call it once, before they end or are returned.

    With `is_abandoned`, unpaid orders add points toward a cooldown.
    """
    values = {"order_ids": list(order_ids), "item_ids": list(item_ids), "is_abandoned": is_abandoned}
    tx.execute(_RELEASE, values)


def reclaim(tx: Transaction, order_id: UUID) -> None:
    """Count a revived order again, whatever the person has bought meanwhile."""
    tx.execute(_RECLAIM, {"order_id": order_id})


def reset_abandonment(tx: Transaction, order_id: UUID) -> None:
    """Reset the points for abandoned holds of a person at an event, as they have paid an order."""
    tx.execute(_RESET_ABANDONMENT, {"order_id": order_id})


def detach_account(tx: Transaction, user_id: UUID) -> None:
    """Detach the orders of an account that is being deleted from their person. None of them is live."""
    order_ids = tx.execute(_PAID_BY, {"user_id": user_id}).scalars().all()
    release(tx, order_ids=order_ids)
    tx.execute(_DETACH, {"user_id": user_id})


def _require_within(have: int, wanted: int, limit: int, of: str, **members: Any) -> None:
    if have + wanted > limit:
        raise PersonLimitReached(
            f"One person may have {limit} of {of}, and you have {have}. Ask for {max(limit - have, 0)} or fewer.",
            have=have,
            limit=limit,
            **members,
        )
