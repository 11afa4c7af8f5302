"""Google's ID tokens and the nonces they answer sign in once (UM-003)."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

USED = """
CREATE TABLE used_id_tokens (
    token_hash text PRIMARY KEY,  -- of what Google has signed, or of the nonce in it
    expires_at timestamptz NOT NULL  -- of the token: later it is refused for its age
);
CREATE INDEX used_id_tokens_expiry ON used_id_tokens (expires_at);
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(USED)
