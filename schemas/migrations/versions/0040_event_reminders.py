"""How far the reminders of an event have come, which go out in batches on the day before (NS-005)."""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and the index by which the paid orders of an event are read in batches."""
    op.execute("""
        CREATE TABLE event_reminders (
            event_id uuid NOT NULL REFERENCES events (id),
            starts_on date NOT NULL,  -- in the event's zone: an event that is moved is reminded of anew
            last_order_id uuid,
            started_at timestamptz NOT NULL DEFAULT now(),
            finished_at timestamptz,
            PRIMARY KEY (event_id, starts_on)
        )
    """)
    op.execute("CREATE INDEX orders_event_paid ON orders (event_id, id) WHERE status = 'paid'")
