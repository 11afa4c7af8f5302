"""How much one person may hold and buy of an event, over all their orders that are live or paid.

A person is every account whose e-mail address reaches the same mailbox (migration 0021). Unless the event sets
`max_per_person` for everything together, a limit is two orders' worth of each tier. The counts are taken in the
statement that opens the order (`TAKING`), where their CHECKs hold the limits, and given back with the stock. They
are locked after registrations and before promo codes, an event's row before those of its tiers.

Holds that end unpaid make the same person wait before the next one of this event:

    an abandoned hold              2 points, 3 if it was stretched by starting a payment
    up to 6 points                 no wait
    7, 9, 11, ... points           1, 2, 4, ... minutes, 30 at most
    a paid order, or 6 hours       the points are forgotten
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.problems import Problem

ORDERS_WORTH = 2
"""How many full orders a person may have, where the event sets no limit."""
REACHED = {"max_units_per_person", "max_orders_per_person", "max_tier_units_per_person"}
"""The constraints that hold the limits."""


class PersonLimitReached(Problem):
    """You have as many tickets for this event as one person may have. Look at your orders."""

    status, slug = 409, "person-limit-reached"


class HoldAgainLater(Problem):
    """You have let several reservations for this event go. Wait for the seconds in Retry-After, then reserve again."""

    status, slug = 429, "hold-again-later"


class LimitedTier(Protocol):
    """The columns of ticket_tiers and of their events that decide how much one person may have."""

    @property
    def id(self) -> UUID:
        """The tier."""

    @property
    def name(self) -> str:
        """As buyers see it."""

    @property
    def max_per_order(self) -> int:
        """Units."""

    @property
    def max_per_person(self) -> int | None:
        """Units of the whole event; None where each tier has its own limit."""

    @property
    def one_purchase_per_person(self) -> bool:
        """Whether a person may have one order of the event."""


_Tier = TypeVar("_Tier", bound=LimitedTier)


@dataclass(frozen=True)
class PurchaseCount:
    """A person's units and orders of an event, and the seconds until they may hold more of it."""

    units: int = 0
    orders: int = 0
    tier_units: Mapping[str, int] | None = None
    wait_seconds: int = 0


# A subquery of one value, read with the tiers: who has reserved for the event before. `:buyers` is a JSON list of
# objects with `user_id` and `event_id`.
COUNTS = """
    (SELECT jsonb_agg(jsonb_build_array(asked.user_id, asked.event_id, b.units, b.orders,
        GREATEST(ceil(extract(epoch FROM b.hold_again_at - now())), 0),
        (SELECT jsonb_object_agg(tier_id, units) FROM tier_buyers
            WHERE person_id = b.person_id AND tier_id = ANY(:tier_ids))))
    FROM jsonb_to_recordset(CAST(:buyers AS jsonb)) AS asked (user_id uuid, event_id uuid)
        JOIN users u ON u.id = asked.user_id
        JOIN event_buyers b ON b.event_id = asked.event_id AND b.person_id = u.person_id)::text
"""

# For a statement with the CTEs `asked`, `units` and `opened`. A limit that is reached breaks a constraint of REACHED,
# and a wait that is not over makes `units` NULL: either ends the whole statement.
TAKING = """
    counted AS (
        INSERT INTO event_buyers AS b (event_id, person_id, units, max_units, orders, max_orders)
        SELECT opened.event_id, person_id, sum(quantity)::int, min(max_units), count(*)::int, min(max_orders)
        FROM opened JOIN asked ON asked.id = opened.id WHERE person_id IS NOT NULL {before}
        GROUP BY opened.event_id, person_id ORDER BY opened.event_id, person_id
        ON CONFLICT (event_id, person_id) DO UPDATE
        SET units = CASE WHEN COALESCE(b.hold_again_at <= now(), true) THEN b.units + excluded.units END,
            max_units = excluded.max_units, orders = b.orders + excluded.orders, max_orders = excluded.max_orders
        RETURNING person_id),
    counted_by_tier AS (
        INSERT INTO tier_buyers AS b (tier_id, person_id, units, max_units)
        SELECT tier_id, person_id, count(*)::int, min(max_units) FROM units JOIN opened ON opened.id = units.order_id
        WHERE person_id IS NOT NULL AND (SELECT count(*) FROM counted) >= 0
        GROUP BY tier_id, person_id ORDER BY tier_id, person_id
        ON CONFLICT (tier_id, person_id) DO UPDATE
        SET units = b.units + excluded.units, max_units = excluded.max_units
        RETURNING tier_id),
"""
_GIVE_BACK = text("""
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
    given AS (
        SELECT event_id, person_id, COALESCE(quantity, 0) AS units, COALESCE(orders, 0) AS orders,
            COALESCE(points, 0) AS points
        FROM (SELECT event_id, person_id, sum(quantity)::int AS quantity FROM items GROUP BY event_id, person_id) AS i
            FULL JOIN ended USING (event_id, person_id)),
    locked AS (
        SELECT given.*, CASE WHEN points = 0 THEN abandoned_score
                WHEN last_abandoned_at > now() - interval '6 hours' THEN abandoned_score + points
                ELSE points END AS score
        FROM event_buyers b JOIN given USING (event_id, person_id) ORDER BY event_id, person_id
        FOR NO KEY UPDATE OF b),
    by_event AS (
        UPDATE event_buyers b SET units = b.units - l.units, orders = b.orders - l.orders, abandoned_score = score,
            last_abandoned_at = CASE WHEN points > 0 THEN now() ELSE last_abandoned_at END,
            hold_again_at = CASE WHEN points > 0 AND score > 6
                THEN now() + make_interval(mins => LEAST(power(2, (score - 7) / 2)::int, 30)) ELSE hold_again_at END
        FROM locked l WHERE (b.event_id, b.person_id) = (l.event_id, l.person_id)
        RETURNING b.person_id),
    tiers_locked AS (
        SELECT b.tier_id, b.person_id, quantity FROM tier_buyers b JOIN items USING (tier_id, person_id)
        WHERE (SELECT count(*) FROM by_event) >= 0 ORDER BY tier_id, person_id FOR NO KEY UPDATE OF b)
    UPDATE tier_buyers b SET units = b.units - quantity
    FROM tiers_locked l WHERE (b.tier_id, b.person_id) = (l.tier_id, l.person_id)
""")
# Late money is honoured: the limit was kept when the order was made, so it grows with what comes back.
_TAKE_AGAIN = text("""
    WITH items AS (
        SELECT o.event_id, o.person_id, i.tier_id, count(*)::int AS quantity
        FROM orders o JOIN order_items i ON i.order_id = o.id
        WHERE o.id = :order_id AND o.person_id IS NOT NULL AND i.returned_at IS NULL
        GROUP BY o.event_id, o.person_id, i.tier_id),
    by_event AS (
        UPDATE event_buyers b SET units = b.units + given.units, orders = b.orders + 1,
            max_units = CASE WHEN b.max_units IS NOT NULL THEN GREATEST(b.max_units, b.units + given.units) END,
            max_orders = CASE WHEN b.max_orders IS NOT NULL THEN GREATEST(b.max_orders, b.orders + 1) END
        FROM (SELECT event_id, person_id, sum(quantity)::int AS units FROM items GROUP BY event_id, person_id) AS given
        WHERE (b.event_id, b.person_id) = (given.event_id, given.person_id)
        RETURNING b.person_id),
    tiers_locked AS (
        SELECT b.tier_id, b.person_id, quantity FROM tier_buyers b JOIN items USING (tier_id, person_id)
        WHERE (SELECT count(*) FROM by_event) >= 0 ORDER BY tier_id, person_id FOR NO KEY UPDATE OF b)
    UPDATE tier_buyers b SET units = b.units + quantity,
        max_units = CASE WHEN b.max_units IS NOT NULL THEN GREATEST(b.max_units, b.units + quantity) END
    FROM tiers_locked l WHERE (b.tier_id, b.person_id) = (l.tier_id, l.person_id)
""")
_FORGIVE = text("""
    UPDATE event_buyers b SET abandoned_score = 0, last_abandoned_at = NULL, hold_again_at = NULL
    FROM orders o
    WHERE o.id = :order_id AND b.event_id = o.event_id AND b.person_id = o.person_id AND b.abandoned_score > 0
""")
_PAID_BY = text("""
    SELECT id FROM orders WHERE user_id = :user_id AND status = 'paid' AND person_id IS NOT NULL ORDER BY id FOR UPDATE
""")
_FORGET = text("UPDATE orders SET person_id = NULL WHERE user_id = :user_id AND person_id IS NOT NULL")


def parse(counts: str) -> dict[tuple[UUID, UUID], PurchaseCount]:
    """Read the result of COUNTS, by buyer and event."""
    return {
        (UUID(user_id), UUID(event_id)): PurchaseCount(units, orders, tiers, int(wait or 0))
        for user_id, event_id, units, orders, wait, tiers in json.loads(counts)
    }


def of_tier(tier: LimitedTier) -> int | None:
    """How many units of a tier one person may have; None is no limit."""
    return None if tier.max_per_person else ORDERS_WORTH * tier.max_per_order


def check(counted: PurchaseCount, quantities: Mapping[_Tier, int]) -> None:
    """Refuse what is more than one person may have, and holds that come too soon.

    `quantities`: how many units of which tiers are wanted. Raises PersonLimitReached and HoldAgainLater.
    """
    if counted.wait_seconds:
        raise HoldAgainLater(retry_after_seconds=counted.wait_seconds)
    settings = next(iter(quantities))
    if settings.one_purchase_per_person and counted.orders:
        raise PersonLimitReached(
            "One purchase per person is allowed for this event, and you have made yours. Look at your orders.",
            have=counted.units,
            limit=counted.units,
        )
    if settings.max_per_person:
        _refuse_more(counted.units, sum(quantities.values()), settings.max_per_person, "this event")
    for tier, quantity in quantities.items():
        limit, have = of_tier(tier), (counted.tier_units or {}).get(str(tier.id), 0)
        if limit is not None:
            _refuse_more(have, quantity, limit, tier.name, tier_id=str(tier.id))


def release(tx: Transaction, order_ids: Sequence[UUID], *, is_abandoned: bool = False) -> None:
    """These locked orders count no longer. To be called before they end, and once.

    With `is_abandoned` those that were never paid bring the wait before the next hold nearer.
    """
    tx.execute(_GIVE_BACK, {"order_ids": list(order_ids), "item_ids": [], "is_abandoned": is_abandoned})


def release_items(tx: Transaction, item_ids: Sequence[UUID]) -> None:
    """These items of a locked, paid order count no longer. To be called before they are returned."""
    tx.execute(_GIVE_BACK, {"order_ids": [], "item_ids": list(item_ids), "is_abandoned": False})


def reclaim(tx: Transaction, order_id: UUID) -> None:
    """Count a revived order again, whatever its person has bought meanwhile."""
    tx.execute(_TAKE_AGAIN, {"order_id": order_id})


def forgive(tx: Transaction, order_id: UUID) -> None:
    """An order is paid: its person's abandoned holds of this event are forgotten."""
    tx.execute(_FORGIVE, {"order_id": order_id})


def forget(tx: Transaction, user_id: UUID) -> None:
    """The orders of an account that is being deleted belong to no person any more. None of them is live."""
    order_ids = tx.execute(_PAID_BY, {"user_id": user_id}).scalars().all()
    release(tx, order_ids)
    tx.execute(_FORGET, {"user_id": user_id})


def _refuse_more(have: int, wanted: int, limit: int, of: str, **members: Any) -> None:
    if have + wanted > limit:
        raise PersonLimitReached(
            f"One person may have {limit} of {of}, and you have {have}. Ask for {max(limit - have, 0)} or fewer.",
            have=have,
            limit=limit,
            **members,
        )
