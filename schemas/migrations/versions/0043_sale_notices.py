"""How an organizer is told of sales (NOTIFY-1), and the sales that wait for their digest."""

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the choice to accounts, and create the table."""
    op.execute("""
        ALTER TABLE users ADD COLUMN sale_notices text NOT NULL DEFAULT 'first_sales'
            CHECK (sale_notices IN ('first_sales', 'digest', 'off'))
    """)
    op.execute("""
        CREATE TABLE digest_sales (
            order_id uuid PRIMARY KEY REFERENCES orders (id),
            organizer_id uuid NOT NULL REFERENCES users (id),
            created_at timestamptz NOT NULL DEFAULT now(),
            told_at timestamptz
        )
    """)
    op.execute("CREATE INDEX digest_sales_untold ON digest_sales (organizer_id) WHERE told_at IS NULL")
    op.execute("CREATE INDEX digest_sales_told ON digest_sales (told_at) WHERE told_at IS NOT NULL")
