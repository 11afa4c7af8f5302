"""Registrations over an address that has an account, so that signing in with it tells nothing (UM-006)."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

CLAIMS = """
CREATE TABLE address_claims (
    address_key text PRIMARY KEY,  -- a keyed hash, as in login_attempts
    password_hash text,  -- NULL: there were two passwords, and neither counts
    created_at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(CLAIMS)
