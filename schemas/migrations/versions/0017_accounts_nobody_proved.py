"""Accounts whose address nobody has proved are forgotten by the nightly cleaning (DP-003), with what hangs on them.

The cleaning knows one table at a time, and codes and duties at a gate are of no use without their account: they go
with it, whoever forgets it.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Partial, so that each holds no more than what is still to go.
INDEXES = """
CREATE INDEX users_unproved ON users (updated_at) WHERE NOT is_email_verified AND NOT is_deleted;
CREATE INDEX emails_unproved ON emails (created_at)
    WHERE template IN ('verify_email', 'reset_password', 'staff_invitation') AND to_address <> '';
"""

GOES_ALONG = """
CREATE FUNCTION forget_with_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM one_time_codes WHERE user_id = NEW.id;
    DELETE FROM event_staff WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_with_account AFTER UPDATE OF is_deleted ON users
    FOR EACH ROW WHEN (NEW.is_deleted AND NOT OLD.is_deleted) EXECUTE FUNCTION forget_with_account();
"""


def upgrade() -> None:
    """Add the indexes and the trigger."""
    op.execute(INDEXES)
    op.execute(GOES_ALONG)
