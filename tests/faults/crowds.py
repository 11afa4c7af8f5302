"""Thousands of paid orders at once, as rows: in the product's database and in the simulated gateway's memory.

Their buyers have deleted their accounts, so that nobody is written to: mails are measured elsewhere.
"""

from uuid import UUID, uuid4

from sqlalchemy import text

from tests.stack import Stack

PRICE, FEE, COMMISSION = 100_000, 7_500, 10_000

_PEOPLE = text("""
    WITH organizer AS (
        INSERT INTO users (id, email, full_name, role, is_email_verified, terms_version, terms_accepted_at)
        SELECT gen_random_uuid(), n || :name || '@example.com', 'Penyelenggara', 'organizer', true, '1', now()
        FROM generate_series(1, :organizers) n RETURNING id),
    account AS (
        INSERT INTO bank_accounts (user_id, bank_code, account_number_sealed, account_number_ending,
            account_holder_name, status)
        SELECT id, 'BCA', '', '', 'Penyelenggara', 'refused' FROM organizer)
    SELECT id FROM organizer
""")
_EVENTS = text("""
    INSERT INTO events (organizer_id, title, slug, category, location, start_date, end_date, capacity, status)
    SELECT id, 'Acara', 'acara-' || id, 'musik', 'Jakarta', now() + make_interval(days => :days),
        now() + make_interval(days => :days, hours => 4), 1000000, 'published'
    FROM unnest(CAST(:organizers AS uuid[])) id
    RETURNING id, organizer_id
""")
_TIERS = text("""
    INSERT INTO ticket_tiers (event_id, organizer_id, name, price, quota, sold, event_ends_at, is_on_sale)
    SELECT id, organizer_id, 'Reguler', :price, 1000000, :orders, end_date, true
    FROM events WHERE id = ANY(:events)
""")
_ORDERS = text("""
    WITH numbered AS (
        SELECT gen_random_uuid() AS order_id, gen_random_uuid() AS user_id, gen_random_uuid() AS item_id,
            gen_random_uuid() AS payment_id, gen_random_uuid() AS posting_id, t.id AS tier_id, t.event_id,
            t.organizer_id
        FROM ticket_tiers t, generate_series(1, :orders) n WHERE t.event_id = ANY(:events)),
    buyer AS (
        INSERT INTO users (id, email, full_name, role, terms_version, terms_accepted_at)
        SELECT user_id, user_id || '@deleted.invalid', 'Akun dihapus', 'customer', '1', now() FROM numbered
        RETURNING id),
    ordered AS (
        INSERT INTO orders (id, user_id, event_id, organizer_id, status, subtotal, platform_fee, total_amount,
            reservation_expires_at, paid_at, tickets_issued_at)
        SELECT order_id, user_id, event_id, organizer_id, 'paid', :price, :fee, CAST(:price AS bigint) + :fee,
            now(), now(), now()
        FROM numbered JOIN buyer ON buyer.id = user_id),  -- who has to be there before they order
    item AS (
        INSERT INTO order_items (id, order_id, tier_id, position, unit_price, platform_fee, commission,
            attendee_name, attendee_email)
        SELECT item_id, order_id, tier_id, 1, :price, :fee, :commission, 'Peserta', 'peserta@example.com'
        FROM numbered),
    ticket AS (
        INSERT INTO tickets (order_id, order_item_id, event_id, pdf_object)
        SELECT order_id, item_id, event_id, 'none' FROM numbered),
    paid AS (
        INSERT INTO payments (id, order_id, attempt, gateway, external_id, gateway_reference, payment_method, status,
            amount, received_amount, channel, expires_at, paid_at)
        SELECT payment_id, order_id, 1, 'xendit', order_id || '-1', payment_id, 'QRIS', 'paid',
            CAST(:price AS bigint) + :fee, CAST(:price AS bigint) + :fee, 'QRIS', now(), now()
        FROM numbered),
    posting AS (
        INSERT INTO ledger_postings (id, kind, reference_id, order_id, event_id, organizer_id)
        SELECT posting_id, 'sale', payment_id, order_id, event_id, organizer_id FROM numbered),
    entry AS (
        INSERT INTO ledger_entries (posting_id, account, amount)
        SELECT posting_id, account, amount FROM numbered, LATERAL (VALUES
            ('gateway_clearing:xendit', CAST(:price AS bigint) + :fee),
            ('organizer_payable:' || organizer_id, CAST(:commission AS bigint) - :price),
            ('commission_revenue', -CAST(:commission AS bigint)),
            ('platform_fee_revenue', -CAST(:fee AS bigint))) AS sale (account, amount))
    SELECT payment_id, order_id FROM numbered
""")
_GONE = text("UPDATE users SET is_deleted = true WHERE email LIKE '%@deleted.invalid' AND NOT is_deleted")
_SIMULATED = text("""
    WITH known AS (SELECT * FROM unnest(CAST(:payments AS text[]), CAST(:orders AS text[])) AS k (reference, order_id)),
    moved AS (
        INSERT INTO simulated_movements (gateway, kind, reference, external_id, amount, at)
        SELECT 'xendit', 'payment', reference, order_id || '-1', :amount, now() FROM known)
    INSERT INTO simulated_payments (gateway, reference, external_id, transaction_id, status, amount, paid_amount,
        methods, channel, request, expires_at, paid_at)
    SELECT 'xendit', reference, order_id || '-1', reference, 'paid', :amount, :amount, '["QRIS"]', 'QRIS', '{}',
        now() + interval '1 day', now()
    FROM known
""")


def sold(stack: Stack, *, events: int, orders: int, starts_in_days: int) -> list[tuple[UUID, UUID]]:
    """Events with so many paid orders each, at Rp 100.000, each of an organizer of its own: (event, organizer)."""
    values = {"price": PRICE, "fee": FEE, "commission": COMMISSION, "orders": orders}
    with stack.database() as database, database.begin() as tx:
        organizers = tx.execute(_PEOPLE, {"organizers": events, "name": uuid4().hex}).scalars().all()
        made = tx.execute(_EVENTS, {"organizers": organizers, "days": starts_in_days}).all()
        ids = [event.id for event in made]
        tx.execute(_TIERS, {**values, "events": ids})
        paid = tx.execute(_ORDERS, {**values, "events": ids}).all()
        tx.execute(_GONE)
    with stack.engine("karcis_local").begin() as tx:
        tx.execute(
            _SIMULATED,
            {
                "payments": [str(row.payment_id) for row in paid],
                "orders": [str(row.order_id) for row in paid],
                "amount": PRICE + FEE,
            },
        )
    return [(event.id, event.organizer_id) for event in made]
