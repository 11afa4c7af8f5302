"""Rows past their time, as the nightly cleaning finds them, and those it may never delete (DP-003).

The product's role loses the right to delete what the tax law wants for seven years. The rows of a deleted
draft go by their foreign keys, and no row that somebody has bought hangs on one.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Partial, so that each holds no more than what is still to go.
INDEXES = """
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
CREATE INDEX webhook_events_payloads ON webhook_events (created_at) WHERE payload <> '{}';
CREATE INDEX emails_context ON emails (created_at) WHERE context <> '{}';
CREATE INDEX emails_farewell ON emails (created_at) WHERE template = 'account_deleted' AND to_address <> '';
"""

RIGHTS = """
REVOKE DELETE ON users, orders, order_items, payments, webhook_events, tickets, refunds, refund_items, bank_accounts,
    payouts, disbursements, event_cancellations, bib_numbers FROM karcis_app;
"""


def upgrade() -> None:
    """Add the indexes, and take the rights away."""
    op.execute(INDEXES)
    op.execute(RIGHTS)
