"""Ceilings of promo codes (TS-006): a budget, uses by order or by ticket, and uses by late money beyond the limits.

Late money for an expired order is honoured with its code, whatever has become of the code meanwhile. Such uses are
counted beside the limits, so that `uses` may be above `max_uses` by them and by nothing else.
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

PROMOS = """
ALTER TABLE promos
    ADD COLUMN applies_to text NOT NULL DEFAULT 'order' CHECK (applies_to IN ('order', 'ticket')),
    ADD COLUMN organizer_ids uuid[] CHECK (cardinality(organizer_ids) > 0),  -- of a platform's code: at whose events
    ADD COLUMN budget bigint CHECK (budget > 0),  -- what all its discounts may come to
    ADD COLUMN spent bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
    ADD COLUMN late_uses integer NOT NULL DEFAULT 0 CHECK (late_uses >= 0),  -- of `uses`, and so on
    ADD COLUMN late_spent bigint NOT NULL DEFAULT 0 CHECK (late_spent >= 0),
    ADD CONSTRAINT promo_organizers CHECK (organizer_ids IS NULL OR organizer_id IS NULL),
    DROP CONSTRAINT promo_not_exhausted,
    ADD CONSTRAINT promo_not_exhausted CHECK (uses - late_uses <= max_uses),
    ADD CONSTRAINT promo_within_budget CHECK (spent - late_spent <= budget);
ALTER TABLE promo_users
    ADD COLUMN late_uses integer NOT NULL DEFAULT 0 CHECK (late_uses >= 0),
    DROP CONSTRAINT promo_not_exhausted_for_user,
    ADD CONSTRAINT promo_not_exhausted_for_user CHECK (uses - late_uses <= most);
ALTER TABLE orders
    ADD COLUMN promo_uses integer NOT NULL DEFAULT 1 CHECK (promo_uses > 0),  -- how many uses of its code it takes
    ADD COLUMN promo_spent bigint NOT NULL DEFAULT 0 CHECK (promo_spent >= 0),  -- and of the code's budget
    ADD COLUMN is_promo_late boolean NOT NULL DEFAULT false;  -- counted beside the code's limits
"""

# The platform's codes of before get the ceilings that a new one gets, see catalog/promo_codes.py.
BACKFILL = """
UPDATE orders SET promo_spent = discount_amount WHERE promo_counted;
UPDATE promos p SET spent = o.spent
FROM (SELECT promo_id, sum(promo_spent) AS spent FROM orders WHERE promo_counted GROUP BY promo_id) AS o
WHERE o.promo_id = p.id;
UPDATE promos SET budget = spent + 25000000,
    max_discount = CASE WHEN percent IS NOT NULL THEN COALESCE(max_discount, 500000) END
WHERE organizer_id IS NULL;
"""


def upgrade() -> None:
    """Add the columns, let the limits leave late uses out, and give the platform's codes their ceilings."""
    op.execute(PROMOS)
    op.execute(BACKFILL)
