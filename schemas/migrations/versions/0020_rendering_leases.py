"""The delivery that renders a ticket at the moment, so that two of the same order share the work (TS-016)."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE tickets ADD COLUMN print_claimed_until timestamptz")
