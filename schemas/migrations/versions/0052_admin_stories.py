"""Indexes for the stories that admins read.

Of refunds and transfers their webhooks, of any row what persons had to do about it, of events their payouts.
"""

from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

INDEXES = (
    "webhook_events_refund ON webhook_events (refund_id) WHERE refund_id IS NOT NULL",
    "webhook_events_disbursement ON webhook_events (disbursement_id) WHERE disbursement_id IS NOT NULL",
    "manual_tasks_subject ON manual_tasks (subject_id)",
    "payouts_event ON payouts (event_id)",
)


def upgrade() -> None:
    """Make the indexes."""
    for each in INDEXES:
        op.execute(f"CREATE INDEX IF NOT EXISTS {each}")
