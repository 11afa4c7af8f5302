"""Promo codes (TS-006): what they take off, for whom, and how often.

Two counters hold the limits under concurrency, each with its CHECK: the uses of a code on its own row, and
the uses of one buyer in `promo_users`, which is only touched with the code's row locked. Both equal the orders
with `promo_counted`: it says that an order counts, so that its use is taken once and given back once.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PROMOS = """
CREATE TABLE promos (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    code text NOT NULL CHECK (code ~ '^[A-Z0-9][A-Z0-9_-]{2,49}$'),
    organizer_id uuid REFERENCES users (id),  -- who pays for it; NULL: the platform
    funded_by text NOT NULL
        GENERATED ALWAYS AS (CASE WHEN organizer_id IS NULL THEN 'platform' ELSE 'organizer' END) STORED,
    event_id uuid REFERENCES events (id) ON DELETE CASCADE,  -- NULL: every event (of the organizer)
    tier_ids uuid[],  -- NULL: every tier
    percent integer CHECK (percent BETWEEN 1 AND 100),
    amount bigint CHECK (amount BETWEEN 1 AND 1000000000),
    max_discount bigint CHECK (max_discount BETWEEN 1 AND 1000000000),
    minimum_spend bigint NOT NULL DEFAULT 0 CHECK (minimum_spend BETWEEN 0 AND 1000000000),
    starts_at timestamptz,
    ends_at timestamptz,
    max_uses integer CHECK (max_uses > 0),
    max_uses_per_user integer CHECK (max_uses_per_user > 0),
    uses integer NOT NULL DEFAULT 0 CHECK (uses >= 0),
    is_active boolean NOT NULL DEFAULT true,
    created_by uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT promos_code UNIQUE NULLS NOT DISTINCT (organizer_id, code),
    CONSTRAINT promo_not_exhausted CHECK (uses <= max_uses),
    CONSTRAINT promo_takes_off CHECK (num_nonnulls(percent, amount) = 1),
    CONSTRAINT promo_cap CHECK (max_discount IS NULL OR percent IS NOT NULL),
    CONSTRAINT promo_window CHECK (ends_at > starts_at),
    CONSTRAINT promo_tiers CHECK (tier_ids IS NULL OR (event_id IS NOT NULL AND cardinality(tier_ids) > 0))
) WITH (fillfactor = 70);  -- room for the counter's new versions on the same page
CREATE INDEX promos_code_first ON promos (code);
CREATE INDEX promos_event ON promos (event_id);

CREATE TABLE promo_users (
    promo_id uuid NOT NULL REFERENCES promos (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id),
    uses integer NOT NULL CHECK (uses >= 0),
    most integer,  -- the code's max_uses_per_user when it was last used
    PRIMARY KEY (promo_id, user_id),
    CONSTRAINT promo_not_exhausted_for_user CHECK (uses <= most)
);
"""

ORDERS = """
ALTER TABLE orders
    ADD COLUMN promo_id uuid REFERENCES promos (id),
    ADD COLUMN promo_counted boolean NOT NULL DEFAULT false,  -- counts against the limits of its code
    ADD CONSTRAINT orders_promo CHECK ((promo_id IS NULL) = (promo_code IS NULL)),
    ADD CONSTRAINT orders_promo_counted CHECK (NOT promo_counted
        OR (promo_id IS NOT NULL AND status IN ('reserved', 'pending_payment', 'paid')));
CREATE INDEX orders_promo_id ON orders (promo_id) WHERE promo_id IS NOT NULL;

ALTER TABLE order_items
    ADD COLUMN platform_discount bigint NOT NULL DEFAULT 0,  -- the part of `discount` that the platform pays
    ADD CONSTRAINT order_items_platform_discount CHECK (platform_discount BETWEEN 0 AND discount);
"""


def upgrade() -> None:
    """Make the codes, and let orders and their items say what one took off."""
    op.execute(PROMOS)
    op.execute(ORDERS)
