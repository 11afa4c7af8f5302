"""Changes of an event that people hold tickets for, so that each of them is told once (EM-005, PS-018).

A change waits a moment for others to join it; then it is told order after order. `before` is what holders know,
`after` what is true now. Changes of one event that wait are one row: `one_waiting_event_change`.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

CHANGES = """
ALTER TABLE events ADD COLUMN refund_after_change boolean NOT NULL DEFAULT true;

CREATE TABLE event_changes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    offers_refund boolean NOT NULL,  -- the organizer's setting when it changed
    allows_refund boolean NOT NULL GENERATED ALWAYS AS (
        offers_refund AND before - '{title,tiers}'::text[] <> after - '{title,tiers}'::text[]) STORED,
    changed_at timestamptz NOT NULL DEFAULT now(),  -- the last time something joined it
    due_at timestamptz NOT NULL,
    started_at timestamptz,
    last_order_id uuid,  -- how far the notices have come, in the order of ids
    updated_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT event_changes_in_order CHECK (finished_at IS NULL OR started_at IS NOT NULL)
);
CREATE UNIQUE INDEX one_waiting_event_change ON event_changes (event_id) WHERE started_at IS NULL;
CREATE INDEX event_changes_open ON event_changes (due_at) WHERE finished_at IS NULL;
CREATE INDEX event_changes_event ON event_changes (event_id, changed_at);
"""


def upgrade() -> None:
    """Make the table, and the organizers' setting."""
    op.execute(CHANGES)
