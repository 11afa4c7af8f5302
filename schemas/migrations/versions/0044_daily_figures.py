"""The figures of reports by day, kept by triggers in the transaction of what they count (AR-001..006).

A row is a movement, and a figure the sum over rows: nothing is updated, so that sales wait for no row. From time to
time a job puts the rows of a day together (shared/reports/daily_figures.py). Reserving writes nothing here: orders that
are still open are counted as they are.

Days are of the event's time zone, which each row names. The rows of a tier are the figures of that tier, and all rows
together those of the event: an order for two tiers counts as one in each of them, and as minus one under no tier.
No foreign keys: their checks would lock the event and the tier of each sale, and a recount finds what is wrong.
"""

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE daily_figures (
    event_id uuid NOT NULL,
    timezone text NOT NULL,
    day date NOT NULL,
    tier_id uuid,
    sold bigint NOT NULL DEFAULT 0,
    refunded bigint NOT NULL DEFAULT 0,
    gross bigint NOT NULL DEFAULT 0,
    discount bigint NOT NULL DEFAULT 0,
    platform_discount bigint NOT NULL DEFAULT 0,
    fees bigint NOT NULL DEFAULT 0,
    waived_fees bigint NOT NULL DEFAULT 0,
    commission bigint NOT NULL DEFAULT 0,
    refunded_amount bigint NOT NULL DEFAULT 0,
    organizer_refunds bigint NOT NULL DEFAULT 0,
    penalty bigint NOT NULL DEFAULT 0,
    paid bigint NOT NULL DEFAULT 0,
    expired bigint NOT NULL DEFAULT 0,
    cancelled bigint NOT NULL DEFAULT 0,
    is_sum boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE daily_payments (
    event_id uuid NOT NULL,
    timezone text NOT NULL,
    day date NOT NULL,
    tier_id uuid,
    status text NOT NULL CHECK (status IN ('opening', 'pending', 'paid', 'expired', 'failed', 'refunded')),
    method text NOT NULL,
    gateway text NOT NULL,
    payments bigint NOT NULL,
    amount bigint NOT NULL,
    received bigint NOT NULL,
    is_sum boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX daily_figures_event ON daily_figures (event_id, day);
CREATE INDEX daily_figures_movements ON daily_figures (created_at) WHERE NOT is_sum;
CREATE INDEX daily_payments_event ON daily_payments (event_id, day);
CREATE INDEX daily_payments_movements ON daily_payments (created_at) WHERE NOT is_sum;
"""

FUNCTIONS = """
CREATE FUNCTION order_tiers(of_order uuid) RETURNS TABLE (tier_id uuid, orders bigint) LANGUAGE sql STABLE AS $$
    SELECT i.tier_id, 1::bigint FROM order_items i WHERE i.order_id = of_order GROUP BY i.tier_id
    UNION ALL
    SELECT NULL, 1 - count(DISTINCT i.tier_id) FROM order_items i WHERE i.order_id = of_order
    HAVING count(DISTINCT i.tier_id) > 1
$$;

CREATE FUNCTION count_order() RETURNS trigger LANGUAGE plpgsql AS $$
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
        fees, waived_fees, commission, paid, expired, cancelled)
    SELECT NEW.event_id, zone, moved.day, moved.tier_id, sum(moved.sold), sum(moved.refunded), sum(moved.gross),
        sum(moved.discount), sum(moved.platform_discount), sum(moved.fees), sum(moved.waived_fees),
        sum(moved.commission), sum(moved.paid), sum(moved.expired), sum(moved.cancelled)
    FROM (
        SELECT (NEW.created_at AT TIME ZONE zone)::date AS day, t.tier_id, 0 AS sold, 0 AS refunded, 0 AS gross,
            0 AS discount, 0 AS platform_discount, 0 AS fees, 0 AS waived_fees, 0 AS commission,
            t.orders * is_paid AS paid, t.orders * is_expired AS expired, t.orders * is_cancelled AS cancelled
        FROM order_tiers(NEW.id) t WHERE is_paid <> 0 OR is_expired <> 0 OR is_cancelled <> 0
        UNION ALL
        SELECT (s.moment AT TIME ZONE zone)::date, i.tier_id, s.sign * (i.returned_at IS NULL)::integer,
            s.sign * (i.returned_at IS NOT NULL)::integer, s.sign * i.unit_price, s.sign * i.discount,
            s.sign * i.platform_discount, s.sign * i.platform_fee, s.sign * (i.waived_fee - i.platform_waived_fee),
            s.sign * i.commission, 0, 0, 0
        FROM (VALUES (-was_sale, OLD.paid_at), (is_sale, NEW.paid_at)) AS s (sign, moment), order_items i
        WHERE i.order_id = NEW.id AND s.sign <> 0 AND NEW.paid_at IS DISTINCT FROM OLD.paid_at
    ) AS moved
    GROUP BY moved.day, moved.tier_id;
    RETURN NULL;
END $$;

CREATE FUNCTION count_returned_item() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    units integer := CASE WHEN NEW.returned_at IS NULL THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO daily_figures (event_id, timezone, day, tier_id, sold, refunded)
    SELECT e.id, e.timezone, (o.paid_at AT TIME ZONE e.timezone)::date, NEW.tier_id, units, -units
    FROM orders o JOIN events e ON e.id = o.event_id
    WHERE o.id = NEW.order_id AND o.paid_at IS NOT NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION count_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO daily_payments (event_id, timezone, day, tier_id, status, method, gateway, payments, amount, received)
    SELECT e.id, e.timezone, (o.created_at AT TIME ZONE e.timezone)::date, t.tier_id, p.status, p.method, p.gateway,
        sum(p.sign * t.orders), sum(p.sign * t.orders * p.amount), sum(p.sign * t.orders * COALESCE(p.received, 0))
    FROM (VALUES
            (-1, OLD.order_id, OLD.status, OLD.payment_method, OLD.gateway, OLD.amount, OLD.received_amount),
            (1, NEW.order_id, NEW.status, NEW.payment_method, NEW.gateway, NEW.amount, NEW.received_amount)
        ) AS p (sign, order_id, status, method, gateway, amount, received)
        JOIN orders o ON o.id = p.order_id JOIN events e ON e.id = o.event_id, order_tiers(o.id) t
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    HAVING sum(p.sign) <> 0 OR sum(p.sign * p.amount) <> 0 OR sum(p.sign * COALESCE(p.received, 0)) <> 0;
    RETURN NULL;
END $$;

CREATE FUNCTION count_ledger_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_organizers boolean := starts_with(NEW.account, 'organizer_payable:');
BEGIN
    INSERT INTO daily_figures (event_id, timezone, day, refunded_amount, organizer_refunds, penalty)
    SELECT e.id, e.timezone, (p.created_at AT TIME ZONE e.timezone)::date,
        CASE WHEN p.kind <> 'cancellation_penalty' THEN NEW.amount ELSE 0 END,
        CASE WHEN p.kind <> 'cancellation_penalty' AND is_organizers THEN NEW.amount ELSE 0 END,
        CASE WHEN p.kind = 'cancellation_penalty' AND is_organizers THEN NEW.amount ELSE 0 END
    FROM ledger_postings p JOIN events e ON e.id = p.event_id
    WHERE p.id = NEW.posting_id
        AND p.kind IN ('refund_owed', 'sale_taken_back', 'sale_rest_taken_back', 'cancellation_penalty');
    RETURN NULL;
END $$;
"""

TRIGGERS = """
CREATE TRIGGER counted AFTER UPDATE OF status, paid_at ON orders FOR EACH ROW EXECUTE FUNCTION count_order();
CREATE TRIGGER counted AFTER UPDATE OF returned_at ON order_items FOR EACH ROW
    WHEN ((OLD.returned_at IS NULL) <> (NEW.returned_at IS NULL)) EXECUTE FUNCTION count_returned_item();
CREATE TRIGGER counted AFTER INSERT OR UPDATE OF status, payment_method, amount, received_amount ON payments
    FOR EACH ROW EXECUTE FUNCTION count_payment();
CREATE TRIGGER counted AFTER INSERT ON ledger_entries FOR EACH ROW
    WHEN (starts_with(NEW.account, 'organizer_payable:') OR NEW.account IN (
        'commission_revenue', 'platform_fee_revenue', 'promotion_cost', 'payment_differences'))
    EXECUTE FUNCTION count_ledger_entry();
"""


def upgrade() -> None:
    """Create the tables, and count from now on."""
    op.get_bind().exec_driver_sql(TABLES)
    op.get_bind().exec_driver_sql(FUNCTIONS)
    op.get_bind().exec_driver_sql(TRIGGERS)
