"""Remainders: money payable after an event's payout was made is paid in a payout of its own."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the flag; each event still has one payout besides, and each organizer one remainder under way."""
    op.execute("""
        ALTER TABLE payouts ADD COLUMN is_remainder boolean NOT NULL DEFAULT false;
        COMMENT ON COLUMN payouts.is_remainder IS 'became payable after the payout of the event was made';
        ALTER TABLE payouts DROP CONSTRAINT one_payout_per_event;
        CREATE UNIQUE INDEX one_payout_per_event ON payouts (event_id) WHERE NOT is_remainder;
        CREATE UNIQUE INDEX one_remainder_at_a_time ON payouts (organizer_id)
            WHERE is_remainder AND status IN ('pending', 'processing', 'failed');
        CREATE INDEX refunds_undecided ON refunds (order_id) WHERE status = 'requested';
    """)
