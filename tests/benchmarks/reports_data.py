"""Many orders in a few statements: one event that sold them all, and others that sold as many together.

Of a hundred orders 84 are paid, 1 of them given back, 12 expired and 4 were cancelled; they have one or two units of
two tiers, a payment, tickets, and the postings that its payment would have made. Triggers are off while it is filled.
"""

from uuid import UUID

from sqlalchemy import Connection

_FILL = """
    SET session_replication_role = replica;
    INSERT INTO users (email, full_name, role, is_email_verified, terms_version, terms_accepted_at)
    VALUES ('penyelenggara@example.com', 'Penyelenggara', 'organizer', true, '1', now());
    INSERT INTO users (email, full_name, role, is_email_verified, terms_version, terms_accepted_at)
    SELECT 'pembeli' || n || '@example.com', 'Pembeli ' || n, 'customer', true, '1', now()
    FROM generate_series(1, 1000) n;
    INSERT INTO events (organizer_id, title, slug, category, location, start_date, end_date, capacity, status)
    SELECT (SELECT id FROM users WHERE role = 'organizer'), 'Konser ' || n, 'konser-' || n, 'musik', 'Jakarta',
        now() + interval '30 days', now() + interval '31 days', {quota}, 'published'
    FROM generate_series(0, 50) n;
    INSERT INTO ticket_tiers (event_id, organizer_id, name, price, quota, event_ends_at, is_on_sale, position)
    SELECT e.id, e.organizer_id, tier.name, tier.price, {quota}, e.end_date, true, tier.position
    FROM events e, (VALUES ('Reguler', 100000, 0), ('VIP', 250000, 1)) AS tier (name, price, position);
    CREATE TEMP TABLE made AS
    SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS payment_id, gen_random_uuid() AS posting_id,
        gen_random_uuid() AS refund_posting_id, 1 + (n / 2 % 5) / 4 AS units,
        (n::bigint / 2 * 7919) % 100 AS fate, now() - ((n::bigint * 104729) % 5184000) * interval '1 second' AS at,
        CASE WHEN n % 2 = 0 THEN 'konser-0' ELSE 'konser-' || 1 + (n / 2) % 50 END AS slug
    FROM generate_series(1, 2 * {orders}) n;
    ALTER TABLE made ADD COLUMN paid timestamptz, ADD COLUMN due timestamptz, ADD COLUMN ended timestamptz,
        ADD COLUMN returned timestamptz;
    UPDATE made SET due = at + interval '15 minutes', paid = CASE WHEN fate < 84 THEN at + interval '2 minutes' END,
        ended = CASE WHEN fate >= 83 THEN at + interval '15 minutes' END,
        returned = CASE WHEN fate = 83 THEN at + interval '1 day' END;
    CREATE TEMP TABLE units AS
    SELECT made.*, gen_random_uuid() AS item_id, unit, e.id AS event_id, e.organizer_id, t.id AS tier_id, t.price,
        t.price / 20 + 2500 AS fee
    FROM made JOIN events e ON e.slug = made.slug, generate_series(0, units - 1) unit, ticket_tiers t
    WHERE t.event_id = e.id AND t.position = (n + unit) % 5 / 4;
    CREATE TEMP TABLE sums AS
    SELECT id, event_id, organizer_id, sum(price) AS price, sum(fee) AS fee FROM units GROUP BY 1, 2, 3;
    INSERT INTO orders (id, user_id, event_id, organizer_id, status, subtotal, platform_fee, total_amount,
        reservation_expires_at, paid_at, tickets_issued_at, ended_at, capacity_released_at, created_at)
    SELECT made.id, buyers.id, s.event_id, s.organizer_id,
        CASE WHEN fate < 83 THEN 'paid' WHEN fate < 84 THEN 'refunded' WHEN fate < 96 THEN 'expired'
            ELSE 'cancelled' END,
        s.price, s.fee, s.price + s.fee, due, paid, paid, ended, ended, at
    FROM made JOIN sums s ON s.id = made.id
        JOIN (SELECT id, row_number() OVER () AS place FROM users WHERE role = 'customer') AS buyers
            ON buyers.place = 1 + made.n % 1000
    ORDER BY at;
    INSERT INTO order_items (id, order_id, tier_id, position, unit_price, platform_fee, commission, attendee_name,
        attendee_email, created_at, returned_at)
    SELECT item_id, id, tier_id, unit, price, fee, price / 10, 'Peserta Konser ' || n || '-' || unit,
        'peserta' || n || '@example.com', at, returned
    FROM units ORDER BY at;
    INSERT INTO payments (id, order_id, attempt, gateway, external_id, gateway_reference, payment_method, status,
        amount, received_amount, expires_at, paid_at, ended_at, created_at)
    SELECT payment_id, made.id, 1, CASE WHEN n % 4 = 0 THEN 'midtrans' ELSE 'xendit' END, made.id || '-1',
        'gw-' || payment_id, (ARRAY['QRIS','BCA','GOPAY','OVO'])[1 + n % 4],
        CASE WHEN fate < 83 THEN 'paid' WHEN fate < 84 THEN 'refunded' ELSE 'expired' END, s.price + s.fee,
        CASE WHEN fate < 84 THEN s.price + s.fee END, due, paid, ended, at
    FROM made JOIN sums s ON s.id = made.id WHERE fate < 96 ORDER BY at;
    INSERT INTO tickets (order_id, order_item_id, event_id, status, created_at, validated_at)
    SELECT id, item_id, event_id, CASE WHEN fate = 83 THEN 'void' WHEN n % 3 = 0 THEN 'used' ELSE 'issued' END, at,
        CASE WHEN n % 3 = 0 THEN at + interval '1 day' END
    FROM units WHERE fate < 84 ORDER BY at;
    INSERT INTO ledger_postings (id, kind, reference_id, order_id, event_id, organizer_id, created_at)
    SELECT posting_id, 'sale', payment_id, made.id, s.event_id, s.organizer_id, paid
    FROM made JOIN sums s ON s.id = made.id WHERE fate < 84 ORDER BY at;
    INSERT INTO ledger_entries (posting_id, account, amount)
    SELECT posting_id, entry.account, entry.amount FROM made JOIN sums s ON s.id = made.id, LATERAL (VALUES
        ('gateway_clearing:xendit', s.price + s.fee), ('organizer_payable:' || s.organizer_id, s.price / 10 - s.price),
        ('commission_revenue', -s.price / 10), ('platform_fee_revenue', -s.fee)) AS entry (account, amount)
    WHERE fate < 84 ORDER BY at;
    INSERT INTO ledger_postings (id, kind, reference_id, order_id, event_id, organizer_id, created_at)
    SELECT refund_posting_id, 'refund_owed', refund_posting_id, made.id, s.event_id, s.organizer_id, returned
    FROM made JOIN sums s ON s.id = made.id WHERE fate = 83 ORDER BY at;
    INSERT INTO ledger_entries (posting_id, account, amount)
    SELECT refund_posting_id, entry.account, entry.amount FROM made JOIN sums s ON s.id = made.id, LATERAL (VALUES
        ('organizer_payable:' || s.organizer_id, s.price - s.price / 10),
        ('refunds_payable', s.price / 10 - s.price)) AS entry (account, amount)
    WHERE fate = 83 ORDER BY at;
    UPDATE ticket_tiers t SET sold = counted.sold FROM (
        SELECT tier_id, count(*) AS sold FROM units WHERE fate < 83 GROUP BY 1) AS counted WHERE counted.tier_id = t.id;
    DROP TABLE made, units, sums;
    SET session_replication_role = origin
"""


def fill(connection: Connection, orders: int) -> tuple[UUID, UUID]:
    """Add one event with that many orders, and fifty with as many together; the event's id and its organizer's."""
    quota = max(1_000_000, 4 * int(orders))
    for statement in _FILL.format(orders=int(orders), quota=quota).split(";\n"):
        connection.exec_driver_sql(statement)
    row = connection.exec_driver_sql("SELECT id, organizer_id FROM events WHERE slug = 'konser-0'").one()
    return row.id, row.organizer_id
