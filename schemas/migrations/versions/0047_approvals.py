"""Actions that one admin requests and another one approves, within a day."""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE approvals (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    action text NOT NULL CHECK (action IN ('event_cancellation', 'second_factor_reset')),
    subject_id uuid NOT NULL,
    reason text NOT NULL CHECK (char_length(reason) BETWEEN 1 AND 1000),
    details jsonb NOT NULL DEFAULT '{}',
    requested_by uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
    decision text CHECK (decision IN ('approved', 'declined', 'expired')),
    decided_by uuid REFERENCES users (id),
    decided_at timestamptz,
    CHECK ((decision IS NULL) = (decided_at IS NULL)),
    CHECK ((decision IN ('approved', 'declined')) = (decided_by IS NOT NULL)),
    CONSTRAINT approved_by_another CHECK (decision <> 'approved' OR decided_by <> requested_by),
    CONSTRAINT approved_in_time CHECK (decision <> 'approved' OR decided_at < expires_at)
);
CREATE UNIQUE INDEX one_open_approval ON approvals (action, subject_id) WHERE decision IS NULL;
REVOKE DELETE ON approvals FROM karcis_app;
"""


def upgrade() -> None:
    """Create the table; its rows stay, as the audit trail does."""
    op.execute(TABLE)
