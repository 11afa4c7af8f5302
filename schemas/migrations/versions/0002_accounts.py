"""Accounts: consents, limited sign-in attempts, gate staff per event, deletion."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CONSENTS = """
ALTER TABLE users
    ADD COLUMN marketing_opt_in boolean NOT NULL DEFAULT false,
    ADD COLUMN marketing_changed_at timestamptz,
    ADD COLUMN deleted_at timestamptz,
    ALTER COLUMN terms_version DROP NOT NULL,      -- invited gate staff accept when they choose a password
    ALTER COLUMN terms_accepted_at DROP NOT NULL,
    ADD CONSTRAINT users_accepted_terms
        CHECK ((terms_version IS NULL) = (terms_accepted_at IS NULL)
            AND (terms_version IS NOT NULL OR role = 'staff'));
"""

ATTEMPTS = """
CREATE TABLE login_attempts (  -- wrong passwords by address, whether it has an account or not
    address_key text PRIMARY KEY,  -- a keyed hash: addresses of strangers are not ours to keep
    tries integer NOT NULL CHECK (tries > 0),
    next_try_at timestamptz NOT NULL
);
CREATE INDEX login_attempts_age ON login_attempts (next_try_at);
"""

STAFF = """
CREATE TABLE event_staff (  -- who may scan at which event
    event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, user_id)
);
CREATE INDEX event_staff_user ON event_staff (user_id);
INSERT INTO event_staff (event_id, user_id)  -- until now staff could scan at every event of their organizer
    SELECT e.id, u.id FROM users u JOIN events e ON e.organizer_id = u.organizer_id WHERE u.role = 'staff';
"""

EXPORT = """
CREATE INDEX audit_log_actor ON audit_log (actor_id, at) WHERE actor_id IS NOT NULL;
CREATE INDEX emails_to ON emails (to_address);
"""


def upgrade() -> None:
    """Add what accounts need beyond the sale."""
    for part in (CONSENTS, ATTEMPTS, STAFF, EXPORT):
        op.execute(part)
