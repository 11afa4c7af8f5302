"""Money that bought nothing goes back payment by payment, whatever another payment gave back too much."""

from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

# As before, a new refund of ours is refused where it would make more go back than came in, dashboards included. But a
# payment that bought nothing is given back by itself, and what bought the order by all that bought it. A refund of
# nothing (its money has gone back already) gives nothing back.
GUARD = """
CREATE OR REPLACE FUNCTION refuse_excessive_refund() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bought_nothing uuid[];
    received bigint;
    returned bigint;
BEGIN
    IF NEW.kind = 'by_gateway' OR NEW.amount = 0 THEN
        RETURN NULL;
    END IF;
    SELECT COALESCE(array_agg(payment_id), '{}') INTO bought_nothing FROM refunds
        WHERE order_id = NEW.order_id AND kind IN ('unusable_payment', 'review') AND status <> 'rejected';
    SELECT COALESCE(sum(received_amount), 0) INTO received FROM payments
        WHERE order_id = NEW.order_id AND CASE WHEN NEW.payment_id = ANY(bought_nothing) THEN id = NEW.payment_id
            ELSE id <> ALL(bought_nothing) END;
    SELECT COALESCE(sum(amount), 0) INTO returned FROM refunds
        WHERE order_id = NEW.order_id AND CASE WHEN NEW.payment_id = ANY(bought_nothing)
                THEN payment_id = NEW.payment_id ELSE payment_id <> ALL(bought_nothing) END
            AND status <> 'rejected' AND (TG_OP = 'INSERT' OR kind <> 'by_gateway');
    IF returned > received THEN
        RAISE EXCEPTION 'order % took in % and would give back %', NEW.order_id, received, returned
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_within_payments';
    END IF;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    """Replace the guard."""
    op.execute(GUARD)
