"""An index for the payments of a gateway since a moment: which gateways the hourly checks ask.

While it is made, writers of payments wait for seconds; where there are millions of rows, make it before, by hand and
CONCURRENTLY.
"""

from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.execute("CREATE INDEX IF NOT EXISTS payments_gateway_created ON payments (gateway, created_at)")
