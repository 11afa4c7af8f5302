"""Codes to sign in with, by address: who asks for one may have no account yet (AUTH-1).

The columns are those of one_time_codes. Mails with codes to addresses that nobody proves are forgotten as others are.
"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

CODES = """
CREATE TABLE sign_in_codes (
    address_key text PRIMARY KEY,  -- a keyed hash
    code_hash text NOT NULL,
    tries_left integer NOT NULL CHECK (tries_left >= 0),
    tries_elsewhere integer NOT NULL CHECK (tries_elsewhere >= 0),
    asked_from text NOT NULL,
    accepts_terms boolean NOT NULL DEFAULT false,  -- at created_at
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_codes_expiry ON sign_in_codes (expires_at);
"""


def upgrade() -> None:
    """Create the table, and add its mails to the index of what is forgotten."""
    op.execute(CODES)
    op.execute("DROP INDEX emails_unproved")
    op.execute("""
        CREATE INDEX emails_unproved ON emails (created_at)
            WHERE template IN ('verify_email', 'reset_password', 'sign_in', 'staff_invitation') AND to_address <> ''
    """)
