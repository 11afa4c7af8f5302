"""Banners in several sizes (EM-002).

Those set before have `banner_url` only, and so have those that code of the release before sets: `banner` counts where
its URL is the same.
"""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: URL, width and height of the banner, and of its variants."""
    op.execute("ALTER TABLE events ADD COLUMN banner jsonb")
