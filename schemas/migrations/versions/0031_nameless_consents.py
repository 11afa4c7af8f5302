"""Choices about cookies that name nobody are found by their age, to go after a year (DP-006)."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.execute("CREATE INDEX cookie_consents_nameless ON cookie_consents (chosen_at) WHERE user_id IS NULL")
