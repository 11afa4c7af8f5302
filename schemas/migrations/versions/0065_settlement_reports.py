"""Settlement reports of the gateways, what arrived at the bank, and the differences (CLEAR-1).

No row is ever changed: what becomes of a difference is its manual task, and of expected money its arrival's match.
"""

from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

# A file is imported once (its hash), a line once whatever file it comes in (its key), money arrives once, and what
# was expected is matched once: concurrent imports and replays end at these keys.
TABLES = """
CREATE TABLE settlement_batches (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    gateway text NOT NULL CHECK (gateway IN ('xendit', 'midtrans')),
    report text NOT NULL,  -- the format that it was recognized as
    file_hash text NOT NULL CONSTRAINT one_batch_per_file UNIQUE CHECK (file_hash ~ '^[0-9a-f]{64}$'),
    rows_read int NOT NULL CHECK (rows_read >= 0),
    lines_known int NOT NULL CHECK (lines_known >= 0),  -- recorded before, from another file
    amounts_rounded int NOT NULL CHECK (amounts_rounded >= 0),  -- those with fractions of a rupiah
    rows_left_out jsonb NOT NULL,  -- the number of rows by the reason
    columns_ignored jsonb NOT NULL,
    imported_by uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX settlement_batches_age ON settlement_batches (created_at);

CREATE TABLE settlement_lines (
    id uuid PRIMARY KEY,
    batch_id uuid NOT NULL REFERENCES settlement_batches (id),
    gateway text NOT NULL CHECK (gateway IN ('xendit', 'midtrans')),
    line_key text NOT NULL,  -- the gateway's id of the transaction, and which part of it
    row_number int NOT NULL CHECK (row_number > 0),
    kind text NOT NULL
        CHECK (kind IN ('payment', 'refund', 'transfer', 'reversal', 'chargeback', 'withdrawal', 'adjustment')),
    reference text NOT NULL,  -- our id of what was paid, refunded or transferred; the gateway's where it names none
    channel text NOT NULL,
    gross bigint NOT NULL,  -- money in; out is negative
    fee bigint NOT NULL,  -- what the gateway kept of it, before tax
    tax bigint NOT NULL,
    net bigint NOT NULL,
    expected_deduction bigint,  -- fee and tax by the contract
    settled_at timestamptz NOT NULL,
    payment_id uuid REFERENCES payments (id),
    transfer_id uuid REFERENCES disbursements (id),
    CONSTRAINT one_line_per_key UNIQUE (gateway, line_key),
    CONSTRAINT settlement_lines_net CHECK (net = gross - fee - tax)
);
CREATE INDEX settlement_lines_batch ON settlement_lines (batch_id, row_number);
CREATE INDEX settlement_lines_reference ON settlement_lines (gateway, reference);
CREATE INDEX settlement_lines_payment ON settlement_lines (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX settlement_lines_settled ON settlement_lines (gateway, settled_at);

CREATE TABLE expected_arrivals (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    batch_id uuid NOT NULL REFERENCES settlement_batches (id),
    line_id uuid CONSTRAINT one_arrival_per_withdrawal UNIQUE REFERENCES settlement_lines (id),
    gateway text NOT NULL CHECK (gateway IN ('xendit', 'midtrans')),
    sent_on date NOT NULL,
    amount bigint NOT NULL CHECK (amount <> 0),  -- negative: more went back that day than came in
    reference text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX one_arrival_per_day ON expected_arrivals (batch_id, sent_on) WHERE line_id IS NULL;
CREATE INDEX expected_arrivals_sent ON expected_arrivals (gateway, sent_on);

CREATE TABLE bank_arrivals (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    gateway text NOT NULL CHECK (gateway IN ('xendit', 'midtrans')),
    arrived_on date NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    reference text NOT NULL,
    occurrence int NOT NULL CHECK (occurrence > 0),  -- of equal lines in one bank statement
    entered_by uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT one_bank_arrival UNIQUE (gateway, arrived_on, amount, reference, occurrence)
);
CREATE INDEX bank_arrivals_age ON bank_arrivals (arrived_on);

CREATE TABLE arrival_matches (
    expected_id uuid CONSTRAINT one_match_per_expected_arrival PRIMARY KEY REFERENCES expected_arrivals (id),
    arrival_id uuid NOT NULL REFERENCES bank_arrivals (id),
    matched_by uuid REFERENCES users (id),  -- nobody: the amount did
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX arrival_matches_arrival ON arrival_matches (arrival_id);

CREATE TABLE settlement_differences (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('payment_unknown', 'movement_unknown', 'gross_differs', 'settled_twice',
        'line_changed', 'net_differs', 'adjustment', 'fees_differ', 'payment_missing', 'report_missing',
        'arrival_differs', 'arrival_unknown', 'arrival_missing')),
    subject_key text NOT NULL,  -- what it is about, so that it is told once
    gateway text NOT NULL CHECK (gateway IN ('xendit', 'midtrans')),
    expected bigint NOT NULL,
    found bigint NOT NULL,
    reference text NOT NULL,
    batch_id uuid REFERENCES settlement_batches (id),
    line_id uuid REFERENCES settlement_lines (id),
    payment_id uuid REFERENCES payments (id),
    expected_arrival_id uuid REFERENCES expected_arrivals (id),
    arrival_id uuid REFERENCES bank_arrivals (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT one_settlement_difference UNIQUE (kind, subject_key)
);
CREATE INDEX settlement_differences_age ON settlement_differences (created_at);
CREATE INDEX settlement_differences_batch ON settlement_differences (batch_id) WHERE batch_id IS NOT NULL;
"""
NAMES = (
    "settlement_batches",
    "settlement_lines",
    "expected_arrivals",
    "bank_arrivals",
    "arrival_matches",
    "settlement_differences",
)
RIGHTS = f"REVOKE UPDATE, DELETE ON {', '.join(NAMES)} FROM karcis_app;"


def upgrade() -> None:
    """Create the tables, whose rows are only added."""
    op.get_bind().exec_driver_sql(TABLES)
    for name in NAMES:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(RIGHTS)
