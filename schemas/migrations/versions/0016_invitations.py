"""Invitations to a gate, apart from the accounts they lead to: an organizer sees them alike, whosever address it is."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INVITATIONS = """
CREATE TABLE staff_invitations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organizer_id uuid NOT NULL REFERENCES users (id),
    email text NOT NULL CHECK (email = lower(email) AND length(email) <= 255),
    full_name text NOT NULL CHECK (length(full_name) BETWEEN 1 AND 255),
    event_ids uuid[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT staff_invitations_once UNIQUE (organizer_id, email)
);
CREATE INDEX staff_invitations_email ON staff_invitations (email);
INSERT INTO staff_invitations (organizer_id, email, full_name, event_ids)  -- who is invited and has not joined
    SELECT organizer_id, email, full_name, ARRAY(SELECT s.event_id FROM event_staff s WHERE s.user_id = u.id)
    FROM users u WHERE role = 'staff' AND NOT is_email_verified AND NOT is_deleted;
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(INVITATIONS)
