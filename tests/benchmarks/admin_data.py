"""Rows about the orders of `reports_data`: mails, webhooks, audit lines, runs of reconcile, refunds, transfers."""

from sqlalchemy import Connection

_HANGING = """
    INSERT INTO emails (template, once_key, to_address, language, context, order_id, status, created_at)
    SELECT 'e_ticket', id, 'pembeli' || left(CAST(id AS text), 6) || '@example.com', 'id', '{"a": 1}', id, 'delivered',
        created_at FROM orders;
    INSERT INTO webhook_events (gateway, webhook_id, event_type, payment_id, payload, processed, outcome, created_at)
    SELECT gateway, id, 'payment.PAID', id, '{"a": 1}', true, 'paid', created_at FROM payments;
    INSERT INTO audit_log (at, action, subject, subject_id, details, correlation_id)
    SELECT created_at, 'order.paid', 'order', id, '{}', id FROM orders;
    INSERT INTO audit_log (at, action, subject, details, correlation_id)
    SELECT now() - n * interval '5 minutes', 'reconcile_run', 'run',
        jsonb_build_object('thorough', n % 12 = 0, 'totals', jsonb_build_object('reconcile_fix_mail', n % 2)), n
    FROM generate_series(1, 4000) n;
    INSERT INTO outbox (topic, payload, attributes, published_at)
    SELECT 'payment.success', '{}', '{}', now() FROM orders;
    INSERT INTO pickups (order_id, event_id, code)
    SELECT id, event_id, 'AAAA-' || lpad(CAST(row_number() OVER () AS text), 4, '0')
    FROM (SELECT id, event_id FROM orders LIMIT 4000) o;
    INSERT INTO refunds (order_id, payment_id, user_id, kind, amount, reason, status, gateway_refund_id)
    SELECT p.order_id, p.id, o.user_id, 'requested', 5000, 'Sakit', 'completed', 'rfd-' || p.id
    FROM payments p JOIN orders o ON o.id = p.order_id LIMIT 4000;
    INSERT INTO disbursements (refund_id, attempt, bank_account_id, amount, status, gateway_reference)
    SELECT r.id, 1, b.id, 5000, 'succeeded', 'disb-' || r.id FROM refunds r, bank_accounts b
"""
_ACCOUNT = """
    INSERT INTO bank_accounts (user_id, bank_code, account_number_sealed, account_number_ending, account_holder_name,
        status)
    SELECT id, 'BCA', 'x', '1234', 'Siti', 'verified' FROM users LIMIT 1
"""


def fill_more(connection: Connection) -> None:
    """Add to every order what the product would have, nothing of it wrong. Triggers are off meanwhile."""
    connection.exec_driver_sql("SET session_replication_role = replica")
    for statement in (_ACCOUNT, *_HANGING.split(";\n")):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("UPDATE orders SET tickets_issued_at = paid_at WHERE paid_at IS NOT NULL")
    connection.exec_driver_sql("SET session_replication_role = origin")
