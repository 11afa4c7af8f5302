"""Money after the sale: refunds by item, bank accounts, transfers, payouts, cancellations, amount mismatches.

The schema refuses these: an item refunded twice, more going back than came in, two live
transfers for one debt, two payouts for one event.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

REFUNDS = """
ALTER TABLE order_items ADD COLUMN returned_at timestamptz;
COMMENT ON COLUMN order_items.returned_at IS 'its refund was approved: the ticket is void, the stock is free again';

ALTER TABLE refunds
    ADD COLUMN method text CHECK (method IN ('gateway', 'disbursement')),
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN sent_at timestamptz,
    DROP CONSTRAINT refunds_kind_check,
    ADD CONSTRAINT refunds_kind_check
        CHECK (kind IN ('requested', 'cancellation', 'unusable_payment', 'by_gateway', 'review'));
CREATE INDEX refunds_user ON refunds (user_id, created_at);
CREATE INDEX refunds_payment ON refunds (payment_id);
CREATE UNIQUE INDEX refunds_review ON refunds (payment_id) WHERE kind = 'review' AND status <> 'rejected';

CREATE TABLE refund_items (
    refund_id uuid NOT NULL REFERENCES refunds (id),
    order_item_id uuid NOT NULL REFERENCES order_items (id),
    amount bigint NOT NULL CHECK (amount >= 0),
    is_rejected boolean NOT NULL DEFAULT false,
    PRIMARY KEY (refund_id, order_item_id)
);
CREATE UNIQUE INDEX item_refunded_once ON refund_items (order_item_id) WHERE NOT is_rejected;

-- No order gives back more than it took in, whatever the code above does.
CREATE FUNCTION refuse_excessive_refund() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    received bigint;
    returned bigint;
BEGIN
    SELECT COALESCE(sum(received_amount), 0) INTO received FROM payments WHERE order_id = NEW.order_id;
    SELECT COALESCE(sum(amount), 0) INTO returned FROM refunds
        WHERE order_id = NEW.order_id AND status <> 'rejected';
    IF returned > received THEN
        RAISE EXCEPTION 'order % took in % and would give back %', NEW.order_id, received, returned
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_within_payments';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refunds_within_payments AFTER INSERT OR UPDATE OF amount, status ON refunds
    FOR EACH ROW EXECUTE FUNCTION refuse_excessive_refund();
"""

PAYOUTS = """
CREATE TABLE bank_accounts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id),
    bank_code text NOT NULL,
    account_number_sealed text NOT NULL,
    account_number_ending text NOT NULL CHECK (length(account_number_ending) <= 4),
    account_holder_name text NOT NULL CHECK (length(account_holder_name) BETWEEN 1 AND 255),
    status text NOT NULL CHECK (status IN ('checking', 'verified', 'refused')),
    check_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    replaced_at timestamptz
);
CREATE UNIQUE INDEX one_bank_account ON bank_accounts (user_id) WHERE replaced_at IS NULL;
CREATE INDEX bank_accounts_checking ON bank_accounts (created_at) WHERE status = 'checking' AND replaced_at IS NULL;

CREATE TABLE payouts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organizer_id uuid NOT NULL REFERENCES users (id),
    event_id uuid NOT NULL REFERENCES events (id),
    amount bigint NOT NULL CHECK (amount >= 0),
    status text NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'carried_over')),
    failure text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    CONSTRAINT one_payout_per_event UNIQUE (event_id),  -- FN-006
    CONSTRAINT payouts_carried_over CHECK ((amount = 0) = (status = 'carried_over'))
);
CREATE INDEX payouts_organizer ON payouts (organizer_id, created_at);
CREATE INDEX payouts_open ON payouts (updated_at) WHERE status IN ('pending', 'processing', 'failed');

CREATE TABLE disbursements (  -- one row per try to move money to somebody's bank account
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),  -- also the idempotency key at the gateway
    refund_id uuid REFERENCES refunds (id),
    payout_id uuid REFERENCES payouts (id),
    attempt integer NOT NULL CHECK (attempt > 0),
    bank_account_id uuid NOT NULL REFERENCES bank_accounts (id),
    amount bigint NOT NULL CHECK (amount > 0),
    status text NOT NULL DEFAULT 'sending' CHECK (status IN ('sending', 'succeeded', 'failed', 'reversed')),
    gateway_reference text,
    failure text,
    may_retry boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT disbursements_purpose CHECK ((refund_id IS NULL) <> (payout_id IS NULL)),
    CONSTRAINT disbursements_refund_attempt UNIQUE (refund_id, attempt),
    CONSTRAINT disbursements_payout_attempt UNIQUE (payout_id, attempt)
);
CREATE UNIQUE INDEX one_transfer_per_refund ON disbursements (refund_id) WHERE status IN ('sending', 'succeeded');
CREATE UNIQUE INDEX one_transfer_per_payout ON disbursements (payout_id) WHERE status IN ('sending', 'succeeded');
CREATE INDEX disbursements_open ON disbursements (updated_at) WHERE status = 'sending';
CREATE UNIQUE INDEX disbursements_gateway_reference ON disbursements (gateway_reference)
    WHERE gateway_reference IS NOT NULL;

ALTER TABLE webhook_events
    ADD COLUMN refund_id uuid REFERENCES refunds (id),
    ADD COLUMN disbursement_id uuid REFERENCES disbursements (id);
"""

CANCELLATIONS = """
CREATE TABLE event_cancellations (
    event_id uuid PRIMARY KEY REFERENCES events (id),
    requested_by uuid NOT NULL REFERENCES users (id),
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    penalty_percent integer NOT NULL CHECK (penalty_percent BETWEEN 0 AND 100),
    penalty bigint CHECK (penalty >= 0),
    orders integer NOT NULL CHECK (orders >= 0),  -- that had to end when it began
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT cancellations_penalty CHECK ((finished_at IS NULL) = (penalty IS NULL))
);
CREATE INDEX event_cancellations_open ON event_cancellations (updated_at) WHERE finished_at IS NULL;
"""

ODD_MONEY = """
ALTER TABLE payments
    ADD COLUMN unique_code integer CHECK (unique_code BETWEEN 1 AND 999),
    ADD COLUMN reviewed_at timestamptz,
    ADD COLUMN reviewed_by uuid REFERENCES users (id),
    ADD COLUMN review_decision text CHECK (review_decision IN ('accepted', 'refunded', 'topped_up'));
CREATE UNIQUE INDEX one_open_unique_amount ON payments (amount)
    WHERE unique_code IS NOT NULL AND status IN ('opening', 'pending');  -- ISO-3
CREATE INDEX payments_to_review ON payments (paid_at) WHERE received_amount <> amount AND review_decision IS NULL;
"""


def upgrade() -> None:
    """Add the tables and columns."""
    for part in (REFUNDS, PAYOUTS, CANCELLATIONS, ODD_MONEY):
        op.execute(part)
