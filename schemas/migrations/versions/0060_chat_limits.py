"""Bounds of chats: messages counted a day for the budget, a fair sweep, and holds by phone number (CHAT-5)."""

from alembic import op

revision = "0060"
down_revision = "0057"
branch_labels = None
depends_on = None

# Of a day in Jakarta. A few rows a day, so that many senders at once do not wait for one.
USAGE = """
CREATE TABLE chat_usage (
    day date NOT NULL,
    part smallint NOT NULL CHECK (part BETWEEN 0 AND 15),
    messages int NOT NULL CHECK (messages >= 0),
    PRIMARY KEY (day, part)
);
"""
SWEEP = "ALTER TABLE chat_senders ADD COLUMN swept_at timestamptz"
PHONES = "CREATE INDEX users_chat_phone ON users (phone) WHERE email LIKE '%@chat.invalid'"


def upgrade() -> None:
    """Create the table, the column and the index."""
    for statement in (USAGE, SWEEP, PHONES):
        op.get_bind().exec_driver_sql(statement)
