"""Strangers use up neither an owner's tries at a code nor two rounds of bcrypt (SEC-004, UM-002, UM-006).

A code knows from which network it was asked for, whose tries are apart from all others'; a claim has eight bits that
tell most wrong passwords without looking at its hash. Rows that are there count as asked from anywhere.
"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.execute("""
        ALTER TABLE one_time_codes
            ADD COLUMN asked_from text NOT NULL DEFAULT '',
            ADD COLUMN tries_elsewhere integer NOT NULL DEFAULT 5 CHECK (tries_elsewhere >= 0)
    """)
    op.execute("ALTER TABLE address_claims ADD COLUMN fingerprint integer CHECK (fingerprint BETWEEN 0 AND 255)")
