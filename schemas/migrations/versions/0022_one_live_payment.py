"""One checkout at a time at the gateway, and rows for invoices that a payment did not keep."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

PAYMENTS = """
ALTER TABLE payments
    ADD COLUMN claimed_until timestamptz,
    ADD COLUMN duplicate_of uuid REFERENCES payments (id);
COMMENT ON COLUMN payments.claimed_until IS 'while it is opening: a checkout is asking the gateway until then';
COMMENT ON COLUMN payments.duplicate_of IS 'another invoice at the gateway under the external id of that payment';
CREATE UNIQUE INDEX one_payment_per_external_id ON payments (external_id) WHERE duplicate_of IS NULL;
ALTER TABLE payments DROP CONSTRAINT payments_external_id;
CREATE INDEX payments_external_id ON payments (external_id);

ALTER TABLE webhook_events ADD COLUMN gateway_reference text;
"""


def upgrade() -> None:
    """Add the columns; an external id then names one payment and its duplicates."""
    op.execute(PAYMENTS)
