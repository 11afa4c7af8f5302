"""Indexes for what admins look for.

Mails that did not arrive, refunds that failed, a refund's reference at its gateway, a pickup code, and events that are
not published. While they are made, writers of these tables wait for seconds; where there are millions of rows, make
them before, by hand and CONCURRENTLY.
"""

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

INDEXES = (
    "emails_undelivered ON emails (created_at) WHERE status IN ('failed', 'bounced', 'dropped', 'spam_reported')",
    "refunds_failed ON refunds (updated_at) WHERE status = 'failed'",
    "refunds_gateway_refund_id ON refunds (gateway_refund_id) WHERE gateway_refund_id IS NOT NULL",
    "pickups_code_first ON pickups (code)",
    "events_unpublished_search ON events USING gin (search_folded) WHERE status <> 'published'",
)


def upgrade() -> None:
    """Make the indexes."""
    for each in INDEXES:
        op.execute(f"CREATE INDEX IF NOT EXISTS {each}")
