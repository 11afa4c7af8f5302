"""Promo codes at the moment of sale: their discounts and usage limits (TS-006).

A use is an order, or each discounted ticket where the code applies to tickets. It counts, with its discount, from
the reservation until the order has ended, expired or been refunded; `orders.promo_counted` says so. It is counted in
the statement that creates the order (`COUNT_USES`) and released in the transaction that releases the stock. Codes are
locked after orders and before tiers, by ascending id. Uses are counted by account, and limited for a person: all
accounts whose address reaches the same mailbox (trigger uses_of_person_are_limited).
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.problems import Invalid, Problem, refused_by_schema
from shared.rupiah import formatted, percent_of
from shared.sales.pricing import COMMISSION_PERCENT, UnitPrice
from shared.sentences import Sentence


class PromoInvalid(Invalid):
    """This promo code is not valid here. Leave it out or check its spelling."""

    slug = "promo-invalid"

    @classmethod
    def because(cls, message: str) -> "PromoInvalid":
        """The refusal with a reason that its buyer may know."""
        detail = Sentence("This promo code {reason}.", reason=(message,))
        return cls(detail, errors=[{"field": "promo_code", "message": message}])


class PromoExhausted(Problem):
    """This promo code has been used as often as it may be. Reserve without it."""

    status, slug = 409, "promo-exhausted"


LIMIT_CONSTRAINTS = {"promo_not_exhausted", "promo_not_exhausted_for_user", "promo_within_budget"}
"""The constraints that enforce the limits."""


@dataclass(frozen=True)
class PromoUse:
    """A promo code entered for an event; `buyer_id` is None for a buyer who is not signed in."""

    buyer_id: UUID | None
    event_id: UUID
    organizer_id: UUID
    code: str


@dataclass(frozen=True)
class Discount:
    """A promo code applied to an order: the discounted units, the uses it counts, and its cost to the issuer."""

    promo_id: UUID
    code: str
    prices: Sequence[UnitPrice]
    uses: int
    spent: int


@dataclass(frozen=True)
class Promo:
    """A promo code with its limits, as it is now for one buyer. Amounts in rupiah; `None` is no limit."""

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

        The discount is on the price; the fee changes only where the code waives it. Raises PromoInvalid and
        PromoExhausted.
        """
        self._require_valid()
        in_scope = [self.tier_ids is None or tier_id in self.tier_ids for tier_id, _ in units]
        prices = [price.price if counts else 0 for (_, price), counts in zip(units, in_scope, strict=True)]
        self._require_applicable(prices, any(in_scope))
        eligible = self._eligible_units(prices)
        discounts = self._discounts(prices, eligible)
        applied = [
            self._discounted_price(price, discounts[index]) if index in eligible else price
            for index, (_, price) in enumerate(units)
        ]
        costs = [price.discount + price.waived_fee for price in applied]
        if self.budget_left is not None and sum(costs) > self.budget_left:
            raise PromoExhausted
        uses = 1 if self.applies_to == "order" else max(sum(1 for cost in costs if cost), 1)
        return Discount(self.id, self.code, applied, uses, sum(costs))

    def _eligible_units(self, prices: Sequence[int]) -> set[int]:
        """The units it applies to: all with a price, or as many as it has uses left, most expensive first."""
        by_price = sorted((index for index, price in enumerate(prices) if price), key=lambda index: -prices[index])
        return set(by_price if self.applies_to == "order" else by_price[: self.uses_left])

    def _discounts(self, prices: Sequence[int], eligible: Collection[int]) -> list[int]:
        """The discount of each unit: its share of the order's discount, or a discount of its own."""
        if self.applies_to == "order":
            return allocate(self._discount(sum(prices)), prices)
        return [self._discount(price) if index in eligible else 0 for index, price in enumerate(prices)]

    def _discounted_price(self, price: UnitPrice, discount: int) -> UnitPrice:
        by_platform = self.funded_by == "platform"
        cheaper = _discounted(price, discount, by_platform=by_platform)
        return _without_fee(cheaper, by_platform=by_platform) if self.waives_fee else cheaper

    def _discount(self, spent: int) -> int:
        if self.percent is None:
            return min(self.amount or 0, spent)
        discount = percent_of(spent, self.percent)
        return discount if self.max_discount is None else min(discount, self.max_discount)

    def _require_valid(self) -> None:
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

    def _require_applicable(self, prices: Sequence[int], is_any_in_scope: bool) -> None:
        if not is_any_in_scope:
            raise PromoInvalid.because("is not for these tickets")
        if sum(prices) < self.minimum_spend:
            raise PromoInvalid.because(
                Sentence("needs tickets for at least {least}", least=formatted(self.minimum_spend))
            )
        if not sum(prices):
            raise PromoInvalid.because("has nothing to take off: these tickets are free")


def _discounted(unit: UnitPrice, discount: int, *, by_platform: bool) -> UnitPrice:
    """The unit with `discount` rupiah off its price. The fee stays that of the full price (FN-001).

    Where the organizer funds the discount, the commission is on the discounted price (FN-004); where the platform
    funds it, the organizer is owed as much as without it.
    """
    if by_platform:
        return replace(unit, discount=discount, platform_discount=discount)
    return replace(unit, discount=discount, commission=percent_of(unit.price - discount, COMMISSION_PERCENT))


def _without_fee(unit: UnitPrice, *, by_platform: bool) -> UnitPrice:
    """The unit with its fee paid by the issuer of the code: the platform or the organizer (FN-001)."""
    fee = unit.platform_fee
    return replace(unit, platform_fee=0, waived_fee=fee, platform_waived_fee=fee if by_platform else 0)


def allocate(discount: int, prices: Sequence[int]) -> list[int]:
    """Allocate a discount to units in proportion to their prices, to the rupiah, by largest remainders.

    The parts add up to `discount`, which is at most the sum of the prices; none exceeds its price.
    """
    total = sum(prices)
    if not discount:
        return [0] * len(prices)
    parts = [discount * price // total for price in prices]
    by_remainder = sorted(range(len(prices)), key=lambda index: discount * prices[index] % total, reverse=True)
    for index in by_remainder[: discount - sum(parts)]:
        parts[index] += 1
    return parts


# An organizer's own code takes precedence over the platform's of the same name, and an active one over an inactive
# one. Codes of other events and organizers are invisible.
_FIND = text("""
    SELECT requested.position, p.id, p.code, p.funded_by, p.tier_ids, p.percent, p.amount, p.max_discount,
        p.minimum_spend, p.is_active, p.applies_to, p.waives_fee, p.budget - p.spent + p.late_spent AS budget_left,
        LEAST(p.max_uses - p.uses + p.late_uses, p.max_uses_per_user - COALESCE(person.uses, 0)) AS uses_left,
        COALESCE(p.starts_at <= now(), true) AS has_begun,
        COALESCE(p.ends_at <= now(), false) AS has_ended,
        COALESCE(p.uses - p.late_uses >= p.max_uses, false) AS is_exhausted,
        COALESCE(person.uses >= p.max_uses_per_user, false) AS is_exhausted_for_buyer
    FROM jsonb_to_recordset(CAST(:requested AS jsonb)) AS requested (
        position int, buyer_id uuid, event_id uuid, organizer_id uuid, code text)
    CROSS JOIN LATERAL (
        SELECT * FROM promos  -- Uses index: promos_code_first
        WHERE promos.code = requested.code
            AND (promos.organizer_id IS NULL OR promos.organizer_id = requested.organizer_id)
            AND (promos.event_id IS NULL OR promos.event_id = requested.event_id)
            AND (promos.organizer_ids IS NULL OR requested.organizer_id = ANY(promos.organizer_ids))
        ORDER BY is_active DESC, promos.organizer_id NULLS LAST LIMIT 1) AS p
    LEFT JOIN LATERAL (  -- Uses index: users_mailbox
        SELECT sum(u.uses - u.late_uses)::int AS uses
        FROM users b JOIN users a ON folded_email(a.email) = folded_email(b.email) AND NOT a.is_deleted
            JOIN promo_users u ON u.promo_id = p.id AND u.user_id = a.id
        WHERE b.id = requested.buyer_id AND p.max_uses_per_user IS NOT NULL) AS person ON true
""")

# For a statement with a CTE `uses_by_user (promo_id, user_id, quantity, spent)`. A code over a limit violates one of
# LIMIT_CONSTRAINTS, and a deactivated one makes `uses` NULL: either aborts the whole statement.
COUNT_USES = """
    locked_promos AS (
        SELECT p.id FROM promos p WHERE p.id IN (SELECT promo_id FROM uses_by_user) ORDER BY p.id FOR NO KEY UPDATE),
    counted_promos AS (
        UPDATE promos p SET uses = CASE WHEN p.is_active THEN p.uses + total.quantity END, spent = p.spent + total.spent
        FROM (SELECT promo_id, sum(quantity)::int AS quantity, sum(spent)::bigint AS spent
                FROM uses_by_user GROUP BY promo_id) AS total
            JOIN locked_promos ON locked_promos.id = total.promo_id
        WHERE p.id = total.promo_id
        RETURNING p.id, p.max_uses_per_user),
    counted_users AS (
        INSERT INTO promo_users AS u (promo_id, user_id, uses, most)
        SELECT promo_id, user_id, quantity, max_uses_per_user
        FROM uses_by_user JOIN counted_promos ON counted_promos.id = promo_id
        ON CONFLICT (promo_id, user_id) DO UPDATE SET uses = u.uses + excluded.uses, most = excluded.most
        RETURNING u.promo_id)
"""
_RECLAIM_USE = text(f"""
    WITH uses_by_user AS (
        SELECT promo_id, user_id, promo_uses AS quantity, promo_spent AS spent
        FROM orders WHERE id = :order_id AND promo_id IS NOT NULL),
    {COUNT_USES}
    SELECT count(*) FROM counted_users
""")
_COUNT_LATE_USE = text("""
    WITH uses_by_user AS (
        SELECT promo_id, user_id, promo_uses AS quantity, promo_spent FROM orders WHERE id = :order_id),
    counted_promos AS (
        UPDATE promos p SET uses = uses + quantity, spent = spent + promo_spent,
            late_uses = late_uses + quantity, late_spent = late_spent + promo_spent
        FROM uses_by_user WHERE p.id = uses_by_user.promo_id
        RETURNING p.id, p.max_uses_per_user)
    INSERT INTO promo_users AS u (promo_id, user_id, uses, late_uses, most)
    SELECT promo_id, user_id, quantity, quantity, max_uses_per_user
    FROM uses_by_user JOIN counted_promos ON counted_promos.id = promo_id
    ON CONFLICT (promo_id, user_id) DO UPDATE
    SET uses = u.uses + excluded.uses, late_uses = u.late_uses + excluded.late_uses
""")
_SET_COUNTED = text("UPDATE orders SET promo_counted = true, is_promo_late = :is_late WHERE id = :order_id")
_LATE_USE = text("""
    SELECT p.organizer_id, p.code, e.title, o.promo_spent
    FROM orders o JOIN promos p ON p.id = o.promo_id JOIN events e ON e.id = o.event_id
    WHERE o.id = :order_id AND o.is_promo_late AND p.organizer_id IS NOT NULL
""")
_RELEASE_USE = text("""
    WITH ended AS (
        UPDATE orders SET promo_counted = false WHERE id = ANY(:order_ids) AND promo_counted
        RETURNING promo_id, user_id, promo_uses, promo_spent, is_promo_late),
    released AS (
        SELECT promo_id, user_id, sum(promo_uses)::int AS quantity, sum(promo_spent)::bigint AS spent,
            COALESCE(sum(promo_uses) FILTER (WHERE is_promo_late), 0)::int AS late_quantity,
            COALESCE(sum(promo_spent) FILTER (WHERE is_promo_late), 0)::bigint AS late_spent
        FROM ended GROUP BY promo_id, user_id),
    locked_promos AS (
        SELECT p.id FROM promos p WHERE p.id IN (SELECT promo_id FROM released) ORDER BY p.id FOR NO KEY UPDATE),
    released_users AS (
        UPDATE promo_users u SET uses = u.uses - released.quantity, late_uses = u.late_uses - released.late_quantity
        FROM released JOIN locked_promos ON locked_promos.id = released.promo_id
        WHERE u.promo_id = released.promo_id AND u.user_id = released.user_id)
    UPDATE promos p SET uses = p.uses - total.quantity, spent = p.spent - total.spent,
        late_uses = p.late_uses - total.late_quantity, late_spent = p.late_spent - total.late_spent
    FROM (SELECT promo_id, sum(quantity)::int AS quantity, sum(spent)::bigint AS spent,
            sum(late_quantity)::int AS late_quantity, sum(late_spent)::bigint AS late_spent
        FROM released GROUP BY promo_id) AS total
        JOIN locked_promos ON locked_promos.id = total.promo_id
    WHERE p.id = total.promo_id
""")


def find(tx: Transaction, uses: Sequence[PromoUse]) -> dict[PromoUse, Promo]:
    """Find the promo code of each use, ignoring case; uses without one are left out."""
    requested = [
        {
            "position": position,
            "buyer_id": str(use.buyer_id) if use.buyer_id else None,
            "event_id": str(use.event_id),
            "organizer_id": str(use.organizer_id),
            "code": use.code.upper(),
        }
        for position, use in enumerate(uses)
    ]
    rows = [dict(row) for row in tx.execute(_FIND, {"requested": json.dumps(requested)}).mappings()]
    return {uses[row.pop("position")]: Promo(**row) for row in rows}


def reclaim_use(tx: Transaction, order_id: UUID) -> None:
    """Count a revived order for its code again: within the limits, or beyond them as a late use.

    The customer has paid the agreed price, and the tickets are there. Refunding them because of the code would cost
    the organizer the sale; an extra use costs one discount, of which the issuer of the code is told.
    """
    try:
        with tx.begin_nested():
            if tx.execute(_RECLAIM_USE, {"order_id": order_id}).scalar_one():
                tx.execute(_SET_COUNTED, {"order_id": order_id, "is_late": False})
    except DBAPIError as error:
        if not refused_by_schema(error):
            raise
        tx.execute(_COUNT_LATE_USE, {"order_id": order_id})
        tx.execute(_SET_COUNTED, {"order_id": order_id, "is_late": True})
        audit.record(tx, "promo.honoured_late", subject="order", subject_id=order_id)


@dataclass(frozen=True)
class LateUse:
    """A use of an organizer's code beyond its limits. `spent` in rupiah."""

    organizer_id: UUID
    code: str
    event_title: str
    spent: int


def late_use(tx: Transaction, order_id: UUID) -> LateUse | None:
    """The late use of an order's code, for the mail to its organizer; None where there was none."""
    row = tx.execute(_LATE_USE, {"order_id": order_id}).first()
    return LateUse(*row) if row else None


def release_use(tx: Transaction, order_ids: Sequence[UUID]) -> None:
    """Stop counting these locked orders for their codes; idempotent. Call it before they end."""
    tx.execute(_RELEASE_USE, {"order_ids": list(order_ids)})
