"""Addresses that somebody typed in a chat and nobody proved are found for retention, as all others are (DP-003)."""

from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the index to the mails with codes for chats."""
    op.execute("DROP INDEX emails_unproved")
    op.execute("""
        CREATE INDEX emails_unproved ON emails (created_at)
        WHERE template IN ('verify_email', 'reset_password', 'sign_in', 'link_chat', 'staff_invitation')
            AND to_address <> ''
    """)
