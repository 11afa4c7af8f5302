"""Second factors: the sealed secret of a person's authenticator app, and their unused recovery codes (MFA-1)."""

from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE second_factors (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    secret_sealed text NOT NULL,
    last_step bigint NOT NULL,  -- the newest time step whose password was accepted
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    reset_due_at timestamptz  -- when it is removed, as its owner has lost the phone and every recovery code
);
CREATE INDEX second_factors_reset ON second_factors (reset_due_at) WHERE reset_due_at IS NOT NULL;
CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    code_hash text NOT NULL,  -- a keyed hash
    PRIMARY KEY (user_id, code_hash)
);
"""

GOES_ALONG = """
CREATE OR REPLACE FUNCTION forget_with_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM one_time_codes WHERE user_id = NEW.id;
    DELETE FROM second_factors WHERE user_id = NEW.id;
    DELETE FROM event_staff WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    """Create the tables, which go with their account."""
    op.execute(TABLES)
    op.execute(GOES_ALONG)
