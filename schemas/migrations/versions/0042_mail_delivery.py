"""Delivery of mails (NS-008): two more states, each event of the mail service once, and addresses that refuse mails.

`status_at` is when the state of a mail was reported. Old rows have none.
"""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE mail_events (
    event_id text PRIMARY KEY,  -- the mail service's
    email_id uuid NOT NULL REFERENCES emails (id),
    kind text NOT NULL,
    happened_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mail_events_age ON mail_events (created_at);

CREATE TABLE mail_suppressions (
    address_key text PRIMARY KEY,  -- a hash
    reason text NOT NULL CHECK (reason IN ('bounced', 'spam_reported')),
    email_id uuid NOT NULL REFERENCES emails (id),  -- the last mail that was refused
    created_at timestamptz NOT NULL DEFAULT now(),
    lifted_at timestamptz  -- the mail service still has it, until the next mail
);
CREATE INDEX mail_suppressions_age ON mail_suppressions (created_at) WHERE lifted_at IS NULL;
"""


def upgrade() -> None:
    """Create the tables, and allow the states."""
    op.execute(TABLES)
    op.execute("ALTER TABLE emails ADD COLUMN status_at timestamptz")
    op.execute("ALTER TABLE emails DROP CONSTRAINT emails_status_check")
    op.execute("""
        ALTER TABLE emails ADD CONSTRAINT emails_status_check CHECK (status IN
            ('queued', 'sent', 'delivered', 'opened', 'dropped', 'bounced', 'spam_reported', 'failed'))
    """)
