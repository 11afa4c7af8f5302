"""When a session's person last proved who they are (UM-004): what is sensitive asks for a fresh proof.

NULL is too long ago. Sessions that are open already are asked once more.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE refresh_tokens ADD COLUMN proven_at timestamptz")
