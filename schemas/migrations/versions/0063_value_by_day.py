"""Figures by day know the value of what is sold and not given back, and are found by their day (AR-007)."""

from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

COLUMN = "ALTER TABLE daily_figures ADD COLUMN value bigint NOT NULL DEFAULT 0"

COUNT_ORDER = """
CREATE OR REPLACE FUNCTION count_order() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    is_sale integer := (NEW.paid_at IS NOT NULL)::integer;
    was_sale integer := (OLD.paid_at IS NOT NULL)::integer;
    is_paid integer := (NEW.status IN ('paid', 'refunded'))::integer - (OLD.status IN ('paid', 'refunded'))::integer;
    is_expired integer := (NEW.status = 'expired')::integer - (OLD.status = 'expired')::integer;
    is_cancelled integer := (NEW.status = 'cancelled')::integer - (OLD.status = 'cancelled')::integer;
    zone text;
BEGIN
    IF is_paid = 0 AND is_expired = 0 AND is_cancelled = 0 AND NEW.paid_at IS NOT DISTINCT FROM OLD.paid_at THEN
        RETURN NULL;
    END IF;
    SELECT timezone INTO zone FROM events WHERE id = NEW.event_id;
    INSERT INTO daily_figures (event_id, timezone, day, tier_id, sold, refunded, gross, discount, platform_discount,
        fees, waived_fees, commission, value, paid, expired, cancelled)
    SELECT NEW.event_id, zone, moved.day, moved.tier_id, sum(moved.sold), sum(moved.refunded), sum(moved.gross),
        sum(moved.discount), sum(moved.platform_discount), sum(moved.fees), sum(moved.waived_fees),
        sum(moved.commission), sum(moved.value), sum(moved.paid), sum(moved.expired), sum(moved.cancelled)
    FROM (
        SELECT (NEW.created_at AT TIME ZONE zone)::date AS day, t.tier_id, 0 AS sold, 0 AS refunded, 0 AS gross,
            0 AS discount, 0 AS platform_discount, 0 AS fees, 0 AS waived_fees, 0 AS commission, 0 AS value,
            t.orders * is_paid AS paid, t.orders * is_expired AS expired, t.orders * is_cancelled AS cancelled
        FROM order_tiers(NEW.id) t WHERE is_paid <> 0 OR is_expired <> 0 OR is_cancelled <> 0
        UNION ALL
        SELECT (s.moment AT TIME ZONE zone)::date, i.tier_id, s.sign * (i.returned_at IS NULL)::integer,
            s.sign * (i.returned_at IS NOT NULL)::integer, s.sign * i.unit_price, s.sign * i.discount,
            s.sign * i.platform_discount, s.sign * i.platform_fee, s.sign * (i.waived_fee - i.platform_waived_fee),
            s.sign * i.commission,
            s.sign * (i.returned_at IS NULL)::integer * (i.unit_price - i.discount), 0, 0, 0
        FROM (VALUES (-was_sale, OLD.paid_at), (is_sale, NEW.paid_at)) AS s (sign, moment), order_items i
        WHERE i.order_id = NEW.id AND s.sign <> 0 AND NEW.paid_at IS DISTINCT FROM OLD.paid_at
    ) AS moved
    GROUP BY moved.day, moved.tier_id;
    RETURN NULL;
END $$;
"""

COUNT_RETURNED_ITEM = """
CREATE OR REPLACE FUNCTION count_returned_item() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    units integer := CASE WHEN NEW.returned_at IS NULL THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO daily_figures (event_id, timezone, day, tier_id, sold, refunded, value)
    SELECT e.id, e.timezone, (o.paid_at AT TIME ZONE e.timezone)::date, NEW.tier_id, units, -units,
        units * (NEW.unit_price - NEW.discount)
    FROM orders o JOIN events e ON e.id = o.event_id
    WHERE o.id = NEW.order_id AND o.paid_at IS NOT NULL;
    RETURN NULL;
END $$;
"""

BY_DAY = "CREATE INDEX daily_figures_day ON daily_figures (day)"


def upgrade() -> None:
    """Add the column, have it kept, and find rows by their day. What was sold before is counted by 0064."""
    for statement in (COLUMN, COUNT_ORDER, COUNT_RETURNED_ITEM, BY_DAY):
        op.execute(statement)
