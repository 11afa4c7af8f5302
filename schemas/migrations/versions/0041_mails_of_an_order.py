"""The mails of an order are found by it: its history shows them to the organizer."""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index. Mails about no order are none of its business."""
    op.execute("CREATE INDEX emails_order ON emails (order_id) WHERE order_id IS NOT NULL")
