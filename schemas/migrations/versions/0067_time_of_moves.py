"""When an event was last moved, apart from changes of its name that are told together with the move."""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Rows of before, and of a release before, have none: `changed_at` counts there."""
    op.add_column("event_changes", sa.Column("moved_at", sa.DateTime(timezone=True)))
