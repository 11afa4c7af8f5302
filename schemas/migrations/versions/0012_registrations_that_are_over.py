"""Identity numbers of those who don't take part, as the nightly cleaning finds them (REG-1, DP-003)."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; partial, so that it holds no more than what is still to go."""
    op.execute("CREATE INDEX registrations_over ON registrations (created_at) WHERE NOT is_active")
