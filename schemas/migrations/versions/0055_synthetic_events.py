"""The synthetic events, from which synthetic purchases buy. They are never published."""

from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

COLUMN = """
ALTER TABLE events
    ADD COLUMN is_synthetic boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT synthetic_events_are_drafts CHECK (NOT is_synthetic OR status = 'draft');
CREATE INDEX events_synthetic ON events (id) WHERE is_synthetic;
"""


def upgrade() -> None:
    """Add the column."""
    op.execute(COLUMN)
