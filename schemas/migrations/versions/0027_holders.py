"""Holders that can be corrected, and how many mails strangers may cause (NAME-1, TS-018).

A new name makes a new QR code: `tickets.revision` is in the code, and only the current one lets somebody in.
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

HOLDERS = """
ALTER TABLE tickets ADD COLUMN revision integer NOT NULL DEFAULT 1 CHECK (revision BETWEEN 1 AND 65535);
ALTER TABLE events ADD COLUMN name_change_deadline timestamptz;  -- NULL: the event's start

CREATE TABLE mail_quotas (
    subject text NOT NULL,  -- what is counted, as `resend:<order>`; addresses as a hash
    day date NOT NULL DEFAULT CURRENT_DATE,
    used integer NOT NULL CHECK (used > 0),
    most integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, day),
    CONSTRAINT mail_quota_not_exceeded CHECK (used <= most)
);
CREATE INDEX mail_quotas_age ON mail_quotas (created_at);
"""


def upgrade() -> None:
    """Make the columns and the table."""
    op.execute(HOLDERS)
