"""An event's orders in their order, and payments by what a bank or a gateway calls them: for the organizer's lists.

The index by event and state gets the order in which orders were made, and stays one index: reserving writes no more of
them. While it is made, orders wait; where there are millions, make it before, by hand and CONCURRENTLY.
"""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the index, and make two."""
    op.execute("CREATE INDEX IF NOT EXISTS orders_event_created ON orders (event_id, status, created_at, id)")
    op.execute("DROP INDEX orders_event")
    op.execute("CREATE INDEX payments_va_number ON payments (va_number) WHERE va_number IS NOT NULL")
    op.execute("CREATE INDEX payments_transaction_id ON payments (transaction_id) WHERE transaction_id IS NOT NULL")
