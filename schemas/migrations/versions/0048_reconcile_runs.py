"""Runs of reconcile: by its schedule, and those that an admin has requested, of which one waits at a time."""

from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE reconcile_runs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    thorough boolean NOT NULL,
    requested_by uuid REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    totals jsonb NOT NULL DEFAULT '{}',
    correlation_id text NOT NULL DEFAULT '',
    CHECK (finished_at IS NULL OR started_at IS NOT NULL)
);
CREATE UNIQUE INDEX one_waiting_reconcile_run ON reconcile_runs ((true)) WHERE started_at IS NULL;
CREATE INDEX reconcile_runs_age ON reconcile_runs (created_at);
"""
# What has run before, as the audit trail tells it: a run is one line there, written at its end.
EARLIER = """
INSERT INTO reconcile_runs (thorough, created_at, started_at, finished_at, totals, correlation_id)
SELECT (details ->> 'thorough')::boolean, at, at - interval '1 minute', at, details -> 'totals',
    COALESCE(correlation_id, '')
FROM audit_log WHERE action = 'reconcile_run' AND at > now() - interval '14 days'
"""


def upgrade() -> None:
    """Create the table, and fill it with the runs of two weeks."""
    op.execute(TABLE)
    op.execute(EARLIER)
