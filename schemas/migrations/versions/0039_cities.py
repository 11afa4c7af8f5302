"""Events are found by their city: the whole location, as `category_compact` finds a category (EM-014)."""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and its index, which counts without reading the events."""
    op.execute("""
        ALTER TABLE events
            ADD COLUMN location_compact text NOT NULL GENERATED ALWAYS AS (search_compact(location)) STORED
    """)
    op.execute("""
        CREATE INDEX events_location_compact ON events (location_compact, start_date, id) INCLUDE (end_date)
            WHERE status = 'published'
    """)
