"""Sales from before 0044 counted: the difference of what there is and what is counted, event by event.

Each event is one statement, which sees one moment: sales go on meanwhile, and are counted by their triggers alone.
"""

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

EVENTS = "SELECT DISTINCT event_id FROM orders"

FIGURES = """
    INSERT INTO daily_figures (event_id, timezone, day, tier_id, sold, refunded, gross, discount, platform_discount,
        fees, waived_fees, commission, refunded_amount, organizer_refunds, penalty, paid, expired, cancelled)
    WITH event AS (SELECT id, timezone AS zone FROM events WHERE id = %s), counted AS (
        SELECT e.zone, (o.paid_at AT TIME ZONE e.zone)::date AS day, i.tier_id,
            (i.returned_at IS NULL)::integer AS sold, (i.returned_at IS NOT NULL)::integer AS refunded,
            i.unit_price AS gross, i.discount, i.platform_discount, i.platform_fee AS fees,
            i.waived_fee - i.platform_waived_fee AS waived_fees, i.commission,
            0 AS refunded_amount, 0 AS organizer_refunds, 0 AS penalty, 0 AS paid, 0 AS expired, 0 AS cancelled
        FROM event e JOIN orders o ON o.event_id = e.id JOIN order_items i ON i.order_id = o.id
        WHERE o.paid_at IS NOT NULL
        UNION ALL
        SELECT e.zone, (p.created_at AT TIME ZONE e.zone)::date, NULL, 0, 0, 0, 0, 0, 0, 0, 0,
            CASE WHEN p.kind <> 'cancellation_penalty' THEN n.amount ELSE 0 END,
            CASE WHEN p.kind <> 'cancellation_penalty' AND n.is_organizers THEN n.amount ELSE 0 END,
            CASE WHEN p.kind = 'cancellation_penalty' AND n.is_organizers THEN n.amount ELSE 0 END, 0, 0, 0
        FROM event e JOIN ledger_postings p ON p.event_id = e.id JOIN (
            SELECT posting_id, amount, account, starts_with(account, 'organizer_payable:') AS is_organizers
            FROM ledger_entries) AS n ON n.posting_id = p.id
        WHERE p.kind IN ('refund_owed', 'sale_taken_back', 'sale_rest_taken_back', 'cancellation_penalty')
            AND (n.is_organizers OR n.account IN (
                'commission_revenue', 'platform_fee_revenue', 'promotion_cost', 'payment_differences'))
        UNION ALL
        SELECT e.zone, (o.created_at AT TIME ZONE e.zone)::date, t.tier_id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            t.orders * (o.status IN ('paid', 'refunded'))::integer, t.orders * (o.status = 'expired')::integer,
            t.orders * (o.status = 'cancelled')::integer
        FROM event e JOIN orders o ON o.event_id = e.id, order_tiers(o.id) t
        UNION ALL
        SELECT d.timezone, d.day, d.tier_id, -d.sold, -d.refunded, -d.gross, -d.discount, -d.platform_discount, -d.fees,
            -d.waived_fees, -d.commission, -d.refunded_amount, -d.organizer_refunds, -d.penalty, -d.paid, -d.expired,
            -d.cancelled
        FROM event e JOIN daily_figures d ON d.event_id = e.id)
    SELECT e.id, c.zone, c.day, c.tier_id, sum(c.sold), sum(c.refunded), sum(c.gross), sum(c.discount),
        sum(c.platform_discount), sum(c.fees), sum(c.waived_fees), sum(c.commission), sum(c.refunded_amount),
        sum(c.organizer_refunds), sum(c.penalty), sum(c.paid), sum(c.expired), sum(c.cancelled)
    FROM event e, counted c GROUP BY e.id, c.zone, c.day, c.tier_id
"""

PAYMENTS = """
    INSERT INTO daily_payments (event_id, timezone, day, tier_id, status, method, gateway, payments, amount, received)
    WITH event AS (SELECT id, timezone AS zone FROM events WHERE id = %s), counted AS (
        SELECT e.zone, (o.created_at AT TIME ZONE e.zone)::date AS day, t.tier_id, p.status, p.payment_method AS method,
            p.gateway, t.orders AS payments, t.orders * p.amount AS amount,
            t.orders * COALESCE(p.received_amount, 0) AS received
        FROM event e JOIN orders o ON o.event_id = e.id JOIN payments p ON p.order_id = o.id, order_tiers(o.id) t
        UNION ALL
        SELECT d.timezone, d.day, d.tier_id, d.status, d.method, d.gateway, -d.payments, -d.amount, -d.received
        FROM event e JOIN daily_payments d ON d.event_id = e.id)
    SELECT e.id, c.zone, c.day, c.tier_id, c.status, c.method, c.gateway, sum(c.payments), sum(c.amount),
        sum(c.received)
    FROM event e, counted c GROUP BY e.id, c.zone, c.day, c.tier_id, c.status, c.method, c.gateway
"""


def upgrade() -> None:
    """Count every event that has orders."""
    connection = op.get_bind()
    for event_id in connection.exec_driver_sql(EVENTS).scalars().all():
        connection.exec_driver_sql(FIGURES, (event_id,))
        connection.exec_driver_sql(PAYMENTS, (event_id,))
