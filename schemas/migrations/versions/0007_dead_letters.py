"""Messages and tasks given up after their last try, until an admin has decided about them (PS-028)."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DEAD_LETTERS = """
CREATE TABLE dead_letters (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('message', 'task')),
    source text NOT NULL,      -- a message's topic, a task's queue
    target text NOT NULL,      -- who gave it up: a subscription, or a task's function and path
    payload jsonb NOT NULL,
    attempts integer,
    message_id text NOT NULL,  -- taken in twice it is here once
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    decision text CHECK (decision IN ('replayed', 'discarded')),
    reason text,
    decided_by text,
    decided_at timestamptz,
    CONSTRAINT dead_letters_once UNIQUE (message_id),
    CONSTRAINT dead_letters_decided CHECK ((decision IS NULL) = (decided_at IS NULL))
);
CREATE INDEX dead_letters_open ON dead_letters (created_at) WHERE decision IS NULL;
"""


def upgrade() -> None:
    """Add the list."""
    op.execute(DEAD_LETTERS)
