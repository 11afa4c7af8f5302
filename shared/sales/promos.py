"""Promo codes at the moment of sale: what one takes off, and that it is used no more often than it may (TS-006).

A use is an order, or each ticket that is discounted where the code applies to tickets. It counts, with what it
takes off, from the reservation until its order has ended, expired or refunded; `orders.promo_counted` says so. It
is taken in the statement that opens the order (`TAKING`) and given back in the transaction that gives back the
stock. Codes are locked after orders and before tiers, by ascending id.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.exc import DBAPIError

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.problems import Invalid, Problem, refused_by_schema
from shared.rupiah import percent_of, written
from shared.sales.pricing import COMMISSION_PERCENT, UnitPrice
from shared.sentences import Sentence


class PromoInvalid(Invalid):
    """This promo code is not valid here. Leave it out or check its spelling."""

    slug = "promo-invalid"

    @classmethod
    def because(cls, message: str) -> "PromoInvalid":
        """Refused for a reason that its buyer may know."""
        detail = Sentence("This promo code {reason}.", reason=(message,))
        return cls(detail, errors=[{"field": "promo_code", "message": message}])


class PromoExhausted(Problem):
    """This promo code has been used as often as it may be. Reserve without it."""

    status, slug = 409, "promo-exhausted"


EXHAUSTED = {"promo_not_exhausted", "promo_not_exhausted_for_user", "promo_within_budget"}
"""The constraints that hold the limits."""


@dataclass(frozen=True)
class PromoUse:
    """A buyer naming a code at an organizer's event."""

    buyer_id: UUID
    event_id: UUID
    organizer_id: UUID
    code: str


@dataclass(frozen=True)
class Discount:
    """A code applied to an order: the prices of its units, the uses it takes, and its cost to the issuer."""

    promo_id: UUID
    code: str
    prices: Sequence[UnitPrice]
    uses: int
    spent: int


@dataclass(frozen=True)
class Promo:
    """A code as one buyer finds it now. Amounts in rupiah; `None` is no limit."""

    id: UUID
    code: str
    funded_by: str
    tier_ids: Sequence[UUID] | None
    percent: int | None
    amount: int | None
    max_discount: int | None
    minimum_spend: int
    is_active: bool
    has_begun: bool
    has_ended: bool
    is_exhausted: bool
    is_exhausted_for_buyer: bool
    applies_to: str = "order"
    uses_left: int | None = None
    budget_left: int | None = None
    waives_fee: bool = False

    def apply(self, units: Sequence[tuple[UUID, UnitPrice]]) -> "Discount":
        """Apply the code to these units (tier and price).

        It takes off the price, and the fee only where it waives that. Raises PromoInvalid and PromoExhausted.
        """
        self._refuse_now()
        in_scope = [self.tier_ids is None or tier_id in self.tier_ids for tier_id, _ in units]
        prices = [price.price if counts else 0 for (_, price), counts in zip(units, in_scope, strict=True)]
        self._refuse_these(prices, any(in_scope))
        chosen = self._chosen(prices)
        discounts = self._discounts(prices, chosen)
        applied = [
            self._applied(price, discounts[index]) if index in chosen else price
            for index, (_, price) in enumerate(units)
        ]
        costs = [price.discount + price.waived_fee for price in applied]
        if self.budget_left is not None and sum(costs) > self.budget_left:
            raise PromoExhausted
        uses = 1 if self.applies_to == "order" else max(sum(1 for cost in costs if cost), 1)
        return Discount(self.id, self.code, applied, uses, sum(costs))

    def _chosen(self, prices: Sequence[int]) -> set[int]:
        """The units that it applies to: all that cost something, or as many as it has uses left, the dearest first."""
        by_price = sorted((index for index, price in enumerate(prices) if price), key=lambda index: -prices[index])
        return set(by_price if self.applies_to == "order" else by_price[: self.uses_left])

    def _discounts(self, prices: Sequence[int], chosen: Collection[int]) -> list[int]:
        """The discount of each unit: its part of the discount of all together, or a discount of its own."""
        if self.applies_to == "order":
            return spread(self._discount(sum(prices)), prices)
        return [self._discount(price) if index in chosen else 0 for index, price in enumerate(prices)]

    def _applied(self, price: UnitPrice, discount: int) -> UnitPrice:
        by_platform = self.funded_by == "platform"
        cheaper = _discounted(price, discount, by_platform=by_platform)
        return _without_fee(cheaper, by_platform=by_platform) if self.waives_fee else cheaper

    def _discount(self, spent: int) -> int:
        if self.percent is None:
            return min(self.amount or 0, spent)
        discount = percent_of(spent, self.percent)
        return discount if self.max_discount is None else min(discount, self.max_discount)

    def _refuse_now(self) -> None:
        if not self.is_active:
            raise PromoInvalid.because("is no longer offered")
        if not self.has_begun:
            raise PromoInvalid.because("can't be used yet")
        if self.has_ended:
            raise PromoInvalid.because("can't be used any more: its time is over")
        if self.is_exhausted_for_buyer:
            raise PromoExhausted("You have used this promo code as often as you may. Reserve without it.")
        if self.is_exhausted:
            raise PromoExhausted

    def _refuse_these(self, prices: Sequence[int], is_any_in_scope: bool) -> None:
        if not is_any_in_scope:
            raise PromoInvalid.because("is not for these tickets")
        if sum(prices) < self.minimum_spend:
            raise PromoInvalid.because(
                Sentence("needs tickets for at least {least}", least=written(self.minimum_spend))
            )
        if not sum(prices):
            raise PromoInvalid.because("has nothing to take off: these tickets are free")


def _discounted(unit: UnitPrice, discount: int, *, by_platform: bool) -> UnitPrice:
    """The unit with `discount` rupiah off its price. The fee stays that of the full price (FN-001).

    Where the organizer gives the discount, the commission is on what is left of the price (FN-004); where the
    platform gives it, the organizer is owed what they would be without it.
    """
    if by_platform:
        return replace(unit, discount=discount, platform_discount=discount)
    return replace(unit, discount=discount, commission=percent_of(unit.price - discount, COMMISSION_PERCENT))


def _without_fee(unit: UnitPrice, *, by_platform: bool) -> UnitPrice:
    """The unit with its fee paid by the platform or, of an organizer's code, by the organizer (FN-001)."""
    fee = unit.platform_fee
    return replace(unit, platform_fee=0, waived_fee=fee, platform_waived_fee=fee if by_platform else 0)


def spread(discount: int, prices: Sequence[int]) -> list[int]:
    """Divide a discount over units by their prices, to the rupiah: the largest remainders get what is left over.

    The parts add up to `discount`, which is at most the sum of the prices; none is above its price.
    """
    total = sum(prices)
    if not discount:
        return [0] * len(prices)
    parts = [discount * price // total for price in prices]
    by_remainder = sorted(range(len(prices)), key=lambda index: discount * prices[index] % total, reverse=True)
    for index in by_remainder[: discount - sum(parts)]:
        parts[index] += 1
    return parts


# An organizer's own code goes before the platform's of the same name, and one that is offered before one that
# was. Codes of other events and organizers are not seen at all.
_FIND = text("""
    SELECT asked.position, p.id, p.code, p.funded_by, p.tier_ids, p.percent, p.amount, p.max_discount,
        p.minimum_spend, p.is_active, p.applies_to, p.waives_fee, p.budget - p.spent + p.late_spent AS budget_left,
        LEAST(p.max_uses - p.uses + p.late_uses,
            p.max_uses_per_user - COALESCE(u.uses - u.late_uses, 0)) AS uses_left,
        COALESCE(p.starts_at <= now(), true) AS has_begun,
        COALESCE(p.ends_at <= now(), false) AS has_ended,
        COALESCE(p.uses - p.late_uses >= p.max_uses, false) AS is_exhausted,
        COALESCE(u.uses - u.late_uses >= p.max_uses_per_user, false) AS is_exhausted_for_buyer
    FROM jsonb_to_recordset(CAST(:asked AS jsonb)) AS asked (
        position int, buyer_id uuid, event_id uuid, organizer_id uuid, code text)
    CROSS JOIN LATERAL (
        SELECT * FROM promos  -- Uses index: promos_code_first
        WHERE promos.code = asked.code
            AND (promos.organizer_id IS NULL OR promos.organizer_id = asked.organizer_id)
            AND (promos.event_id IS NULL OR promos.event_id = asked.event_id)
            AND (promos.organizer_ids IS NULL OR asked.organizer_id = ANY(promos.organizer_ids))
        ORDER BY is_active DESC, promos.organizer_id NULLS LAST LIMIT 1) AS p
    LEFT JOIN promo_users u ON u.promo_id = p.id AND u.user_id = asked.buyer_id
""")

# For a statement with a CTE `taking (promo_id, user_id, quantity, spent)`. A code over a limit breaks a constraint
# of EXHAUSTED, and one that was taken back makes `uses` NULL: either ends the whole statement.
TAKING = """
    codes_locked AS (
        SELECT p.id FROM promos p WHERE p.id IN (SELECT promo_id FROM taking) ORDER BY p.id FOR NO KEY UPDATE),
    codes_used AS (
        UPDATE promos p SET uses = CASE WHEN p.is_active THEN p.uses + total.quantity END, spent = p.spent + total.spent
        FROM (SELECT promo_id, sum(quantity)::int AS quantity, sum(spent)::bigint AS spent
                FROM taking GROUP BY promo_id) AS total
            JOIN codes_locked ON codes_locked.id = total.promo_id
        WHERE p.id = total.promo_id
        RETURNING p.id, p.max_uses_per_user),
    codes_used_by AS (
        INSERT INTO promo_users AS u (promo_id, user_id, uses, most)
        SELECT promo_id, user_id, quantity, max_uses_per_user FROM taking JOIN codes_used ON codes_used.id = promo_id
        ON CONFLICT (promo_id, user_id) DO UPDATE SET uses = u.uses + excluded.uses, most = excluded.most
        RETURNING u.promo_id)
"""
_TAKE_AGAIN = text(f"""
    WITH taking AS (
        SELECT promo_id, user_id, promo_uses AS quantity, promo_spent AS spent
        FROM orders WHERE id = :order_id AND promo_id IS NOT NULL),
    {TAKING}
    SELECT count(*) FROM codes_used_by
""")
_TAKE_LATE = text("""
    WITH taking AS (SELECT promo_id, user_id, promo_uses AS quantity, promo_spent FROM orders WHERE id = :order_id),
    codes_used AS (
        UPDATE promos p SET uses = uses + quantity, spent = spent + promo_spent,
            late_uses = late_uses + quantity, late_spent = late_spent + promo_spent
        FROM taking WHERE p.id = taking.promo_id
        RETURNING p.id, p.max_uses_per_user)
    INSERT INTO promo_users AS u (promo_id, user_id, uses, late_uses, most)
    SELECT promo_id, user_id, quantity, quantity, max_uses_per_user
    FROM taking JOIN codes_used ON codes_used.id = promo_id
    ON CONFLICT (promo_id, user_id) DO UPDATE
    SET uses = u.uses + excluded.uses, late_uses = u.late_uses + excluded.late_uses
""")
_COUNTED = text("UPDATE orders SET promo_counted = true, is_promo_late = :is_late WHERE id = :order_id")
_LATE = text("""
    SELECT p.organizer_id, p.code, e.title, o.promo_spent, p.uses, p.max_uses
    FROM orders o JOIN promos p ON p.id = o.promo_id JOIN events e ON e.id = o.event_id
    WHERE o.id = :order_id AND o.is_promo_late AND p.organizer_id IS NOT NULL
""")
_GIVE_BACK = text("""
    WITH ended AS (
        UPDATE orders SET promo_counted = false WHERE id = ANY(:order_ids) AND promo_counted
        RETURNING promo_id, user_id, promo_uses, promo_spent, is_promo_late),
    given AS (
        SELECT promo_id, user_id, sum(promo_uses)::int AS quantity, sum(promo_spent)::bigint AS spent,
            COALESCE(sum(promo_uses) FILTER (WHERE is_promo_late), 0)::int AS late_quantity,
            COALESCE(sum(promo_spent) FILTER (WHERE is_promo_late), 0)::bigint AS late_spent
        FROM ended GROUP BY promo_id, user_id),
    codes_locked AS (
        SELECT p.id FROM promos p WHERE p.id IN (SELECT promo_id FROM given) ORDER BY p.id FOR NO KEY UPDATE),
    given_by AS (
        UPDATE promo_users u SET uses = u.uses - given.quantity, late_uses = u.late_uses - given.late_quantity
        FROM given JOIN codes_locked ON codes_locked.id = given.promo_id
        WHERE u.promo_id = given.promo_id AND u.user_id = given.user_id)
    UPDATE promos p SET uses = p.uses - total.quantity, spent = p.spent - total.spent,
        late_uses = p.late_uses - total.late_quantity, late_spent = p.late_spent - total.late_spent
    FROM (SELECT promo_id, sum(quantity)::int AS quantity, sum(spent)::bigint AS spent,
            sum(late_quantity)::int AS late_quantity, sum(late_spent)::bigint AS late_spent
        FROM given GROUP BY promo_id) AS total
        JOIN codes_locked ON codes_locked.id = total.promo_id
    WHERE p.id = total.promo_id
""")


def find(tx: Transaction, uses: Sequence[PromoUse]) -> dict[PromoUse, Promo]:
    """The code that each means; those that mean none are left out. Upper and lower case are the same."""
    asked = [
        {
            "position": position,
            "buyer_id": str(use.buyer_id),
            "event_id": str(use.event_id),
            "organizer_id": str(use.organizer_id),
            "code": use.code.upper(),
        }
        for position, use in enumerate(uses)
    ]
    rows = [dict(row) for row in tx.execute(_FIND, {"asked": json.dumps(asked)}).mappings()]
    return {uses[row.pop("position")]: Promo(**row) for row in rows}


def reclaim_use(tx: Transaction, order_id: UUID) -> None:
    """Count a revived order against its code once more: within its limits, or beside them where they have no room.

    The customer has paid the price that we had agreed with them, and the seats are there. To send their money
    back for the code's sake would cost the organizer the sale and the customer the evening; an extra use costs
    one discount, which whoever issued the code is told of.
    """
    try:
        with tx.begin_nested():
            if tx.execute(_TAKE_AGAIN, {"order_id": order_id}).scalar_one():
                tx.execute(_COUNTED, {"order_id": order_id, "is_late": False})
    except DBAPIError as error:
        if not refused_by_schema(error):
            raise
        tx.execute(_TAKE_LATE, {"order_id": order_id})
        tx.execute(_COUNTED, {"order_id": order_id, "is_late": True})
        audit.record(tx, "promo.honoured_late", subject="order", subject_id=order_id)


def late_use(tx: Transaction, order_id: UUID) -> Row[Any] | None:
    """The late use of a code by an order, for the mail to its organizer; None where there was none."""
    return tx.execute(_LATE, {"order_id": order_id}).first()


def release_use(tx: Transaction, order_ids: Sequence[UUID]) -> None:
    """These locked orders count no longer; asked again it changes nothing. To be called before they end."""
    tx.execute(_GIVE_BACK, {"order_ids": list(order_ids)})
