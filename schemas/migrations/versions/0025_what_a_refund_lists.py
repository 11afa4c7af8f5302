"""Digital units that their buyers have looked at, and refunds of items that have cost nothing."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; whoever was given a unit before may have looked at it."""
    op.execute("""
        ALTER TABLE ticket_tiers ADD COLUMN refundable_after_reveal boolean NOT NULL DEFAULT false;
        ALTER TABLE digital_units ADD COLUMN revealed_at timestamptz;
        COMMENT ON COLUMN digital_units.revealed_at IS 'its buyer was shown it for the first time';
        UPDATE digital_units SET revealed_at = given_at WHERE given_at IS NOT NULL;
        ALTER TABLE refunds DROP CONSTRAINT refunds_amount_check,
            ADD CONSTRAINT refunds_amount_check CHECK (amount > 0 OR (amount = 0 AND kind = 'requested'));
    """)
