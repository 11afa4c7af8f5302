"""The number of times a payout has been sent since somebody last asked for it (FN-011)."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the count, and count what was sent so far."""
    op.execute("""
        ALTER TABLE payouts ADD COLUMN tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0);
        COMMENT ON COLUMN payouts.tries IS 'transfers since it was made, or a person had it sent again';
        UPDATE payouts p SET tries = (SELECT count(*) FROM disbursements d WHERE d.payout_id = p.id);
    """)
