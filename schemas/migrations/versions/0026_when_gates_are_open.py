"""Hours of an event's gates, and the cancelled events that nobody but their organizer has ever seen.

`scan_from` and `scan_until` are what the gate decides by: so long before the start unless the organizer says
otherwise, and so long after the end.
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# By way of UTC, where a day has 24 hours: only so is the sum immutable.
GATES = """
ALTER TABLE events
    ADD COLUMN gates_open_at timestamptz,  -- the organizer's setting
    ADD COLUMN scan_from timestamptz NOT NULL GENERATED ALWAYS AS (
        COALESCE(gates_open_at, (start_date AT TIME ZONE 'UTC' - interval '6 hours') AT TIME ZONE 'UTC')) STORED,
    ADD COLUMN scan_until timestamptz NOT NULL GENERATED ALWAYS AS (
        (end_date AT TIME ZONE 'UTC' + interval '12 hours') AT TIME ZONE 'UTC') STORED,
    ADD COLUMN cancelled_as_draft boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT valid_gates CHECK (gates_open_at < end_date);
UPDATE events e SET cancelled_as_draft = true
    WHERE status = 'cancelled' AND (
        SELECT details ->> 'before' FROM audit_log
        WHERE subject = 'event' AND subject_id = e.id::text AND action = 'event.status_changed'
            AND details ->> 'after' = 'cancelled'
        ORDER BY id DESC LIMIT 1) = 'draft';
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(GATES)
