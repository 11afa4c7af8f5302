"""The moment of a session's last authentication (UM-004): sensitive operations ask for a fresh one.

NULL is too long ago. Sessions that are open already are asked once more. A code may be mailed for the proof.
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the purpose."""
    op.execute("ALTER TABLE refresh_tokens ADD COLUMN proven_at timestamptz")
    op.execute("""
        ALTER TABLE one_time_codes
            DROP CONSTRAINT one_time_codes_purpose_check,
            ADD CONSTRAINT one_time_codes_purpose_check
                CHECK (purpose IN ('verify_email', 'reset_password', 'confirm_identity'))
    """)
