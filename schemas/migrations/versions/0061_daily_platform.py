"""The platform's figures of each day that is over, counted once from the books (AR-007)."""

from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE daily_platform_sales (
    day date NOT NULL,
    method text NOT NULL,
    gateway text NOT NULL,
    transactions bigint NOT NULL,
    turnover bigint NOT NULL,
    PRIMARY KEY (day, method, gateway)
);
CREATE TABLE daily_platform_books (
    day date PRIMARY KEY,
    postings bigint NOT NULL DEFAULT 0,
    refunded_amount bigint NOT NULL DEFAULT 0,
    platform_fees bigint NOT NULL DEFAULT 0,
    commissions bigint NOT NULL DEFAULT 0,
    penalties bigint NOT NULL DEFAULT 0,
    differences bigint NOT NULL DEFAULT 0,
    promotions bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE daily_platform_books IS 'A row for each day that is closed'
"""


def upgrade() -> None:
    """Create the tables; the next night fills them."""
    op.execute(TABLES)
